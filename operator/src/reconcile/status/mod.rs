//! What is said of a pipeline. Pure.

mod components;
mod conditions;
#[cfg(test)]
mod doc_tests;
mod k8s_events;
#[cfg(test)]
mod kstatus_tests;
mod requeue;
#[cfg(test)]
mod tests;
mod time;

pub use k8s_events::{Kind, StatusEvent, status_events};
use kube::ResourceExt;
pub use requeue::{needs_write, requeue_after};
use stockstream_model::Timestamp;

use super::{
    Decision, Validated,
    decide::scaling,
    lag,
    names::{Part, selector_text},
};
use crate::{
    reconcile::observed::{DatabaseFacts, Observed, TopicFacts},
    resource::{AnalyticsPipeline, PartitionStatus, PipelineStatus, Scaled, TopicStatus},
};

/// The status as it should be. `pipeline.status` is what it was: times of conditions that did not change are kept, and
/// what cannot be asked for now stays as it was last known.
pub fn status(
    pipeline: &AnalyticsPipeline,
    validated: &Validated,
    facts: &Observed,
    decision: &Decision,
    now: Timestamp,
) -> PipelineStatus {
    let before = pipeline.status.clone().unwrap_or_default();
    let topics: Vec<TopicStatus> = match &facts.topics {
        Ok(topics) => topics.iter().map(|topic| topic_status(topic, &before.topics)).collect(),
        Err(_) => before.topics.iter().map(|topic| TopicStatus { ready: false, ..topic.clone() }).collect(),
    };
    let ready = topics.iter().filter(|topic| topic.ready).count();
    let known = facts.database.as_ref().ok();
    let count = |of: fn(&stockstream_model::documents::Checkpoint) -> i64| {
        known.map(|database| database.checkpoints.iter().map(of).sum())
    };
    let id = known.and_then(|database| database.id.as_ref());
    let wanted = decision.workers.or(facts.workers.as_ref().map(|workers| workers.wanted));
    let workers_ready = facts.workers.as_ref().map_or(0, |workers| workers.ready);
    PipelineStatus {
        observed_generation: pipeline.metadata.generation,
        conditions: conditions::conditions(pipeline, validated, facts, decision, now),
        topics_ready: Some(format!("{ready}/3")),
        topics,
        workers_ready: Some(format!("{workers_ready}/{}", wanted.unwrap_or_else(|| to_be(pipeline)))),
        replicas: facts.workers.as_ref().map_or(0, |workers| workers.replicas),
        selector: Some(selector_text(&pipeline.name_any(), Part::Worker)),
        lag: lag::lag(facts),
        events: count(|checkpoint| checkpoint.events).or(before.events),
        rejected: count(|checkpoint| checkpoint.rejected).or(before.rejected),
        partitions: known.map_or(before.partitions, |database| partitions(facts, database)),
        group_id: Some(validated.worker.group_id()),
        accepted_database_id: match id {
            // Accepted or found first: what names it is used up.
            Some(id) if before.database_id.as_ref() != Some(id) => pipeline.spec.mongodb.accept_database_id.clone(),
            _ => before.accepted_database_id,
        },
        database_id: id.cloned().or(before.database_id),
        database: known.map(|database| database.name.clone()).or(before.database),
        scaled: scaled(pipeline, facts, decision, before.scaled, now),
    }
}

/// How many workers there will be, before there are any.
fn to_be(pipeline: &AnalyticsPipeline) -> i32 {
    let workers = &pipeline.spec.workers;
    workers.autoscaling.as_ref().map_or(workers.replicas, |rules| rules.min_replicas)
}

fn topic_status(topic: &TopicFacts, before: &[TopicStatus]) -> TopicStatus {
    let same = before.iter().find(|standing| standing.name == topic.name);
    let (problem, command) = topic.problem.clone().unzip();
    TopicStatus {
        stream: topic.stream.name().to_owned(),
        name: topic.name.clone(),
        partitions: topic.partitions,
        // Kept while the broker does not tell it, and while the topic is gone: else nobody would see that it is another.
        topic_id: topic.topic_id.clone().or_else(|| same?.topic_id.clone()),
        ready: problem.is_none(),
        reason: problem.as_ref().map(|problem| problem.reason.to_owned()),
        message: problem.map(|problem| problem.message),
        command: command.flatten(),
    }
}

fn partitions(facts: &Observed, database: &DatabaseFacts) -> Vec<PartitionStatus> {
    if database.start.is_none() {
        return Vec::new();
    }
    let status = |(id, next)| PartitionStatus { id: format!("{id}"), next, log_end: facts.log_ends.get(&id).copied() };
    lag::positions(facts, database).into_iter().map(status).collect()
}

/// The state of scaling by lag: goes on while workers run, stays while they do not, ends when it is not asked for.
fn scaled(
    pipeline: &AnalyticsPipeline,
    facts: &Observed,
    decision: &Decision,
    before: Option<Scaled>,
    now: Timestamp,
) -> Option<Scaled> {
    pipeline.spec.workers.autoscaling.as_ref()?;
    if pipeline.spec.suspend || decision.workers.is_none() {
        return before;
    }
    scaling(pipeline, facts, now).map(|scale| scale.written())
}
