//! Writes the status, and remembers what was written until the watch shows it.

use std::{collections::HashMap, time::Instant};

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    core::{ApiResource, DynamicObject, ObjectMeta},
};
use parking_lot::Mutex;
use serde_json::json;
use stockstream_model::Timestamp;

use super::{names::FIELD_MANAGER, status::needs_write};
use crate::{
    key::PipelineKey,
    metrics::Metrics,
    resource::{AnalyticsPipeline, PipelineStatus},
};

struct Written {
    at: Instant,
    /// Version and status, until the watch shows them.
    unseen: Option<(Option<u64>, PipelineStatus)>,
}

/// What was written last of each pipeline.
#[derive(Default)]
pub(crate) struct StatusCache(Mutex<HashMap<PipelineKey, Written>>);

impl StatusCache {
    /// The status as it stands: of the resource, unless that is older than what was written last.
    pub fn standing(&self, meta: &ObjectMeta, shown: Option<&PipelineStatus>) -> Option<PipelineStatus> {
        let mut statuses = self.0.lock();
        let unseen = statuses.get_mut(&PipelineKey::of(meta)).map(|written| &mut written.unseen);
        match unseen {
            Some(Some((version, status))) if *version > number(meta.resource_version.as_deref()) => {
                Some(status.clone())
            }
            Some(seen) => {
                *seen = None;
                shown.cloned()
            }
            None => shown.cloned(),
        }
    }

    /// The status of a resource that does not show it, as it cannot be decoded: as it was written last, else as it stands.
    pub async fn unshown(&self, client: &Client, meta: &ObjectMeta) -> Result<PipelineStatus, kube::Error> {
        let key = PipelineKey::of(meta);
        let written = self.0.lock().get(&key).and_then(|written| written.unseen.clone());
        if let Some((_, status)) = written {
            return Ok(status);
        }
        // By the right to list pipelines, which the operator needs anyway.
        let named = ListParams::default().fields(&format!("metadata.name={}", key.name));
        let found = untyped(client, &key).list(&named).await?.items.into_iter().next();
        let status = found.and_then(|object| object.data.get("status").cloned());
        Ok(status.and_then(|status| serde_json::from_value(status).ok()).unwrap_or_default())
    }

    /// Writes the status if it says something else than what stands, or is due; returns whether it did.
    pub async fn write(
        &self,
        client: &Client,
        metrics: &Metrics,
        meta: &ObjectMeta,
        before: Option<&PipelineStatus>,
        after: PipelineStatus,
    ) -> Result<bool, kube::Error> {
        let key = PipelineKey::of(meta);
        let since = self.0.lock().get(&key).map_or(u64::MAX, |written| written.at.elapsed().as_secs());
        if !needs_write(before, &after, since) {
            return Ok(false);
        }
        let body = json!({
            "apiVersion": AnalyticsPipeline::api_version(&()), "kind": AnalyticsPipeline::kind(&()),
            // Another one of the same name is not meant.
            "metadata": { "name": key.name, "namespace": key.namespace, "uid": meta.uid }, "status": after,
        });
        let written = untyped(client, &key)
            .patch_status(&key.name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(body))
            .await;
        metrics.wrote("AnalyticsPipeline", "status", &written);
        let version = number(written?.resource_version().as_deref());
        self.0.lock().insert(key, Written { at: Instant::now(), unseen: Some((version, after)) });
        Ok(true)
    }

    pub fn forget(&self, key: &PipelineKey) {
        self.0.lock().remove(key);
    }
}

/// Pipelines as objects of no type: that one cannot be decoded may be what its status is to say.
fn untyped(client: &Client, key: &PipelineKey) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), &key.namespace, &ApiResource::erase::<AnalyticsPipeline>(&()))
}

/// Versions of one object are numbers that grow; where they were not, the resource as it is shown would be believed.
fn number(version: Option<&str>) -> Option<u64> {
    version?.parse().ok()
}

/// The status with a trouble of the operator's own in it, which the facts do not show: something it could not read, apply or
/// decode.
pub(crate) fn with_error(
    before: Option<&PipelineStatus>,
    mut status: PipelineStatus,
    trouble: &Trouble,
    generation: Option<i64>,
    now: Timestamp,
) -> PipelineStatus {
    let is = |yes| if yes { "True" } else { "False" };
    for (name, value) in [("Ready", "False"), ("Reconciling", is(!trouble.stalled)), ("Stalled", is(trouble.stalled))] {
        let condition = |condition: &&Condition| condition.type_ == name;
        let standing = before.and_then(|before| before.conditions.iter().find(condition));
        let since =
            standing.filter(|standing| standing.status == value).map(|standing| standing.last_transition_time.clone());
        let said = value == "True" || name == "Ready";
        let condition = Condition {
            type_: name.to_owned(),
            status: value.to_owned(),
            reason: if said { trouble.reason } else { "AsExpected" }.to_owned(),
            message: if said { trouble.message.chars().take(LONGEST).collect() } else { String::new() },
            last_transition_time: since.unwrap_or_else(|| time(now)),
            observed_generation: generation,
        };
        match status.conditions.iter_mut().find(|standing| standing.type_ == name) {
            Some(standing) => *standing = condition,
            None => status.conditions.push(condition),
        }
    }
    status.observed_generation = generation;
    status
}

/// A trouble of the operator's own.
#[derive(Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In CamelCase.
    pub reason: &'static str,
    /// In a sentence.
    pub message: String,
    /// Whether only a person can mend it.
    pub stalled: bool,
}

const LONGEST: usize = 8_000;

fn time(now: Timestamp) -> Time {
    // Whole seconds, as Kubernetes keeps them: else what was written would differ from what is read.
    Time(jiff::Timestamp::from_second(now.millis().div_euclid(1_000)).unwrap_or_default())
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
