//! How sales are taken in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HumanDuration;

/// How sales are taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Sales {
    /// Counts an invoice once where producers send it several times. Left out: what is sent twice is two events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deduplicate: Option<Deduplicate>,
    /// An event of any topic is rejected (`reason: future`) if a time in it lies further ahead of its Kafka timestamp than
    /// this, a year typed as 9206 say; from 0 to 36500d. History is welcome, and an expiry date may lie ahead.
    pub future_tolerance: HumanDuration,
}

impl Default for Sales {
    fn default() -> Self {
        Self { deduplicate: None, future_tolerance: HumanDuration::from_millis(48 * 3_600_000) }
    }
}

/// Which sales are copies of one invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deduplicate {
    /// Of the sales of one `invoice_id` whose Kafka timestamps lie no further apart than this, the first that is taken in
    /// counts; from 1s to 366d. Invoices are remembered for twice as long, and an hour.
    pub within: HumanDuration,
}
