//! How sales are taken in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// How sales are taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Sales {
    /// Counts an invoice once where producers send it several times. Left out: what is sent twice is two events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deduplicate: Option<Deduplicate>,
}

/// Which sales are copies of one invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deduplicate {
    /// Of the sales of one `invoice_id` whose Kafka timestamps lie no further apart than this, the first that is taken in
    /// counts; from 1s to 366d. Invoices are remembered for twice as long, and an hour.
    pub within: Span,
}
