//! The full record of a client.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::value::StrDeserializer};

use super::{Id, MAX_LINE_AMOUNT, decode::Problem, inventory::texts, sale::in_range};
use crate::{Money, Timestamp, analytics::Tier};

/// The full record of a client: it replaces the one before, and what it leaves out is cleared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientRecord<'a> {
    /// The client; also the Kafka key of what Stockstream produces.
    #[serde(borrow)]
    pub client_id: Id<'a>,
    /// The client's name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
    /// The client's e-mail address.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Cow<'a, str>>,
    /// The client's telephone number.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Cow<'a, str>>,
    /// Revenue from before the pipeline, up to 10,000,000,000 either way; the invoices are added to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = -MAX_LINE_AMOUNT, "maximum" = MAX_LINE_AMOUNT))]
    pub total_revenue_generated: Option<Money>,
    /// The tier the shop grants; the client never shows a lower one.
    #[serde(default, deserialize_with = "tier", skip_serializing_if = "Option::is_none")]
    pub loyalty_tier: Option<Tier>,
    /// The record's version: the latest wins. Left out: the Kafka timestamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

impl ClientRecord<'_> {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if let Some(revenue) = self.total_revenue_generated {
            in_range("total_revenue_generated", revenue, -MAX_LINE_AMOUNT, MAX_LINE_AMOUNT)?;
        }
        texts(&[("name", &self.name), ("email", &self.email), ("phone", &self.phone)])
    }
}

/// A tier by its name. The derived reading takes an object for one too, and calls what is no text no JSON.
fn tier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Tier>, D::Error> {
    let name: Option<String> = Option::deserialize(deserializer)?;
    name.map(|name| Tier::deserialize(StrDeserializer::<D::Error>::new(&name))).transpose()
}
