//! What is to be said of each part of a pipeline.

use std::collections::BTreeSet;

use stockstream_model::documents::{Checkpoint, Heartbeat, StartPositions};

use crate::{
    reconcile::{
        Decision, Validated,
        observed::{DatabaseFacts, DeploymentFacts, Observed, Problem, TopicFacts},
    },
    resource::AnalyticsPipeline,
};

/// `True`, `False` or `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConditionStatus {
    Yes,
    No,
    Unknown,
}

/// What is in the way of being ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocker {
    /// It passes by itself, or when somebody elsewhere does what the message says.
    OnTheWay,
    /// Only a person can mend it.
    Stalled,
}

/// What is to be said.
#[derive(Clone, Debug)]
pub(super) struct ComponentStatus {
    pub truth: ConditionStatus,
    pub reason: &'static str,
    pub message: String,
    pub hindrance: Option<Blocker>,
}

impl ComponentStatus {
    fn yes(reason: &'static str, message: String) -> Self {
        Self { truth: ConditionStatus::Yes, reason, message, hindrance: None }
    }

    fn no(reason: &'static str, message: String, hindrance: Option<Blocker>) -> Self {
        Self { truth: ConditionStatus::No, reason, message, hindrance }
    }

    /// What is wrong; `known` unless nobody could be asked.
    fn problem(problem: &Problem, known: bool) -> Self {
        let hindrance = if problem.stalled { Blocker::Stalled } else { Blocker::OnTheWay };
        let truth = if known || problem.stalled { ConditionStatus::No } else { ConditionStatus::Unknown };
        Self { truth, reason: problem.reason, message: problem.message.clone(), hindrance: Some(hindrance) }
    }
}

pub(super) fn topics(validated: &Validated, facts: &Observed) -> ComponentStatus {
    if let Some(problem) = &validated.kafka {
        return ComponentStatus::problem(problem, true);
    }
    let topics = match &facts.topics {
        Ok(topics) => topics,
        Err(problem) => return ComponentStatus::problem(problem, false),
    };
    let problems: Vec<&Problem> = topics.iter().filter_map(|topic| Some(&topic.problem.as_ref()?.0)).collect();
    let Some(worst) = problems.iter().find(|problem| problem.stalled).or(problems.first()) else {
        let database = facts.database.as_ref().ok();
        let said = topics.iter().map(|topic| fit(topic, database)).collect::<Vec<_>>().join(", ");
        return ComponentStatus::yes("TopicsFit", said);
    };
    let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
    ComponentStatus::problem(&Problem { message, ..(*worst).clone() }, true)
}

/// A topic and what happened to it since the pipeline began.
fn fit(topic: &TopicFacts, database: Option<&DatabaseFacts>) -> String {
    let count = topic.partitions.unwrap_or_default();
    let mut said = format!("{} ({count} partitions", topic.name);
    if let Some(DatabaseFacts { start: Some(start), checkpoints, .. }) = database {
        if is_made_anew(topic, checkpoints) {
            said += ", made anew since the start: totals of before stay";
        }
        let added = count - partitions_at_start(topic, start);
        if added > 0 {
            said += &format!(", {added} of them added since the start");
        }
    }
    said + ")"
}

/// Whether a topic was deleted and made anew, as workers noticed.
fn is_made_anew(topic: &TopicFacts, checkpoints: &[Checkpoint]) -> bool {
    checkpoints.iter().any(|checkpoint| checkpoint.id.stream == topic.stream && checkpoint.incarnation > 0)
}

fn partitions_at_start(topic: &TopicFacts, start: &StartPositions) -> i32 {
    start.next.keys().filter(|id| id.stream == topic.stream).count() as i32
}

pub(super) fn database(validated: &Validated, facts: &Observed) -> ComponentStatus {
    if let Some(problem) = &validated.mongodb {
        return ComponentStatus::problem(problem, true);
    }
    match &facts.database {
        // Whose it is was found out, also where waiting may help.
        Err(problem) => ComponentStatus::problem(problem, problem.reason == "DatabaseOwned"),
        Ok(DatabaseFacts { name, start: Some(start), .. }) => {
            let message =
                format!("database {name} is this pipeline's; the start of {} partitions is pinned", start.next.len());
            ComponentStatus::yes("Owned", message)
        }
        Ok(DatabaseFacts { name, .. }) => ComponentStatus::yes(
            "Reachable",
            format!("database {name} answers, and becomes this pipeline's when it starts"),
        ),
    }
}

pub(super) fn workers(pipeline: &AnalyticsPipeline, facts: &Observed, decision: &Decision) -> ComponentStatus {
    const ON_THE_WAY: Option<Blocker> = Some(Blocker::OnTheWay);
    if pipeline.spec.suspend {
        return match &facts.workers {
            Some(workers) if workers.replicas > 0 || !workers.observed => {
                ComponentStatus::no("Suspending", format!("{} workers are ending", workers.replicas), ON_THE_WAY)
            }
            _ => ComponentStatus::no("Suspended", "no worker runs while the pipeline is suspended".into(), None),
        };
    }
    let Some(standing) = &facts.workers else {
        let message = match decision.workers {
            Some(count) => format!("{count} workers are being made"),
            None => "workers are made as soon as topics and database are found good".into(),
        };
        return ComponentStatus::no("WorkersNotMade", message, ON_THE_WAY);
    };
    let DeploymentFacts { wanted, ready, .. } = standing;
    let enough = if ready >= wanted { ConditionStatus::Yes } else { ConditionStatus::No };
    if decision.workers.is_none() {
        let message = format!(
            "{ready} of {wanted} workers are ready, and stay as they are: changes reach them when topics and database are found good"
        );
        return ComponentStatus { truth: enough, reason: "ChangesHeldBack", message, hindrance: ON_THE_WAY };
    }
    if let Some(stuck) = stuck(standing) {
        let message = format!("{ready} of {wanted} workers are ready, and no more become so: {stuck}");
        return ComponentStatus { truth: enough, reason: "WorkersStuck", message, hindrance: Some(Blocker::Stalled) };
    }
    let is_new = standing.is_settled() && decision.workers == Some(*wanted);
    if let Some(verdict) = unmoved(facts, is_new).filter(|_| *wanted > 0) {
        return verdict;
    }
    if !is_new && ready >= wanted && *wanted > 0 {
        let message = format!("{ready} workers are ready; they are being replaced or made more or fewer");
        return ComponentStatus { truth: ConditionStatus::Yes, reason: "RollingOut", message, hindrance: ON_THE_WAY };
    }
    if !is_new {
        return ComponentStatus::no("WorkersStarting", format!("{ready} of {wanted} workers are ready"), ON_THE_WAY);
    }
    match wanted {
        0 => ComponentStatus::yes("ScaledToZero", "no worker is wanted: spec.workers.replicas is 0".into()),
        _ => {
            let (idle, warned) = (idle(facts, *wanted), warned(facts));
            ComponentStatus::yes("WorkersAvailable", format!("{ready} of {wanted} workers are ready{idle}{warned}"))
        }
    }
}

/// Why a Deployment makes no progress. What is said of an older template is no more than history.
fn stuck(standing: &DeploymentFacts) -> Option<&str> {
    standing.stuck.as_deref().filter(|_| standing.observed)
}

/// That workers have nothing to do, if they have not.
fn idle(facts: &Observed, workers: i32) -> String {
    let partitions = facts.topics.iter().flatten().filter_map(|topic| topic.partitions).max();
    match partitions {
        Some(most) if most < workers => {
            format!("; {} of them have nothing to read, since the largest topic has {most} partitions", workers - most)
        }
        _ => String::new(),
    }
}

/// What workers warn of although every partition moves.
fn warned(facts: &Observed) -> String {
    let heartbeats = facts.database.as_ref().map(|database| database.heartbeats.as_slice()).unwrap_or_default();
    let warnings: BTreeSet<&String> = heartbeats.iter().flat_map(|heartbeat| &heartbeat.warnings).collect();
    warnings.into_iter().map(|warning| format!("; {warning}")).collect()
}

/// What workers say of partitions that were stopped, or that do not move although their log grows. While workers are
/// replaced it may be what a new setting is to mend.
fn unmoved(facts: &Observed, is_new: bool) -> Option<ComponentStatus> {
    let heartbeats = facts.database.as_ref().map(|database| database.heartbeats.as_slice()).unwrap_or_default();
    let all = |of: fn(&Heartbeat) -> &Vec<String>| heartbeats.iter().flat_map(of).collect::<BTreeSet<&String>>();
    let (mut problems, stalls) = (all(|heartbeat| &heartbeat.problems), all(|heartbeat| &heartbeat.stalls));
    let warnings = all(|heartbeat| &heartbeat.warnings);
    problems.retain(|problem| !warnings.contains(problem));
    let message = problems.iter().map(|problem| problem.as_str()).collect::<Vec<_>>().join("; ");
    let (reason, hindrance) = match problems.is_subset(&stalls) {
        true => ("PartitionStalled", Blocker::OnTheWay),
        false if !is_new => ("PartitionStopped", Blocker::OnTheWay),
        false => ("PartitionStopped", Blocker::Stalled),
    };
    (!problems.is_empty()).then(|| ComponentStatus::no(reason, message, Some(hindrance)))
}

/// `is_database_good`: pods do not become ready without it, and then are not what is wrong.
pub(super) fn dashboard(
    pipeline: &AnalyticsPipeline,
    validated: &Validated,
    facts: &Observed,
    decision: &Decision,
    is_database_good: bool,
) -> ComponentStatus {
    let spec = &pipeline.spec.dashboard;
    if !spec.enabled {
        return ComponentStatus::no("Disabled", "spec.dashboard.enabled is false".into(), None);
    }
    if let Some(problem) = &validated.dashboard_problem {
        return ComponentStatus::problem(problem, true);
    }
    let on_the_way = Some(Blocker::OnTheWay);
    let Some(standing) = &facts.dashboard else {
        let message = match decision.dashboard {
            Some(count) => format!("{count} pods of the dashboard are being made"),
            None => "the dashboard is made as soon as its database is found good".into(),
        };
        return ComponentStatus::no("DashboardNotMade", message, on_the_way);
    };
    let DeploymentFacts { wanted, ready, .. } = standing;
    if let Some(stuck) = stuck(standing) {
        let hindrance = if is_database_good { Blocker::Stalled } else { Blocker::OnTheWay };
        let message = format!("{ready} of {wanted} pods of the dashboard are ready, and no more become so: {stuck}");
        return ComponentStatus::no("DashboardStuck", message, Some(hindrance));
    }
    let message = format!("{ready} of {wanted} pods of the dashboard are ready{}", rights(pipeline, facts));
    match standing.is_settled() && *wanted == spec.replicas {
        true => ComponentStatus::yes("DashboardAvailable", message),
        false if ready >= wanted && *wanted > 0 => {
            ComponentStatus { truth: ConditionStatus::Yes, reason: "RollingOut", message, hindrance: on_the_way }
        }
        false => ComponentStatus::no("DashboardStarting", message, on_the_way),
    }
}

/// What the dashboard's user of MongoDB may do. It needs to read, and nothing else.
fn rights(pipeline: &AnalyticsPipeline, facts: &Observed) -> String {
    let is_own = pipeline.spec.dashboard.mongodb.is_some();
    match &facts.reader_writes {
        _ if !is_own => {
            "; it reads MongoDB as the workers' user, who may write: name a user of its own, with the role read \
                         alone, by spec.dashboard.mongodb"
                .into()
        }
        None => "; it is not known whether its MongoDB user may write".into(),
        Some(writes) if writes.is_empty() => "; its MongoDB user may read and may not write".into(),
        Some(writes) => {
            let may = writes.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("; its MongoDB user may also {may}: give it the role read alone")
        }
    }
}
