//! The full record of a product and batch in stock.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Id, MAX_AMOUNT, MAX_QUANTITY, MAX_TEXT_BYTES,
    decode::Problem,
    sale::{in_range, whole_number},
};
use crate::{Money, Timestamp};

/// The full record of a product and batch: it replaces the one before, and what it leaves out is cleared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryRecord<'a> {
    /// The product; also the Kafka key of what Stockstream produces.
    #[serde(borrow)]
    pub product_id: Id<'a>,
    /// The product's name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
    /// The product's category.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Cow<'a, str>>,
    /// What one costs the shop, from zero to 1,000,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0, "maximum" = MAX_AMOUNT))]
    pub buy_price: Option<Money>,
    /// What one is sold for, from zero to 1,000,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0, "maximum" = MAX_AMOUNT))]
    pub sell_price: Option<Money>,
    /// The margin the shop wants at least, as the shop writes it, from zero to 1,000,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0, "maximum" = MAX_AMOUNT))]
    pub min_margin_threshold: Option<Money>,
    /// How many are in stock; negative when more were sold than booked.
    #[serde(deserialize_with = "whole_number")]
    #[schemars(range(min = -1_000_000_000, max = 1_000_000_000))]
    pub quantity: i64,
    /// When stock last moved. Left out: `created_at`, else `updated_at`, else the Kafka timestamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_movement: Option<Timestamp>,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_date: Option<Timestamp>,
    /// The batch; left out for a product without batches.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub batch_no: Option<Id<'a>>,
    /// When the record was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The record's version: the latest wins. Left out: the Kafka timestamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

impl InventoryRecord<'_> {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if !(-MAX_QUANTITY..=MAX_QUANTITY).contains(&self.quantity) {
            return Err(Problem::value(
                "quantity",
                format!("must be from -{MAX_QUANTITY} to {MAX_QUANTITY}, not {}", self.quantity),
            ));
        }
        let prices = [
            ("buy_price", self.buy_price),
            ("sell_price", self.sell_price),
            ("min_margin_threshold", self.min_margin_threshold),
        ];
        for (path, price) in prices {
            price.map_or(Ok(()), |price| in_range(path, price, 0, MAX_AMOUNT))?;
        }
        texts(&[("name", &self.name), ("category", &self.category)])
    }
}

/// Texts no longer than the limit.
pub(super) fn texts(fields: &[(&str, &Option<Cow<'_, str>>)]) -> Result<(), Problem> {
    for (path, text) in fields {
        if text.as_ref().is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
            return Err(Problem::value(path, format!("must be at most {MAX_TEXT_BYTES} bytes long")));
        }
    }
    Ok(())
}
