//! The three events, as JSON in UTF-8: what is accepted, what is refused and why.
//!
//! Unknown fields are ignored. An id is a string or a whole number, a time is RFC 3339 or without a zone (UTC), money is a
//! number or a string; elsewhere the types are strict.

mod client;
mod dated;
mod decode;
mod depth;
mod escape;
mod hint;
mod id;
mod inventory;
mod sale;
mod schema;

use std::fmt;

pub use client::ClientRecord;
pub use dated::Dated;
pub use decode::{Reason, Rejection, decode_client, decode_inventory, decode_sale};
pub use id::{Id, MAX_ID_BYTES};
pub use inventory::InventoryRecord;
pub use sale::{Item, LinesTotal, MAX_ITEMS, Sale};
pub use schema::json_schema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most that a price, cost or stated amount may be.
pub const MAX_AMOUNT: i64 = 1_000_000_000;
/// The most that a quantity may be, either way.
pub const MAX_QUANTITY: i64 = 1_000_000_000;
/// The most that the amount of one line may be, either way.
pub const MAX_LINE_AMOUNT: i64 = 10_000_000_000;
/// The most that the lines of one sale may amount to together, either way, and what they may cost.
pub const MAX_SALE_AMOUNT: i64 = MAX_LINE_AMOUNT;
/// The most units that one sale may have, either way.
pub const MAX_SALE_UNITS: i64 = 10_000_000_000;
/// The longest text of a name, address or category, in bytes.
pub const MAX_TEXT_BYTES: usize = 4_096;

/// Which of the three event streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Invoices.
    Sales,
    /// Full records of a product and batch in stock.
    Inventory,
    /// Full records of a client.
    Clients,
}

impl EventKind {
    /// All three, in the order in which they are checked.
    pub const ALL: [Self; 3] = [Self::Sales, Self::Inventory, Self::Clients];

    /// The lower-case name, as in checkpoint ids and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sales => "sales",
            Self::Inventory => "inventory",
            Self::Clients => "clients",
        }
    }

    /// The letter that begins the names of its high-water marks.
    pub const fn letter(self) -> char {
        match self {
            Self::Sales => 's',
            Self::Inventory => 'i',
            Self::Clients => 'c',
        }
    }

    /// The stream of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.name() == name)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
