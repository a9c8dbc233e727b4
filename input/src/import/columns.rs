//! Which column of invoice lines holds what.

use super::{mapping::Mapping, summary::RowError};
use crate::entry::{Kind, plain};

/// A column of invoice lines.
pub(super) struct Name {
    /// What the *Online Retail* data set calls it.
    pub(super) column: &'static str,
    /// What `--map` calls what it holds.
    pub(super) field: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
}

const fn name(column: &'static str, field: &'static str, kind: Kind) -> Name {
    Name { column, field, kind }
}

/// The columns that are needed.
pub(super) const NAMES: [Name; 7] = [
    name("InvoiceNo", "invoice_id", Kind::Id),
    name("StockCode", "product_id", Kind::Id),
    name("Description", "name", Kind::Text),
    name("Quantity", "quantity", Kind::Whole),
    name("InvoiceDate", "timestamp", Kind::Time),
    name("UnitPrice", "unit_price", Kind::Money),
    name("CustomerID", "client_id", Kind::Id),
];
pub(super) const INVOICE: usize = 0;
pub(super) const PRODUCT: usize = 1;
pub(super) const DESCRIPTION: usize = 2;
pub(super) const QUANTITY: usize = 3;
pub(super) const DATE: usize = 4;
pub(super) const PRICE: usize = 5;
pub(super) const CLIENT: usize = 6;

/// Where the columns are.
#[derive(Default)]
pub(super) struct Columns {
    /// The place of each of [`NAMES`]; none of one that the file has not.
    pub(super) places: [Option<usize>; NAMES.len()],
    /// All columns of the file, by name.
    pub(super) header: Vec<String>,
}

/// Why a header is none of invoice lines.
pub(super) enum HeaderFault {
    /// Two columns that hold the same.
    Ambiguous(&'static str),
    /// Columns that are not there.
    Missing(Vec<&'static str>),
    /// A column that is there, and is mapped to what another is needed for; the field that nothing holds then.
    MappedAway { column: String, field: &'static str },
}

impl Columns {
    /// The columns of a header.
    pub(super) fn of(header: Vec<String>, mapping: &Mapping) -> Result<Self, HeaderFault> {
        let mut places = [None; NAMES.len()];
        for (place, column) in header.iter().enumerate() {
            let Some(name) = NAMES.iter().position(|name| mapping.holds(column, name.field, &[plain(name.column)]))
            else {
                continue;
            };
            if places[name].replace(place).is_some() {
                return Err(HeaderFault::Ambiguous(NAMES[name].column));
            }
        }
        // Other layouts need not have what an event can do without.
        let optional = |name| mapping.says_anything() && [DESCRIPTION, CLIENT].contains(&name);
        let missing: Vec<_> = (0..NAMES.len()).filter(|name| places[*name].is_none() && !optional(*name)).collect();
        // What stands there under its own name lacks only because it was mapped to another field.
        let by_name = |name: &usize| header.iter().find(|column| plain(column) == plain(NAMES[*name].column));
        if let Some((column, name)) = missing.iter().find_map(|name| Some((by_name(name)?, *name))) {
            return Err(HeaderFault::MappedAway { column: column.clone(), field: NAMES[name].field });
        }
        match missing.is_empty() {
            true => Ok(Self { places, header }),
            false => Err(HeaderFault::Missing(missing.into_iter().map(|name| NAMES[name].column).collect())),
        }
    }

    /// The columns that hold nothing of a sale.
    pub(super) fn unread(&self) -> Vec<String> {
        let unread =
            |(place, column): &(usize, &String)| !self.places.contains(&Some(*place)) && !column.trim().is_empty();
        self.header.iter().enumerate().filter(unread).map(|(_, column)| column.clone()).collect()
    }

    /// What a column is called in the file.
    pub(super) fn name(&self, column: usize) -> &str {
        self.places[column].and_then(|place| self.header.get(place)).map_or(NAMES[column].column, String::as_str)
    }

    pub(super) fn fault(&self, column: usize, what: &str) -> RowError {
        RowError { column: self.places[column], reason: format!("{} {what}", self.name(column)) }
    }
}
