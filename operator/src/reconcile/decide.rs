//! Decides what runs. Pure.
//!
//! Workers are made, and changed, only while credentials, topics and database are found good and the start is pinned. The
//! same rule holds a change back later: what is not found good now is not rolled out, and the workers that stand go on as
//! they were. So
//! - a typing error in the servers' names, a refused password or the database of another pipeline never replaces workers
//!   that work by ones that cannot;
//! - while Kafka or MongoDB is away, or a topic is gone, nothing is scaled down or deleted: workers wait by themselves, and
//!   what was changed meanwhile reaches them afterwards;
//! - `suspend` alone is always obeyed: it needs nobody but Kubernetes.

use stockstream_model::Timestamp;

use super::{
    Decision, Validated,
    scale::{Scale, scale},
};
use crate::{reconcile::observed::Observed, resource::AnalyticsPipeline};

/// What is to run.
pub fn decide(pipeline: &AnalyticsPipeline, validated: &Validated, facts: &Observed, now: Timestamp) -> Decision {
    Decision {
        workers: workers(pipeline, validated, facts, now),
        dashboard: dashboard(pipeline, validated, facts),
        holds_dashboard: facts.dashboard.is_some() && leads_elsewhere(facts),
    }
}

fn workers(pipeline: &AnalyticsPipeline, validated: &Validated, facts: &Observed, now: Timestamp) -> Option<i32> {
    if pipeline.spec.suspend {
        // What never ran is not made to run none.
        return facts.workers.as_ref().map(|_| 0);
    }
    if !is_good(validated, facts) {
        return None;
    }
    Some(match scaling(pipeline, facts, now) {
        Some(scale) => scale.replicas,
        None => pipeline.spec.workers.replicas,
    })
}

/// Whether credentials, topics and database are good and the start is pinned.
fn is_good(validated: &Validated, facts: &Observed) -> bool {
    let topics = facts.topics.as_ref().is_ok_and(|topics| topics.iter().all(|topic| topic.problem.is_none()));
    let database = facts.database.as_ref().is_ok_and(|database| database.start.is_some());
    validated.kafka.is_none() && validated.mongodb.is_none() && topics && database
}

/// What scaling by lag comes to, where it is asked for and may be done. Also the status asks: it keeps the state.
pub(super) fn scaling(pipeline: &AnalyticsPipeline, facts: &Observed, now: Timestamp) -> Option<Scale> {
    let rules = pipeline.spec.workers.autoscaling.as_ref()?;
    let before = pipeline.status.as_ref().and_then(|status| status.scaled.as_ref()).map(Scale::read);
    // Suspended workers are no size to begin with.
    let standing = facts.workers.as_ref().map(|workers| workers.wanted).filter(|wanted| *wanted > 0);
    let before = before.or_else(|| standing.map(|replicas| Scale::new(replicas, now)));
    Some(scale(rules, before.as_ref(), super::lag::lag(facts), partitions(facts), now))
}

/// More workers than the largest topic has partitions would have nothing to do.
fn partitions(facts: &Observed) -> Option<i32> {
    facts.topics.as_ref().ok()?.iter().filter_map(|topic| topic.partitions).max()
}

/// Whether the database that is named is another than this pipeline's: pods that are made now would show that one.
fn leads_elsewhere(facts: &Observed) -> bool {
    facts.database.as_ref().is_err_and(|problem| ["DatabaseChanged", "DatabaseOwned"].contains(&problem.reason))
}

/// The page is there whatever becomes of Kafka: it shows what is known. What stands is never taken away for a problem.
fn dashboard(pipeline: &AnalyticsPipeline, validated: &Validated, facts: &Observed) -> Option<i32> {
    let dashboard = &pipeline.spec.dashboard;
    let usable = validated.dashboard_problem.is_none()
        // It would show the numbers of another pipeline.
        && !facts.database.as_ref().is_err_and(|problem| problem.stalled);
    (dashboard.enabled && (usable || facts.dashboard.is_some())).then_some(dashboard.replicas)
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
