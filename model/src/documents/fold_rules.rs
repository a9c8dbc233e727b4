//! By which rules events are folded.

use crate::{
    Timestamp,
    event::{Dated, Rejection},
    settings::HumanDuration,
};

/// What a range folds to depends on these besides its events. A claim carries them: whoever finishes it folds by the same,
/// since another fold of a range that was applied in part would count some keys by one rule and others by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FoldRules {
    /// The version of the fold.
    pub version: i64,
    /// How far an event's times may lie ahead of its Kafka timestamp; `None`: as far as they like.
    pub future_tolerance: Option<HumanDuration>,
}

impl FoldRules {
    /// Those of a claim that names none: a return is a sale too, and times may lie ahead.
    pub const FIRST: Self = Self { version: 1, future_tolerance: None };
    /// The version that this program claims with: a return is no sale.
    pub const VERSION: i64 = 2;

    /// Those that this program claims with.
    pub const fn checking(future_tolerance: HumanDuration) -> Self {
        Self { version: Self::VERSION, future_tolerance: Some(future_tolerance) }
    }

    /// Whether this program can fold by them.
    pub fn are_known(self) -> bool {
        (Self::FIRST.version..=Self::VERSION).contains(&self.version)
    }

    /// Whether a line of that quantity is a sale: it moves a product's first and last sale, and makes an invoice of its event.
    pub const fn is_sale(self, quantity: i64) -> bool {
        quantity > 0 || self.version < 2
    }

    /// Refuses an event whose times lie too far ahead of its Kafka timestamp, where it has one.
    ///
    /// # Errors
    /// The field that does.
    pub fn check(self, event: &impl Dated, produced_at: Option<Timestamp>) -> Result<(), Rejection> {
        match (produced_at, self.future_tolerance) {
            (Some(produced_at), Some(tolerance)) => event.check_future(produced_at, tolerance),
            _ => Ok(()),
        }
    }
}

impl Default for FoldRules {
    /// The current version, without a check of times.
    fn default() -> Self {
        Self { version: Self::VERSION, future_tolerance: None }
    }
}
