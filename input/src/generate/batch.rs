//! Goods that came together.

use stockstream_model::{Day, Timestamp};

/// Goods that came together. Goods that do not expire are all one batch, without a number.
pub(super) struct Batch {
    pub(super) number: Option<String>,
    pub(super) expires: Option<Day>,
    pub(super) quantity: u32,
    /// The quantity of its last record.
    pub(super) reported: u32,
    pub(super) created: Timestamp,
    pub(super) moved: Timestamp,
}

impl Batch {
    pub(super) fn new(
        number: Option<String>,
        expires: Option<Day>,
        quantity: u32,
        created: Timestamp,
        moved: Timestamp,
    ) -> Self {
        Self { number, expires, quantity, reported: quantity, created, moved }
    }

    pub(super) fn expired(&self, today: Day) -> bool {
        self.expires.is_some_and(|expires| expires < today)
    }
}

/// The number of what was delivered that day.
pub(super) fn number_of(delivered: Timestamp) -> String {
    format!("L{}", delivered.day()).replace('-', "")
}
