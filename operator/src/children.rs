//! The objects that the operator made, as they stand in the cluster: what the watches saw last, and what the API server
//! answered to a write since.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use k8s_openapi::api::apps::v1::Deployment;
use kube::core::ObjectMeta;
use parking_lot::Mutex;

use crate::{key::PipelineKey, metadata_digest::MetadataDigest, reconcile::observed::DeploymentFacts};

const INSTANCE: &str = "app.kubernetes.io/instance";

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectKey {
    pub namespace: String,
    pub kind: Arc<str>,
    pub name: String,
}

/// An object as it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ObservedObject {
    pub uid: String,
    /// `None` of kinds that have none.
    pub generation: Option<i64>,
    pub resource_version: String,
    pub labels: MetadataDigest,
    pub annotations: MetadataDigest,
    /// The pipeline that its label names.
    pub instance: Option<String>,
    /// Pipelines that own it: name and uid.
    pub owners: Vec<(String, String)>,
    /// Whether it is on its way out.
    pub is_going: bool,
    /// Of a Deployment.
    pub deployment: Option<DeploymentFacts>,
}

impl ObservedObject {
    pub fn of(meta: ObjectMeta, deployment: Option<DeploymentFacts>) -> Self {
        let owners = meta.owner_references.unwrap_or_default().into_iter();
        let mut labels = meta.labels.unwrap_or_default();
        let marks =
            |map: &BTreeMap<String, String>| MetadataDigest::of(map.iter().map(|(name, value)| (name, value.as_str())));
        Self {
            uid: meta.uid.unwrap_or_default(),
            generation: meta.generation,
            resource_version: meta.resource_version.unwrap_or_default(),
            labels: marks(&labels),
            annotations: marks(&meta.annotations.unwrap_or_default()),
            instance: labels.remove(INSTANCE),
            owners: owners
                .filter(|owner| owner.kind == "AnalyticsPipeline")
                .map(|owner| (owner.name, owner.uid))
                .collect(),
            is_going: meta.deletion_timestamp.is_some(),
            deployment,
        }
    }

    pub fn is_owned_by(&self, uid: &str) -> bool {
        self.owners.iter().any(|(_, owner)| owner == uid)
    }

    /// Pipelines that a change of it is about: its owners, and the one that its label names.
    pub fn pipelines(&self, namespace: &str) -> BTreeSet<PipelineKey> {
        let owners = self.owners.iter().map(|(name, _)| name);
        owners.chain(&self.instance).map(|name| PipelineKey::new(namespace, name)).collect()
    }

    /// Whether it bears the label of the pipeline.
    pub fn is_of(&self, pipeline: &str) -> bool {
        self.instance.as_deref() == Some(pipeline)
    }
}

#[derive(Default)]
struct Inner {
    objects: HashMap<Arc<ObjectKey>, ObservedObject>,
    owned: HashMap<PipelineKey, BTreeSet<Arc<ObjectKey>>>,
    counts: HashMap<Arc<str>, usize>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Children(Mutex<Inner>);

impl Children {
    /// Notes how it stands; returns how it stood before.
    pub fn put(&self, key: ObjectKey, live: ObservedObject) -> Option<ObservedObject> {
        let mut inner = self.0.lock();
        let before = inner.remove(&key);
        inner.insert(Arc::new(key), live);
        before
    }

    /// As [`Self::put`], for what the API server answered to a write, which says nothing of a Deployment's progress.
    pub fn wrote(&self, key: ObjectKey, mut live: ObservedObject, wanted: Option<i32>) {
        let mut inner = self.0.lock();
        let before = inner.remove(&key);
        live.deployment = match before {
            Some(before) if before.generation == live.generation && before.uid == live.uid => before.deployment,
            Some(before) => before.deployment.map(|facts| DeploymentFacts { observed: false, ..facts }),
            None => None,
        };
        if let Some(wanted) = wanted {
            // What was just made or changed is not settled, though no watch has said so yet.
            live.deployment.get_or_insert_default().wanted = wanted;
        }
        inner.insert(Arc::new(key), live);
    }

    pub fn remove(&self, key: &ObjectKey) -> Option<ObservedObject> {
        self.0.lock().remove(key)
    }

    pub fn get(&self, key: &ObjectKey) -> Option<ObservedObject> {
        self.0.lock().objects.get(key).cloned()
    }

    /// The progress of a Deployment of the pipeline with that uid; `None` where there is none.
    pub fn deployment(&self, namespace: &str, name: String, owner: &str) -> Option<DeploymentFacts> {
        let key = ObjectKey { namespace: namespace.to_owned(), kind: "Deployment".into(), name };
        self.0.lock().objects.get(&key).filter(|live| live.is_owned_by(owner))?.deployment.clone()
    }

    /// What a pipeline of this name owns.
    pub fn owned(&self, pipeline: &PipelineKey) -> Vec<(Arc<ObjectKey>, ObservedObject)> {
        let inner = self.0.lock();
        let keys = inner.owned.get(pipeline).into_iter().flatten();
        keys.filter_map(|key| Some((key.clone(), inner.objects.get(key)?.clone()))).collect()
    }

    /// Forgets objects of a kind that a complete list of it, in a namespace or everywhere, did not show; returns how they
    /// stood.
    pub fn retain(
        &self,
        kind: &str,
        namespace: Option<&str>,
        seen: &HashSet<(String, String)>,
    ) -> Vec<(ObjectKey, ObservedObject)> {
        let mut inner = self.0.lock();
        let listed = |key: &&Arc<ObjectKey>| *key.kind == *kind && namespace.is_none_or(|name| name == key.namespace);
        let is_gone = |key: &&Arc<ObjectKey>| !seen.contains(&(key.namespace.clone(), key.name.clone()));
        let gone: Vec<Arc<ObjectKey>> = inner.objects.keys().filter(listed).filter(is_gone).cloned().collect();
        gone.iter().filter_map(|key| Some(((**key).clone(), inner.remove(key)?))).collect()
    }

    pub fn count(&self, kind: &str) -> usize {
        self.0.lock().counts.get(kind).copied().unwrap_or_default()
    }
}

impl Inner {
    fn insert(&mut self, key: Arc<ObjectKey>, live: ObservedObject) {
        for (owner, _) in &live.owners {
            self.owned.entry(PipelineKey::new(&key.namespace, owner)).or_default().insert(key.clone());
        }
        *self.counts.entry(key.kind.clone()).or_default() += 1;
        self.objects.insert(key, live);
    }

    fn remove(&mut self, key: &ObjectKey) -> Option<ObservedObject> {
        let live = self.objects.remove(key)?;
        for (owner, _) in &live.owners {
            let owner = PipelineKey::new(&key.namespace, owner);
            if let Some(keys) = self.owned.get_mut(&owner) {
                keys.remove(key);
                if keys.is_empty() {
                    self.owned.remove(&owner);
                }
            }
        }
        if let Some(count) = self.counts.get_mut(&key.kind) {
            *count -= 1;
        }
        Some(live)
    }
}

/// What is asked of a Deployment's progress.
pub(crate) fn deployment_facts(deployment: &Deployment) -> DeploymentFacts {
    let status = deployment.status.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let stuck = conditions.into_iter().find(|condition| {
        let failing = condition.type_ == "ReplicaFailure" && condition.status == "True";
        failing || condition.type_ == "Progressing" && condition.status == "False"
    });
    DeploymentFacts {
        wanted: deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
        replicas: status.replicas.unwrap_or_default(),
        updated: status.updated_replicas.unwrap_or_default(),
        ready: status.ready_replicas.unwrap_or_default(),
        observed: status.observed_generation >= deployment.metadata.generation,
        stuck: stuck.map(|condition| condition.message.or(condition.reason).unwrap_or(condition.type_)),
    }
}

#[cfg(test)]
#[path = "children_tests.rs"]
mod tests;
