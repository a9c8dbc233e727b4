//! Conditions, so that people and kstatus come to the same conclusion: `Stalled` only when a person must act, `Reconciling`
//! while it is on the way, neither when it is ready.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use stockstream_model::Timestamp;

use super::time::time;
use crate::{
    reconcile::{
        Decision, Validated,
        observed::Observed,
        status::components::{self, Blocker, ComponentStatus, ConditionStatus},
    },
    resource::AnalyticsPipeline,
};

/// Longer messages are of no use to anybody, and the API server takes no endless ones.
const LONGEST: usize = 8_000;

/// All conditions, in the order in which a person would want to read them.
pub(super) fn conditions(
    pipeline: &AnalyticsPipeline,
    validated: &Validated,
    facts: &Observed,
    decision: &Decision,
    now: Timestamp,
) -> Vec<Condition> {
    let topics = components::topics(validated, facts);
    let database = components::database(validated, facts);
    let workers = components::workers(pipeline, facts, decision);
    let dashboard = components::dashboard(pipeline, validated, facts, decision, database.hindrance.is_none());
    let suspended = pipeline.spec.suspend;

    // A suspended pipeline needs neither Kafka nor MongoDB to be as it is asked to be.
    let in_the_way: Vec<&ComponentStatus> = [&topics, &database, &workers, &dashboard]
        .into_iter()
        .skip(if suspended { 2 } else { 0 })
        .filter(|verdict| verdict.hindrance.is_some())
        .collect();
    let stalled = in_the_way.iter().find(|verdict| verdict.hindrance == Some(Blocker::Stalled));
    let first = stalled.or(in_the_way.first());

    let plain = |yes: bool, reason: &'static str, message: &str| ComponentStatus {
        truth: if yes { ConditionStatus::Yes } else { ConditionStatus::No },
        reason,
        message: message.to_owned(),
        hindrance: None,
    };
    let as_expected = || plain(false, "AsExpected", "");
    let said = |verdict: &ComponentStatus, truth| ComponentStatus { truth, ..(*verdict).clone() };
    let ready = match first {
        Some(verdict) => said(verdict, ConditionStatus::No),
        None if suspended => plain(true, "Suspended", "the pipeline is suspended: positions stay, and no worker runs"),
        None => plain(true, "Ready", "everything that is asked for runs"),
    };
    let reconciling = match (stalled, first) {
        (None, Some(verdict)) => said(verdict, ConditionStatus::Yes),
        _ => as_expected(),
    };
    let stalled = stalled.map_or_else(as_expected, |verdict| said(verdict, ConditionStatus::Yes));
    let suspension = match suspended {
        true => plain(true, "Suspended", "spec.suspend is true"),
        false => plain(false, "NotSuspended", ""),
    };
    let before = pipeline.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let condition = |(name, verdict): (&str, ComponentStatus)| {
        let status = match verdict.truth {
            ConditionStatus::Yes => "True",
            ConditionStatus::No => "False",
            ConditionStatus::Unknown => "Unknown",
        };
        let standing = before.iter().find(|standing| standing.type_ == name && standing.status == status);
        Condition {
            type_: name.to_owned(),
            status: status.to_owned(),
            reason: verdict.reason.to_owned(),
            message: verdict.message.chars().take(LONGEST).collect(),
            last_transition_time: standing.map_or_else(|| time(now), |standing| standing.last_transition_time.clone()),
            observed_generation: pipeline.metadata.generation,
        }
    };
    [
        ("Ready", ready),
        ("TopicsReady", topics),
        ("DatabaseReady", database),
        ("WorkersAvailable", workers),
        ("DashboardAvailable", dashboard),
        ("Suspended", suspension),
        ("Reconciling", reconciling),
        ("Stalled", stalled),
    ]
    .map(condition)
    .into()
}
