//! What an address of MongoDB may ask the driver to do.
//!
//! The driver can take an identity from where it runs (a Kubernetes token, the credentials of a cloud, a Kerberos ticket) and
//! show it to whatever host the address names. So whoever writes an address could have it from a process that may do more
//! than the writer may. Therefore an address names only sign-ins whose secret it holds itself, and only options that are
//! known here; an address from a resource of Kubernetes names no file either.

use mongodb::options::{AuthMechanism, ClientOptions, ServerAddress, Tls};
use stockstream_model::settings::{FilesInUri, MongoTls};

/// Sign-ins that show only what the address, or the client certificate of the settings, holds.
const MECHANISMS: [&str; 4] = ["SCRAM-SHA-256", "SCRAM-SHA-1", "MONGODB-X509", "PLAIN"];

/// Options that name neither a file nor an identity, in small letters, as the driver compares them.
const OPTIONS: [&str; 34] = [
    "appname",
    "authmechanism",
    "authsource",
    "compressors",
    "connecttimeoutms",
    "directconnection",
    "heartbeatfrequencyms",
    "journal",
    "loadbalanced",
    "localthresholdms",
    "maxconnecting",
    "maxidletimems",
    "maxpoolsize",
    "maxstalenessseconds",
    "minpoolsize",
    "readconcernlevel",
    "readpreference",
    "readpreferencetags",
    "replicaset",
    "retryreads",
    "retrywrites",
    "servermonitoringmode",
    "serverselectiontimeoutms",
    "sockettimeoutms",
    "srvmaxhosts",
    "srvservicename",
    "ssl",
    "tls",
    "tlsallowinvalidcertificates",
    "tlsinsecure",
    "uuidrepresentation",
    "w",
    "waitqueuetimeoutms",
    "wtimeoutms",
];

/// Options that name files.
const FILES: [&str; 3] = ["tlscafile", "tlscertificatekeyfile", "tlscertificatekeyfilepassword"];

/// A replica set has 50 members at most.
const MOST_HOSTS: usize = 50;

const NO_FILES: &str = "this address may name no files: name the Secrets that hold them by mongodb.tls.caFile, \
                        mongodb.tls.certFile and keyFile";

/// Checks the text of an address, before the driver reads it.
///
/// # Errors
/// What is not allowed and what to write instead, without anything that may be a secret.
pub fn check(uri: &str, files: FilesInUri) -> Result<(), String> {
    let (place, options) = uri.trim().split_once('?').unwrap_or((uri.trim(), ""));
    let named = place.rsplit_once('@').map_or(place, |(_, hosts)| hosts).matches(',').count() + 1;
    if files == FilesInUri::Refuse {
        check_hosts(named)?;
    }
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let small = name.to_ascii_lowercase();
        let is_known = OPTIONS.contains(&small.as_str());
        let said = match small.as_str() {
            // What tools write who let the server choose.
            "authmechanism" if value.eq_ignore_ascii_case("default") => continue,
            "authmechanism" if !MECHANISMS.contains(&value.to_ascii_uppercase().as_str()) => mechanism(value),
            "authmechanismproperties" => {
                "it sets authMechanismProperties, which none of the sign-ins that are allowed needs: leave it out"
                    .into()
            }
            file if FILES.contains(&file) => match files {
                FilesInUri::Allow => continue,
                FilesInUri::Refuse => format!("it sets {name}; {NO_FILES}"),
            },
            _ if is_known => continue,
            _ => format!("it sets the option {name:?}, which is not known here: leave it out, or correct its name"),
        };
        return Err(without_secrets(&said, uri));
    }
    Ok(())
}

/// The client keeps connections and watches for each host, and a resource is another's.
fn check_hosts(named: usize) -> Result<(), String> {
    if named <= MOST_HOSTS {
        return Ok(());
    }
    Err(format!(
        "it names {named} hosts, and {MOST_HOSTS} are the most: name some members of the replica set or some mongos"
    ))
}

fn mechanism(name: &str) -> String {
    format!(
        "it names the sign-in {name:?}, and only {} are allowed: others take an identity from the machine or its cloud and \
         show it to the server that the address names",
        MECHANISMS.join(", ")
    )
}

/// Checks what the driver made of an address, the records of the name service included.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_options(
    options: &ClientOptions,
    files: FilesInUri,
    settings: Option<&MongoTls>,
) -> Result<(), String> {
    let has_certificates = settings.is_some_and(|tls| tls.ca_file.is_some() || tls.cert_file.is_some());
    let sign_in = options.credential.as_ref().and_then(|credential| credential.mechanism.as_ref());
    match sign_in {
        None | Some(AuthMechanism::ScramSha1 | AuthMechanism::ScramSha256 | AuthMechanism::MongoDbX509) => {}
        Some(AuthMechanism::Plain) if is_verified(options.tls.as_ref(), has_certificates) => {}
        Some(AuthMechanism::Plain) => {
            return Err(
                "the sign-in PLAIN sends the password itself, so it needs TLS with a certificate that is verified: \
                        add tls=true, and leave tlsInsecure and tlsAllowInvalidCertificates out"
                    .into(),
            );
        }
        Some(other) => return Err(mechanism(&format!("{other:?}"))),
    }
    let has_properties =
        options.credential.as_ref().is_some_and(|credential| credential.mechanism_properties.is_some());
    if has_properties {
        return Err("it sets authMechanismProperties: leave it out".into());
    }
    if files == FilesInUri::Allow {
        return Ok(());
    }
    check_hosts(options.hosts.len())?;
    let names_files = match &options.tls {
        Some(Tls::Enabled(tls)) => tls.ca_file_path.is_some() || tls.cert_key_file_path.is_some(),
        _ => false,
    };
    // Sockets are the only other hosts there are, and those of a later driver are not known to be safe.
    let is_all_tcp = options.hosts.iter().all(|host| matches!(host, ServerAddress::Tcp { .. }));
    if names_files || !is_all_tcp { Err(NO_FILES.into()) } else { Ok(()) }
}

/// Whether the server must show a certificate that is verified. Certificates of the settings switch TLS on.
fn is_verified(tls: Option<&Tls>, has_certificates: bool) -> bool {
    match tls {
        Some(Tls::Enabled(tls)) => tls.allow_invalid_certificates != Some(true),
        _ => has_certificates,
    }
}

/// The driver may quote what it could not read, and where a sign of a password is not escaped, a part of the password is
/// that: it must not go to a log.
pub(crate) fn without_secrets(message: &str, uri: &str) -> String {
    /// Shorter parts are in any message, and tell nothing.
    const TELLING: usize = 3;
    let login = uri.rsplit_once('@').map_or("", |(credentials, _)| credentials);
    let login = login.split_once("://").map_or(login, |(_, login)| login);
    let password = login.split_once(':').map_or(login, |(_, password)| password);
    let mut parts = password.split(['@', '/', ':', '?', '#', '%', '&', '=', ',']);
    if parts.any(|part| part.len() >= TELLING && message.contains(part)) {
        return "it cannot be read; write signs of user and password that mean something in addresses as %40 for @, %2F for /, \
                %3A for :, %25 for %"
            .into();
    }
    message.to_owned()
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
