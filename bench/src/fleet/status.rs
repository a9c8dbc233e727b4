//! Follows the pipelines' statuses, and plays the part of the nodes.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    core::DynamicObject,
    runtime::{
        WatchStreamExt,
        watcher::{self, watcher},
    },
};
use serde_json::{Value, json};
use stockstream_operator::reconcile::names::MANAGED_BY;

use crate::{Result, fleet::make::kind};

/// Nothing of what is waited for takes so long.
const PATIENCE: Duration = Duration::from_secs(900);
/// How many Deployments are said to be ready at once.
const AT_ONCE: usize = 16;

/// The pipelines as they stand.
pub(super) struct Pipelines {
    stream: BoxStream<'static, watcher::Result<DynamicObject>>,
    standing: HashMap<String, Value>,
}

impl Pipelines {
    pub fn watch(client: &Client) -> Self {
        let all: Api<DynamicObject> = Api::all_with(client.clone(), &kind());
        let stream = watcher(all, watcher::Config::default()).default_backoff().applied_objects();
        Self { stream: stream.boxed(), standing: HashMap::new() }
    }

    /// Waits until so many are so.
    pub async fn until(&mut self, count: usize, is_so: fn(&Value) -> bool) -> Result<()> {
        let so = self.standing.iter().filter(|(_, pipeline)| is_so(pipeline)).map(|(key, _)| key.clone());
        let mut so: HashSet<String> = so.collect();
        let waiting = async {
            while so.len() < count {
                let pipeline = self.stream.try_next().await?.ok_or("the watch of the pipelines ended")?;
                let key = format!("{}/{}", pipeline.namespace().unwrap_or_default(), pipeline.name_any());
                let generation = pipeline.metadata.generation;
                let pipeline = json!({ "generation": generation, "status": pipeline.data["status"] });
                if is_so(&pipeline) {
                    so.insert(key.clone())
                } else {
                    so.remove(&key)
                };
                self.standing.insert(key, pipeline);
            }
            Result::Ok(())
        };
        if let Ok(ended) = tokio::time::timeout(PATIENCE, waiting).await {
            return ended;
        }
        let other = self.standing.iter().find(|(key, _)| !so.contains(*key));
        Err(format!("after {} s only {} are so, and not this one: {other:#?}", PATIENCE.as_secs(), so.len()).into())
    }
}

fn reason(pipeline: &Value, condition: &str) -> Option<String> {
    let conditions = pipeline["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|found| found["type"] == condition)?;
    Some(found["reason"].as_str()?.to_owned())
}

/// There is a status for what the pipeline says now. It is written after everything was applied.
pub(super) fn is_told(pipeline: &Value) -> bool {
    !pipeline["generation"].is_null() && pipeline["status"]["observedGeneration"] == pipeline["generation"]
}

/// Topics and database are found good besides, and the workers are made.
pub(super) fn is_applied(pipeline: &Value) -> bool {
    let is = |condition, wanted: &str| reason(pipeline, condition).is_some_and(|reason| reason == wanted);
    is_told(pipeline)
        && is("TopicsReady", "TopicsFit")
        && is("DatabaseReady", "Owned")
        && !is("WorkersAvailable", "WorkersNotMade")
}

pub(super) fn is_ready(pipeline: &Value) -> bool {
    let conditions = pipeline["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|found| found["type"] == "Ready" && found["status"] == "True"))
}

pub(super) fn shows_page(pipeline: &Value) -> bool {
    reason(pipeline, "DashboardAvailable").is_some_and(|reason| reason == "DashboardAvailable")
}

/// Says of every Deployment what its controller would say when all its pods are ready.
pub(super) async fn pods_run(client: &Client) -> Result<()> {
    let ours = ListParams::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let deployments = Api::<Deployment>::all(client.clone()).list(&ours).await?;
    let said = deployments.into_iter().map(|deployment| async move {
        let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let status = json!({ "status": {
            "observedGeneration": deployment.metadata.generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
        } });
        let api: Api<Deployment> = Api::namespaced(client.clone(), &deployment.namespace().unwrap_or_default());
        api.patch_status(&deployment.name_any(), &PatchParams::default(), &Patch::Merge(status)).await?;
        Result::Ok(())
    });
    stream::iter(said).buffer_unordered(AT_ONCE).try_collect().await
}
