//! What a client is worth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Money, settings::ClientTiers};

/// A loyalty tier, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Tier {
    /// Everybody.
    Bronze,
    /// From the silver threshold.
    Silver,
    /// From the gold threshold.
    Gold,
}

impl Tier {
    /// All of them, lowest first.
    pub const ALL: [Self; 3] = [Self::Bronze, Self::Silver, Self::Gold];

    /// The name as stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bronze => "Bronze",
            Self::Silver => "Silver",
            Self::Gold => "Gold",
        }
    }

    /// The tier of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

/// What is derived from a client's totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientWorth {
    /// Revenue from before the pipeline and from all invoices.
    pub total: Money,
    /// By the thresholds, never below the tier the client's record states.
    pub tier: Tier,
    /// Whether a promotion is due.
    pub promo: bool,
}

/// Total, tier and promotion of a client.
pub fn client_worth(base: Money, invoices: Money, stated: Option<Tier>, rules: &ClientTiers) -> ClientWorth {
    let total = base.saturating_add(invoices);
    let earned = match total {
        total if total >= rules.gold => Tier::Gold,
        total if total >= rules.silver => Tier::Silver,
        _ => Tier::Bronze,
    };
    ClientWorth { total, tier: stated.map_or(earned, |stated| stated.max(earned)), promo: total > rules.promo }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_reached_at_silver_and_gold_and_passed_at_promo() {
        let worth =
            |amount: &str, stated| client_worth(Money::ZERO, amount.parse().unwrap(), stated, &ClientTiers::default());
        assert_eq!((worth("9999.9999", None).tier, worth("9999.9999", None).promo), (Tier::Bronze, false));
        assert_eq!((worth("10000", None).tier, worth("10000", None).promo), (Tier::Silver, false));
        assert!(worth("10000.0001", None).promo);
        assert_eq!(worth("20000", None).tier, Tier::Gold);
        assert_eq!(
            (worth("1", Some(Tier::Gold)).tier, worth("20000", Some(Tier::Bronze)).tier),
            (Tier::Gold, Tier::Gold)
        );
    }
}
