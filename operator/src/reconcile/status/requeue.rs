//! When a status is written, and when a pipeline is looked at again.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use stockstream_model::Timestamp;

use crate::{
    reconcile::{
        Decision,
        observed::{Observed, Problem},
    },
    resource::{AnalyticsPipeline, PipelineStatus},
};

/// What merely moves is written no more often.
const AT_MOST_EVERY: u64 = 30;
const STEADY: Duration = Duration::from_secs(30);
const BEHIND: Duration = Duration::from_secs(15);
const ON_THE_WAY: Duration = Duration::from_secs(5);

/// Whether a status is to be written: at once when a condition, a topic, a count of workers or the generation changed;
/// what merely moves (lag, positions, events, the words of a message) at most every 30 s; never when nothing changed.
pub fn needs_write(before: Option<&PipelineStatus>, after: &PipelineStatus, seconds_since_last_write: u64) -> bool {
    match before {
        None => true,
        Some(before) if before == after => false,
        Some(before) => {
            seconds_since_last_write >= AT_MOST_EVERY || without_progress(before) != without_progress(after)
        }
    }
}

/// A status without what merely moves.
fn without_progress(status: &PipelineStatus) -> PipelineStatus {
    let condition = |condition: &Condition| Condition { message: String::new(), ..condition.clone() };
    PipelineStatus {
        conditions: status.conditions.iter().map(condition).collect(),
        lag: None,
        events: None,
        rejected: None,
        partitions: Vec::new(),
        ..status.clone()
    }
}

/// When to look again if nothing happens before. What Kubernetes tells of by itself, such as workers that become ready, is
/// not looked for. `status` is what was just found to be so.
pub fn requeue_after(
    pipeline: &AnalyticsPipeline,
    facts: &Observed,
    decision: &Decision,
    status: &PipelineStatus,
    now: Timestamp,
) -> Duration {
    if pipeline.spec.suspend {
        return STEADY;
    }
    let waits = |problem: &Problem| !problem.stalled;
    let topics = facts.topics.iter().flatten().filter_map(|topic| topic.problem.as_ref());
    let is_soon =
        topics.map(|(problem, _)| problem).any(waits) || decision.workers.is_some() && facts.workers.is_none();
    // What has events to apply may stop to move at any time, and that is to be told soon.
    let is_behind = status.lag.is_some_and(|lag| lag > 0);
    let away = [
        facts.topics.as_ref().is_err_and(waits).then(|| growing("TopicsReady", status, now)),
        facts.database.as_ref().is_err_and(waits).then(|| growing("DatabaseReady", status, now)),
        is_soon.then_some(ON_THE_WAY),
        is_behind.then_some(BEHIND),
    ];
    away.into_iter().flatten().min().unwrap_or(STEADY)
}

/// How long to wait for servers that are away: the longer they have been, the longer, up to what all others wait too. A
/// condition keeps the time, so that an operator that starts anew does not begin anew with all of them.
fn growing(condition: &str, status: &PipelineStatus, now: Timestamp) -> Duration {
    let found = status.conditions.iter().find(|found| found.type_ == condition);
    let since = found.map_or(now.millis(), |found| found.last_transition_time.0.as_millisecond());
    let age = Duration::from_millis(u64::try_from(now.millis().saturating_sub(since)).unwrap_or_default());
    (age / 2).clamp(ON_THE_WAY, STEADY)
}
