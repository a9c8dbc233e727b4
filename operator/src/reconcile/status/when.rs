//! When a status is written, and when a pipeline is looked at again.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    reconcile::{
        Decision,
        facts::{Facts, Problem},
    },
    resource::PipelineStatus,
};

/// What merely moves is written no more often.
const AT_MOST_EVERY: u64 = 30;
const STEADY: Duration = Duration::from_secs(30);
const ON_THE_WAY: Duration = Duration::from_secs(5);

/// Whether a status is to be written: at once when a condition, a topic, a count of workers or the generation changed;
/// what merely moves (lag, positions, events, the words of a message) at most every 30 s; never when nothing changed.
pub fn needs_write(before: Option<&PipelineStatus>, after: &PipelineStatus, seconds_since_last_write: u64) -> bool {
    match before {
        None => true,
        Some(before) if before == after => false,
        Some(before) => seconds_since_last_write >= AT_MOST_EVERY || essence(before) != essence(after),
    }
}

/// A status without what merely moves.
fn essence(status: &PipelineStatus) -> PipelineStatus {
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

/// When to look again if nothing happens before: soon while something is on its way that Kubernetes does not tell of.
pub fn requeue_after(facts: &Facts, decision: &Decision) -> Duration {
    let waits = |problem: &Problem| !problem.stalled;
    let topics = match &facts.topics {
        Err(problem) => waits(problem),
        Ok(topics) => topics.iter().filter_map(|topic| topic.problem.as_ref()).any(|(problem, _)| waits(problem)),
    };
    let database = facts.database.as_ref().is_err_and(waits);
    let workers = match &facts.workers {
        Some(workers) => decision.workers.is_some() && !workers.is_settled(),
        None => decision.workers.is_some(),
    };
    if topics || database || workers { ON_THE_WAY } else { STEADY }
}
