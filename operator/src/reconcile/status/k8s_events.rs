//! What a person wants to be told as it happens: the differences between two statuses.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::resource::{PipelineStatus, TopicStatus};

/// Good or bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Good, or as somebody wished.
    Normal,
    /// Somebody may have to act.
    Warning,
}

/// A Kubernetes event to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusEvent {
    /// Good or bad.
    pub kind: Kind,
    /// In CamelCase.
    pub reason: String,
    /// In a sentence.
    pub note: String,
}

fn normal(reason: &str, note: impl Into<String>) -> StatusEvent {
    StatusEvent { kind: Kind::Normal, reason: reason.into(), note: note.into() }
}

fn warning(reason: &str, note: impl Into<String>) -> StatusEvent {
    StatusEvent { kind: Kind::Warning, reason: reason.into(), note: note.into() }
}

/// What is new in a status. What stands unchanged was told before.
pub fn status_events(before: Option<&PipelineStatus>, after: &PipelineStatus) -> Vec<StatusEvent> {
    let none = PipelineStatus::default();
    let before = before.unwrap_or(&none);
    let mut told = Vec::new();
    for topic in &after.topics {
        if let Some(standing) = before.topics.iter().find(|standing| standing.name == topic.name) {
            told.extend(topic_changed(standing, topic));
        }
    }
    let pair = |name| (find(before, name), find(after, name));
    told.extend(became(pair("TopicsReady"), "TopicsFound", "all topics are fit for use: "));
    if let (Some(was), Some(is)) = (&before.database_id, &after.database_id)
        && was != is
    {
        let name = |status: &PipelineStatus| status.database.clone().unwrap_or_default();
        let (now, then) = (name(after), name(before));
        let note = format!(
            "as spec.mongodb.acceptDatabaseId says, the pipeline works in database {now} ({is}) now; it worked in {then} ({was}) before"
        );
        told.push(normal("DatabaseAccepted", note));
    }
    told.extend(became(pair("DatabaseReady"), "DatabaseReady", ""));
    told.extend(became(pair("WorkersAvailable"), "WorkersStarted", ""));
    told.extend(became(pair("DashboardAvailable"), "DashboardStarted", ""));
    if let (Some(was), Some(is)) = (&before.scaled, &after.scaled)
        && was.replicas != is.replicas
    {
        told.push(normal("Scaled", format!("from {} to {} workers, by lag", was.replicas, is.replicas)));
    }
    let is_true = |condition: Option<&Condition>| condition.is_some_and(|condition| condition.status == "True");
    match pair("Suspended") {
        (was, is) if is_true(is) && !is_true(was) => {
            told.push(normal("Suspended", "the workers are stopped; positions stay"));
        }
        (was, is) if is_true(was) && !is_true(is) => {
            told.push(normal("Resumed", "the workers go on from where they were"));
        }
        _ => {}
    }
    let (was, is) = pair("Ready");
    if let Some(is) = is.filter(|is| is.status == "True" && is.reason == "Ready" && !is_true(was)) {
        told.push(normal("Ready", is.message.clone()));
    }
    told
}

fn find<'a>(status: &'a PipelineStatus, name: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == name)
}

/// That a condition became true, or is not for a new reason that is one to worry about.
fn became((was, is): (Option<&Condition>, Option<&Condition>), good: &str, prefix: &str) -> Option<StatusEvent> {
    /// Nothing to worry about: it is on the way, or somebody wished it.
    const EXPECTED: [&str; 10] = [
        "WorkersNotMade",
        "WorkersStarting",
        "RollingOut",
        "ChangesHeldBack",
        "Suspending",
        "Suspended",
        "Disabled",
        "DashboardNotMade",
        "DashboardStarting",
        "ScaledToZero",
    ];
    let is = is?;
    let changed = was.is_none_or(|was| was.status != is.status || was.reason != is.reason);
    let was_good = was.is_some_and(|was| was.status == "True");
    match is.status.as_str() {
        "True" => (!was_good && is.reason != "Reachable").then(|| normal(good, format!("{prefix}{}", is.message))),
        _ => (changed && !EXPECTED.contains(&is.reason.as_str())).then(|| warning(&is.reason, is.message.clone())),
    }
}

fn topic_changed(was: &TopicStatus, is: &TopicStatus) -> Vec<StatusEvent> {
    let name = &is.name;
    if let (Some(old), Some(new)) = (&was.topic_id, &is.topic_id)
        && old != new
    {
        let note = format!(
            "topic {name} was deleted and made anew (its id was {old} and is {new}): totals of before stay, and the new one is read from its beginning"
        );
        return vec![warning("TopicRecreated", note)];
    }
    match (was.partitions, is.partitions) {
        (Some(old), Some(new)) if old < new => {
            let note = format!(
                "topic {name} has {new} partitions now, {} more: they are read from their beginning",
                new - old
            );
            vec![normal("PartitionsAdded", note)]
        }
        _ => Vec::new(),
    }
}
