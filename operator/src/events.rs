//! Kubernetes' events: what a person wants to know, told once. Best effort: nothing depends on them.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client, Resource,
    core::ObjectMeta,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use tokio::time::timeout;

use crate::{
    api_errors::{explain, is_code},
    metrics::Metrics,
    reconcile::names::FIELD_MANAGER,
    resource::AnalyticsPipeline,
};

const LONGEST: Duration = Duration::from_secs(5);
/// Longer notes are refused by the API server.
const LONGEST_NOTE: usize = 1_000;

/// Tells.
pub(crate) struct Events(Recorder);

impl Events {
    pub fn new(client: Client, identity: &str) -> Self {
        let reporter = Reporter { controller: FIELD_MANAGER.to_owned(), instance: Some(identity.to_owned()) };
        Self(Recorder::new(client, reporter))
    }

    /// Tells something of a pipeline.
    pub async fn tell(&self, pipeline: &ObjectMeta, type_: EventType, reason: &str, note: &str, metrics: &Metrics) {
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(shortened(note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        match timeout(LONGEST, self.0.publish(&event, &reference(pipeline))).await {
            Ok(result) => {
                metrics.wrote("Event", "create", &result);
                match result {
                    Ok(()) => {}
                    // A namespace that goes away takes no new objects; somebody may not want events at all.
                    Err(error) if is_code(&error, 403) || is_code(&error, 404) => {
                        tracing::debug!(reason, error = explain(&error), "an event was not taken");
                    }
                    Err(error) => tracing::warn!(reason, error = explain(&error), "an event was not taken"),
                }
            }
            Err(_) => tracing::warn!(reason, "an event was not taken in time"),
        }
    }
}

/// Without the resource's version, so that the same event told again counts up instead of being a new one.
fn reference(meta: &ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some(AnalyticsPipeline::api_version(&()).into_owned()),
        kind: Some(AnalyticsPipeline::kind(&()).into_owned()),
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        ..ObjectReference::default()
    }
}

fn shortened(note: &str) -> String {
    match note.char_indices().nth(LONGEST_NOTE) {
        Some((end, _)) => format!("{}…", &note[..end]),
        None => note.to_owned(),
    }
}
