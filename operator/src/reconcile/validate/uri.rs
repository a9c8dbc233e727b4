//! What can be said of MongoDB's address without asking anybody. Nothing here shows the address: it holds a password.

use stockstream_model::settings::{FilesInUri, is_reserved_database};
use stockstream_store::mongo::address;

use crate::{
    reconcile::{field_names::to_crd_fields, observed::Problem},
    resource::SecretKeyRef,
};

const FORM: &str = "mongodb://user:password@host:27017/stock_management";

/// The name of the database in an address, as it is written there.
pub(super) fn database(content: &[u8], namespace: &str, at: &SecretKeyRef) -> Result<String, Problem> {
    let SecretKeyRef { name, key } = at;
    let place = format!("the MongoDB address in secret {namespace}/{name}, key {key},");
    let invalid = |what: &str| Problem {
        reason: "AddressInvalid",
        message: format!("{place} {what}: write it as {FORM}"),
        stalled: true,
    };
    let text = std::str::from_utf8(content).map_err(|_| invalid("is not text"))?.trim();
    let rest = ["mongodb://", "mongodb+srv://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .ok_or_else(|| invalid("begins with neither mongodb:// nor mongodb+srv://"))?;
    address::check(text, FilesInUri::Refuse).map_err(|what| Problem {
        reason: "AddressNotAllowed",
        message: format!("{place} is not used: {}", to_crd_fields(&what)),
        stalled: true,
    })?;
    let address = rest.split_once('?').map_or(rest, |(address, _)| address);
    match address.split_once('/').map(|(_, database)| database) {
        Some(database) if is_reserved_database(database) => Err(Problem {
            reason: "DatabaseReserved",
            message: format!(
                "{place} names database {database}, which MongoDB keeps for itself, as it does admin, local and config: name \
                 another one, as in {FORM}"
            ),
            stalled: true,
        }),
        Some(database) if !database.is_empty() => Ok(database.to_owned()),
        _ => Err(Problem {
            reason: "DatabaseNotNamed",
            message: format!("{place} names no database: write it behind the host, as in {FORM}"),
            stalled: true,
        }),
    }
}
