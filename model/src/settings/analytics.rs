//! What is computed: weights, thresholds and clocks.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::HumanDuration;
use crate::{Day, Decimal, Money, Timestamp};

/// What is computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Analytics {
    /// The day to which idle days and expiry are counted: `Now`, `LatestEvent` (the greatest event time seen) or a date.
    pub as_of: AsOf,
    /// How often views are evaluated although no event came, because time alone changes risk. `0`: strictly by event.
    pub reevaluate_every: HumanDuration,
    /// For how many days each product keeps its sales by day.
    #[schemars(range(min = 1, max = 366))]
    pub history_days: u32,
    /// Which products win.
    pub product_winners: ProductWinners,
    /// Which stock is about to be lost.
    pub loss_risk: LossRisk,
    /// What each client is worth.
    pub clients: ClientTiers,
}

impl Default for Analytics {
    fn default() -> Self {
        Self {
            as_of: AsOf::Now,
            reevaluate_every: HumanDuration::from_millis(3_600_000),
            history_days: 90,
            product_winners: ProductWinners::default(),
            loss_risk: LossRisk::default(),
            clients: ClientTiers::default(),
        }
    }
}

/// Which products win.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProductWinners {
    /// How many are ranked.
    #[schemars(range(min = 1, max = 1_000))]
    pub limit: u32,
    /// The weights of the performance score.
    pub weights: Weights,
    /// Days without a sale past which stock is dead.
    #[schemars(range(min = 1, max = 36_500))]
    pub dead_after_days: u32,
    /// What becomes of the ranking when nothing can be ranked.
    pub on_empty_result: OnEmptyResult,
}

impl Default for ProductWinners {
    fn default() -> Self {
        Self { limit: 10, weights: Weights::default(), dead_after_days: 30, on_empty_result: OnEmptyResult::Keep }
    }
}

/// `score = profit × profit + velocity × velocity − idleDays × days since the last sale`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Weights {
    /// Of total profit.
    #[schemars(schema_with = "decimal_text")]
    pub profit: Decimal,
    /// Of units per day.
    #[schemars(schema_with = "decimal_text")]
    pub velocity: Decimal,
    /// Of days since the last sale; counted against the product.
    #[schemars(schema_with = "decimal_text")]
    pub idle_days: Decimal,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            profit: Decimal::from_units(5_000),
            velocity: Decimal::from_units(3_000),
            idle_days: Decimal::from_units(2_000),
        }
    }
}

/// Which stock is about to be lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LossRisk {
    /// Stock that expires within so many days is at risk.
    #[schemars(range(min = 0, max = 36_500))]
    pub expiring_within_days: u32,
    /// Stock that did not move for so many days is at risk.
    #[schemars(range(min = 1, max = 36_500))]
    pub idle_days: u32,
    /// What becomes of the list when nothing is at risk.
    pub on_empty_result: OnEmptyResult,
}

impl Default for LossRisk {
    fn default() -> Self {
        Self { expiring_within_days: 7, idle_days: 30, on_empty_result: OnEmptyResult::Keep }
    }
}

/// What each client is worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientTiers {
    /// Silver from this revenue.
    #[schemars(schema_with = "decimal_text")]
    pub silver: Money,
    /// Gold from this revenue.
    #[schemars(schema_with = "decimal_text")]
    pub gold: Money,
    /// A promotion above this revenue.
    #[schemars(schema_with = "decimal_text")]
    pub promo: Money,
}

impl Default for ClientTiers {
    fn default() -> Self {
        Self { silver: Money::from_whole(10_000), gold: Money::from_whole(20_000), promo: Money::from_whole(10_000) }
    }
}

/// In settings a decimal is a text that is zero or more: a file may also hold a number, a resource may not, since its
/// numbers are binary.
fn decimal_text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 18, "pattern": r"^[0-9]{1,14}(\.[0-9]{1,4})?$"})
}

/// What becomes of a view when its new result is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnEmptyResult {
    /// The previous result stays, and the page says so.
    Keep,
    /// The view is emptied.
    Clear,
}

/// The day to which days are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Today by the clock, in UTC.
    Now,
    /// The day of the greatest event time seen.
    LatestEvent,
    /// That day.
    Date(Day),
}

impl AsOf {
    /// The day, given the clock and the greatest event time seen; none before any was seen where that is the clock.
    pub fn day(self, now: Timestamp, latest_event: Option<Timestamp>) -> Option<Day> {
        match self {
            Self::Now => Some(now.day()),
            Self::LatestEvent => latest_event.map(Timestamp::day),
            Self::Date(day) => Some(day),
        }
    }
}

impl FromStr for AsOf {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "Now" => Ok(Self::Now),
            "LatestEvent" => Ok(Self::LatestEvent),
            date => date
                .parse()
                .map(Self::Date)
                .map_err(|_| format!("{date:?} is not Now, LatestEvent or a date such as 2026-05-01")),
        }
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("Now"),
            Self::LatestEvent => f.write_str("LatestEvent"),
            Self::Date(day) => day.fmt(f),
        }
    }
}

crate::settings::human_duration::text_serde!(AsOf);

impl JsonSchema for AsOf {
    fn schema_name() -> Cow<'static, str> {
        "AsOf".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 20, "pattern": "^(Now|LatestEvent|[0-9]{4}-[0-9]{2}-[0-9]{2})$"})
    }
}
