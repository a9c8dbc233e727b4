//! Stands in until it is decided what runs.

use stockstream_model::Timestamp;

use super::{Decision, Validated, facts::Facts};
use crate::resource::AnalyticsPipeline;

/// What is to run.
pub fn decide(_: &AnalyticsPipeline, _: &Validated, _: &Facts, _: Timestamp) -> Decision {
    Decision { workers: None, dashboard: None }
}
