//! Writes what differs, and removes what is not wanted any more.

use std::{collections::HashSet, fmt};

use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::{ApiResource, DynamicObject},
};

use super::{
    build::{Child, kinds},
    cache::digest,
    names::FIELD_MANAGER,
};
use crate::{
    children::{Live, ObjectKey},
    context::{Context, Turn},
    explain::{explain, is_code},
    key::PipelineKey,
};

/// Objects that the API server did not take, or did not delete.
#[derive(Debug)]
pub struct Refused(Vec<Refusal>);

#[derive(Debug)]
struct Refusal {
    verb: &'static str,
    kind: String,
    name: String,
    error: kube::Error,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Refusal { verb, kind, name, error }) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}failed to {verb} {kind} {name}: {}", explain(error))?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// Whose objects, and where.
pub(crate) struct Apply<'a> {
    pub context: &'a Context,
    pub pipeline: &'a PipelineKey,
    pub uid: &'a str,
}

impl Apply<'_> {
    /// Makes the objects stand as they were built, and removes others that the pipeline owns, but those that are kept. One
    /// that is refused keeps none of the others back. Those that wait for an address come last: others have the turn
    /// meanwhile, and what was written already is let go, since a thousand pipelines may wait.
    pub async fn apply(
        &self,
        built: Vec<Child>,
        kept: &[(ApiResource, String)],
        turn: &mut Option<Turn>,
    ) -> Result<(), Refused> {
        let mut refused = Vec::new();
        let mut wanted: HashSet<ObjectKey> = kept.iter().map(|(kind, name)| self.key(&kind.kind, name)).collect();
        let keyed = built.into_iter().map(|child| (self.key_of(&child), child));
        let (addressed, others): (Vec<_>, Vec<_>) = keyed.partition(|(key, child)| self.gets_address(key, child));
        wanted.extend(addressed.iter().chain(&others).map(|(key, _)| key.clone()));
        for (key, child) in others {
            self.write(&child, &key, &mut refused).await;
        }
        for (key, live) in self.context.children.owned(self.pipeline) {
            if !wanted.contains(&*key)
                && self.is_orphan(&live)
                && let Err(error) = self.delete(&key, &live).await
            {
                let (kind, name) = (key.kind.to_string(), key.name.clone());
                refused.push(Refusal { verb: "delete", kind, name, error });
            }
        }
        for (key, child) in addressed {
            drop(turn.take());
            let Some(_address) = self.context.address().await else { break };
            self.write(&child, &key, &mut refused).await;
        }
        if refused.is_empty() { Ok(()) } else { Err(Refused(refused)) }
    }

    /// Whether the API server will give the object an address of the cluster.
    fn gets_address(&self, key: &ObjectKey, child: &Child) -> bool {
        child.kind.kind == "Service" && self.context.children.get(key).is_none()
    }

    /// Whether an object that is not wanted is this pipeline's to remove: not another's, nor an earlier one's of the name.
    fn is_orphan(&self, live: &Live) -> bool {
        live.is_owned_by(self.uid) && live.is_of(&self.pipeline.name) && !live.is_going
    }

    async fn write(&self, child: &Child, key: &ObjectKey, refused: &mut Vec<Refusal>) {
        if let Err(error) = self.written(child, key).await {
            refused.push(Refusal { verb: "apply", kind: child.kind.kind.clone(), name: key.name.clone(), error });
        }
    }

    async fn written(&self, child: &Child, key: &ObjectKey) -> Result<(), kube::Error> {
        let digest = digest(&child.object);
        if self.context.applied.is_current(self.pipeline, key, digest, self.context.children.get(key).as_ref()) {
            return Ok(());
        }
        let patch = PatchParams::apply(FIELD_MANAGER).force();
        let result = self.api(&child.kind).patch_metadata(&key.name, &patch, &Patch::Apply(&child.object)).await;
        self.context.metrics.wrote(&child.kind.kind, "apply", &result);
        let live = Live::of(result?.metadata, None);
        let replicas = child.object["spec"]["replicas"].as_i64().and_then(|replicas| i32::try_from(replicas).ok());
        let is_deployment = child.kind.kind == "Deployment";
        self.context.applied.put(self.pipeline, key.clone(), &child.object, digest, &live);
        self.context.children.wrote(key.clone(), live, replicas.filter(|_| is_deployment));
        tracing::debug!(kind = child.kind.kind, name = key.name, "applied");
        Ok(())
    }

    async fn delete(&self, key: &ObjectKey, live: &Live) -> Result<(), kube::Error> {
        let Some(kind) = kinds(self.context.has_pod_monitor).into_iter().find(|kind| *kind.kind == *key.kind) else {
            return Ok(());
        };
        let same = Preconditions { uid: Some(live.uid.clone()), resource_version: None };
        let result = self.api(&kind).delete(&key.name, &DeleteParams::background().preconditions(same)).await;
        self.context.metrics.wrote(&kind.kind, "delete", &result);
        match result {
            // Gone, or another one by now.
            Err(error) if is_code(&error, 404) || is_code(&error, 409) => {}
            other => {
                other?;
                tracing::info!(kind = kind.kind, name = key.name, "removed, since it is not wanted any more");
            }
        }
        self.context.applied.remove(self.pipeline, key);
        Ok(())
    }

    fn api(&self, kind: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.context.client.clone(), &self.pipeline.namespace, kind)
    }

    fn key_of(&self, child: &Child) -> ObjectKey {
        self.key(&child.kind.kind, child.object["metadata"]["name"].as_str().unwrap_or_default())
    }

    fn key(&self, kind: &str, name: &str) -> ObjectKey {
        ObjectKey { namespace: self.pipeline.namespace.clone(), kind: kind.into(), name: name.to_owned() }
    }
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
