//! Working state: what is kept per product, batch and client.

use std::collections::BTreeMap;

use crate::{Day, Money, Timestamp, analytics::Tier};

/// Which of two full records wins: the later `updated_at` (else Kafka timestamp), then incarnation, partition, offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// `updated_at`, else the record's Kafka timestamp.
    pub at: Timestamp,
    /// The topic's incarnation.
    pub incarnation: i64,
    /// The partition it came from.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

impl Version {
    /// A text that sorts as the versions do, byte by byte: four hexadecimal numbers of fixed width.
    pub fn sortable(&self) -> String {
        let at = (self.at.millis() as u64) ^ (1 << 63); // negative times before positive ones
        format!("{at:016x}.{:08x}.{:08x}.{:016x}", self.incarnation, self.partition, self.offset)
    }
}

/// A product's latest record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProductRecord {
    /// Its name.
    pub name: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// What one costs the shop.
    pub buy_price: Option<Money>,
    /// What one is sold for.
    pub sell_price: Option<Money>,
    /// The margin the shop wants at least.
    pub min_margin_threshold: Option<Money>,
}

/// A day's totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DayTotals {
    /// Invoices, returns left out (of a product: those that sell it).
    pub invoices: i64,
    /// Units, returns deducted.
    pub units: i64,
    /// Revenue (of a product: of its lines with a price).
    pub revenue: Money,
    /// Units of lines without a price (of a product).
    pub unpriced: i64,
}

/// Everything kept per product.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProductState {
    /// The product.
    pub product_id: String,
    /// Units sold, returns deducted.
    pub units: i64,
    /// Revenue of lines with a price.
    pub revenue: Money,
    /// Cost of lines with a cost.
    pub cost: Money,
    /// Units of lines without a price.
    pub unpriced: i64,
    /// Units of lines without a cost.
    pub uncosted: i64,
    /// The earliest sale.
    pub first_sale: Option<Timestamp>,
    /// The latest sale.
    pub last_sale: Option<Timestamp>,
    /// Sales and returns by day, from `historyDays` before the last sale.
    pub days: BTreeMap<Day, DayTotals>,
    /// The latest record and its version.
    pub record: Option<ProductRecord>,
    /// The latest record's version.
    pub version: Option<Version>,
    /// Sum of the quantities of all accepted inventory events.
    pub stock_sum: i64,
    /// Count of all accepted inventory events.
    pub stock_count: i64,
}

impl ProductState {
    /// Forgets the days before so many, of which that of the last sale is the last. What is forgotten can never come back in, since
    /// the last sale only grows: the order of events leaves no trace.
    pub fn forget_days(&mut self, history_days: u32) {
        if let Some(last) = self.last_sale {
            self.days.retain(|day, _| last.day().since(*day) < i64::from(history_days));
        }
    }
}

/// Everything kept per product and batch: its latest record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InventoryState {
    /// The product.
    pub product_id: String,
    /// The batch, if it has one.
    pub batch_number: Option<String>,
    /// How many are in stock.
    pub quantity: i64,
    /// When it expires.
    pub expiry_date: Option<Timestamp>,
    /// The movement the record states: `last_movement`, else `created_at`, else `updated_at`, else the Kafka timestamp.
    pub movement: Timestamp,
    /// Names and prices as the record gives them.
    pub record: ProductRecord,
    /// The record's version.
    pub version: Version,
}

/// The fields of a client's latest record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientRecordFields {
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Revenue from before the pipeline.
    pub base_revenue: Money,
    /// The tier the shop grants.
    pub tier: Option<Tier>,
}

/// Everything kept per client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientState {
    /// The client.
    pub client_id: String,
    /// Revenue of the invoices, returns deducted.
    pub revenue: Money,
    /// How many invoices; a return is none.
    pub invoices: i64,
    /// The latest of them.
    pub last_purchase: Option<Timestamp>,
    /// The latest record.
    pub record: ClientRecordFields,
    /// The latest record's version.
    pub version: Option<Version>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_versions_sorts_as_the_versions_do() {
        let mut versions = Vec::new();
        for at in [-5, 0, 7, 1 << 40] {
            for (incarnation, partition, offset) in [(0, 0, 9), (0, 0, 10), (0, 3, 1), (2, 0, 0)] {
                versions.push(Version { at: Timestamp::from_millis(at), incarnation, partition, offset });
            }
        }
        let texts: Vec<_> = versions.iter().map(Version::sortable).collect();
        assert!(versions.is_sorted() && texts.is_sorted(), "{texts:?}");
    }
}
