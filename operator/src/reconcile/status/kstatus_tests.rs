//! What kstatus makes of every state.

use serde_json::Value;
use stockstream_model::{documents::Heartbeat, event::EventKind};

use crate::reconcile::{
    fixtures::{Fixture, find, heartbeat, settled, stalls, suspended, waits, workers},
    observed::DeploymentFacts,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ComponentStatus {
    InProgress,
    Current,
    Failed,
}

/// kstatus' rules for a resource that it does not know, on what it sees: JSON.
fn kstatus(generation: i64, status: &Value) -> ComponentStatus {
    if status["observedGeneration"].as_i64() != Some(generation) {
        return ComponentStatus::InProgress;
    }
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let is = |name: &str, value: &str| {
        conditions.iter().any(|condition| condition["type"] == name && condition["status"] == value)
    };
    match () {
        () if is("Reconciling", "True") => ComponentStatus::InProgress,
        () if is("Stalled", "True") => ComponentStatus::Failed,
        () if is("Ready", "False") || is("Ready", "Unknown") => ComponentStatus::InProgress,
        () => ComponentStatus::Current,
    }
}

#[test]
fn every_state_is_told_so_that_people_and_kstatus_understand_it() {
    use ComponentStatus::{Current, Failed, InProgress};
    let starting = DeploymentFacts { ready: 1, ..settled(2) };
    let rolling = DeploymentFacts { updated: 1, replicas: 3, ..settled(2) };
    let unseen = DeploymentFacts { observed: false, ..settled(2) };
    let stuck = DeploymentFacts { ready: 0, stuck: Some("exceeded quota".into()), ..settled(2) };
    let away = || waits("BrokerUnreachable", "failed to reach Kafka at kafka:9092: timed out");
    let ready = Fixture::ready;
    for (state, fixture, verdict, of, status, reason, words) in [
        ("fresh", Fixture::fresh(&[]), InProgress, "WorkersAvailable", "False", "WorkersNotMade", "2 workers"),
        (
            "topics missing",
            Fixture::fresh(&[EventKind::Sales, EventKind::Clients]),
            InProgress,
            "TopicsReady",
            "False",
            "TopicMissing",
            "topic-raw-sales does not exist; make it with: kafka-topics.sh",
        ),
        (
            "topics found",
            Fixture::fresh(&[]),
            InProgress,
            "TopicsReady",
            "True",
            "TopicsFit",
            "topic-clients (3 partitions)",
        ),
        (
            "workers starting",
            ready().with(|s| workers(s, starting)),
            InProgress,
            "WorkersAvailable",
            "False",
            "WorkersStarting",
            "1 of 2",
        ),
        ("ready", ready(), Current, "Ready", "True", "Ready", "everything"),
        (
            "rolling",
            ready().with(|s| workers(s, rolling)),
            InProgress,
            "WorkersAvailable",
            "True",
            "RollingOut",
            "2 workers",
        ),
        ("just applied", ready().with(|s| workers(s, unseen)), InProgress, "Ready", "False", "RollingOut", "2 workers"),
        (
            "scaled by kubectl",
            ready().with(|s| s.pipeline.spec.workers.replicas = 3),
            InProgress,
            "Ready",
            "False",
            "RollingOut",
            "2 workers",
        ),
        (
            "scaled to zero",
            ready().with(|s| {
                s.pipeline.spec.workers.replicas = 0;
                workers(s, settled(0));
            }),
            Current,
            "WorkersAvailable",
            "True",
            "ScaledToZero",
            "replicas is 0",
        ),
        (
            "Kafka away while ready",
            ready().kafka_fails(away()),
            InProgress,
            "TopicsReady",
            "Unknown",
            "BrokerUnreachable",
            "kafka:9092",
        ),
        (
            "Kafka away, workers go on",
            ready().kafka_fails(away()),
            InProgress,
            "WorkersAvailable",
            "True",
            "ChangesHeldBack",
            "2 of 2",
        ),
        (
            "credentials refused",
            ready().kafka_fails(stalls("SignInRefused", "Kafka at kafka:9092 refuses the sign-in")),
            Failed,
            "Stalled",
            "True",
            "SignInRefused",
            "refuses",
        ),
        (
            "secret missing",
            ready().with(|s| s.validated.kafka = Some(waits("SecretMissing", "secret shop/login does not exist"))),
            InProgress,
            "TopicsReady",
            "False",
            "SecretMissing",
            "shop/login",
        ),
        (
            "database of another pipeline",
            ready().with(|s| s.facts.database = Err(stalls("DatabaseOwned", "belongs to pipeline shop/other"))),
            Failed,
            "DatabaseReady",
            "False",
            "DatabaseOwned",
            "shop/other",
        ),
        (
            "database of a namesake that may be dead",
            ready().with(|s| s.facts.database = Err(waits("DatabaseOwned", "another pipeline of the name"))),
            InProgress,
            "DatabaseReady",
            "False",
            "DatabaseOwned",
            "of the name",
        ),
        (
            "another database",
            ready().with(|s| s.facts.database = Err(stalls("DatabaseChanged", "is not the one"))),
            Failed,
            "Ready",
            "False",
            "DatabaseChanged",
            "not the one",
        ),
        (
            "database away",
            ready().with(|s| s.facts.database = Err(waits("DatabaseUnreachable", "failed to reach MongoDB"))),
            InProgress,
            "DatabaseReady",
            "Unknown",
            "DatabaseUnreachable",
            "MongoDB",
        ),
        (
            "suspending",
            ready().with(suspended).with(|s| workers(s, DeploymentFacts { wanted: 0, ..settled(2) })),
            InProgress,
            "WorkersAvailable",
            "False",
            "Suspending",
            "2 workers are ending",
        ),
        (
            "suspended",
            ready().with(suspended).with(|s| workers(s, settled(0))),
            Current,
            "Ready",
            "True",
            "Suspended",
            "positions stay",
        ),
        (
            "suspended while Kafka is away",
            ready().with(suspended).with(|s| workers(s, settled(0))).kafka_fails(away()),
            Current,
            "TopicsReady",
            "Unknown",
            "BrokerUnreachable",
            "kafka:9092",
        ),
        (
            "never ran, suspended",
            Fixture::fresh(&[]).with(suspended).with(|s| s.facts.dashboard = Some(settled(1))),
            Current,
            "Suspended",
            "True",
            "Suspended",
            "spec.suspend",
        ),
        (
            "dashboard off",
            ready().with(|s| {
                s.pipeline.spec.dashboard.enabled = false;
                s.facts.dashboard = None;
            }),
            Current,
            "DashboardAvailable",
            "False",
            "Disabled",
            "enabled is false",
        ),
        (
            "dashboard starting",
            ready().with(|s| s.facts.dashboard = Some(DeploymentFacts { ready: 0, ..settled(1) })),
            InProgress,
            "DashboardAvailable",
            "False",
            "DashboardStarting",
            "0 of 1",
        ),
        (
            "dashboard does not start",
            ready().with(|s| s.facts.dashboard = Some(stuck.clone())),
            Failed,
            "DashboardAvailable",
            "False",
            "DashboardStuck",
            "exceeded quota",
        ),
        (
            "dashboard waits for its database",
            ready().with(|s| {
                s.facts.dashboard = Some(stuck.clone());
                s.facts.database = Err(waits("DatabaseUnreachable", "failed to reach MongoDB"));
            }),
            InProgress,
            "DashboardAvailable",
            "False",
            "DashboardStuck",
            "exceeded quota",
        ),
        (
            "partition stopped",
            ready().with(|s| {
                s.facts.database.as_mut().unwrap().heartbeats = vec![heartbeat(&["sales/0: events were deleted"])];
            }),
            Failed,
            "WorkersAvailable",
            "False",
            "PartitionStopped",
            "sales/0",
        ),
        (
            "partition stopped, the new setting is on its way",
            ready().with(|s| {
                s.facts.database.as_mut().unwrap().heartbeats = vec![heartbeat(&["sales/0: events were deleted"])];
                workers(s, DeploymentFacts { updated: 0, ..settled(2) });
            }),
            InProgress,
            "WorkersAvailable",
            "False",
            "PartitionStopped",
            "sales/0",
        ),
        (
            "partition does not move although its log grows",
            ready().with(|s| {
                let said = "sales/0 does not move: no broker leads topic-raw-sales/0";
                let stalls = vec![said.to_owned()];
                let stalled = Heartbeat { stalls, ..heartbeat(&[said]) };
                s.facts.database.as_mut().unwrap().heartbeats = vec![heartbeat(&[]), stalled];
            }),
            InProgress,
            "WorkersAvailable",
            "False",
            "PartitionStalled",
            "no broker leads",
        ),
        (
            "a sum is at its limit, and every partition moves",
            ready().with(|s| {
                let said = "revenue of client \"ann\" went beyond what is counted";
                let warnings = vec![said.to_owned()];
                let warned = Heartbeat { warnings, ..heartbeat(&[said]) };
                s.facts.database.as_mut().unwrap().heartbeats = vec![warned];
            }),
            Current,
            "WorkersAvailable",
            "True",
            "WorkersAvailable",
            "revenue of client",
        ),
        (
            "pods do not start",
            ready().with(|s| workers(s, stuck.clone())),
            Failed,
            "WorkersAvailable",
            "False",
            "WorkersStuck",
            "exceeded quota",
        ),
        (
            "new pods do not start, the old ones work",
            ready().with(|s| {
                workers(
                    s,
                    DeploymentFacts { stuck: Some("no such image".into()), updated: 1, replicas: 3, ..settled(2) },
                );
            }),
            Failed,
            "WorkersAvailable",
            "True",
            "WorkersStuck",
            "no such image",
        ),
        (
            "pods that did not start, mended just now",
            ready().with(|s| workers(s, DeploymentFacts { observed: false, ..stuck.clone() })),
            InProgress,
            "WorkersAvailable",
            "False",
            "WorkersStarting",
            "0 of 2",
        ),
        (
            "more workers than partitions",
            ready().with(|s| {
                s.pipeline.spec.workers.replicas = 5;
                workers(s, settled(5));
            }),
            Current,
            "WorkersAvailable",
            "True",
            "WorkersAvailable",
            "2 of them have nothing to read",
        ),
        (
            "pods wait for Kafka",
            ready().kafka_fails(away()).with(|s| workers(s, stuck.clone())),
            InProgress,
            "Reconciling",
            "True",
            "BrokerUnreachable",
            "kafka:9092",
        ),
    ] {
        let said = fixture.status();
        let json = serde_json::to_value(&said).unwrap();
        assert_eq!(kstatus(2, &json), verdict, "{state}: {json:#}");
        assert_eq!(kstatus(3, &json), ComponentStatus::InProgress, "{state}: of an older generation");
        let condition = find(&said, of);
        assert_eq!((&*condition.status, &*condition.reason), (status, reason), "{state}: {json:#}");
        assert!(condition.message.contains(words), "{state}: {}", condition.message);
        assert_eq!(said.conditions.len(), 8, "{state}");
        for condition in &said.conditions {
            assert_eq!(condition.observed_generation, Some(2), "{state}: {}", condition.type_);
            let word = condition.reason.chars().all(|c| c.is_ascii_alphanumeric());
            assert!(
                word && condition.reason.starts_with(|c: char| c.is_ascii_uppercase()),
                "{state}: {}",
                condition.reason
            );
        }
        let is_true = |name| find(&said, name).status == "True";
        assert!(!is_true("Reconciling") || !is_true("Ready") && !is_true("Stalled"), "{state}");
        assert_eq!(is_true("Ready"), verdict == Current, "{state}");
    }
}
