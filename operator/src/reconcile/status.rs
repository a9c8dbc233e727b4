//! Stands in until there is a status.

use std::time::Duration;

use stockstream_model::Timestamp;

use super::{Decision, Validated, facts::Facts};
use crate::resource::{AnalyticsPipeline, PipelineStatus};

/// Good or bad news.
pub enum Kind {
    /// Good.
    Normal,
    /// Bad.
    Warning,
}

/// News.
pub struct Tiding {
    /// Good or bad.
    pub kind: Kind,
    /// In a word.
    pub reason: &'static str,
    /// In a sentence.
    pub note: String,
}

/// The status.
pub fn status(pipeline: &AnalyticsPipeline, _: &Validated, _: &Facts, _: &Decision, _: Timestamp) -> PipelineStatus {
    PipelineStatus { observed_generation: pipeline.metadata.generation, ..PipelineStatus::default() }
}

/// Whether it is written.
pub fn needs_write(before: Option<&PipelineStatus>, after: &PipelineStatus, _: u64) -> bool {
    before != Some(after)
}

/// When to look again.
pub fn requeue_after(_: &Facts, _: &Decision) -> Duration {
    Duration::from_secs(30)
}

/// What is new.
pub fn tidings(_: Option<&PipelineStatus>, _: &PipelineStatus) -> Vec<Tiding> {
    Vec::new()
}
