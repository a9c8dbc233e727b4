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
    report::Trouble,
};
use crate::{
    api_errors::{explain, is_code},
    children::{ObjectKey, ObservedObject},
    context::{Context, ReconcilePermit},
    key::PipelineKey,
};

/// What of a pipeline's objects could not be made as it was built.
#[derive(Debug, Default)]
pub struct Refused {
    failed: Vec<Failed>,
    taken: Vec<Taken>,
}

/// An object that the API server did not take, or did not delete.
#[derive(Debug)]
struct Failed {
    verb: &'static str,
    kind: String,
    name: String,
    error: kube::Error,
}

/// An object that stands under a name that the pipeline needs, and is not the pipeline's. It is left as it is.
#[derive(Debug)]
struct Taken {
    /// As a sentence names it: `ConfigMap shop/stock-worker`.
    what: String,
    name: String,
    command: String,
    /// Whether it goes by itself: it is on its way out, or was an earlier pipeline's of this name.
    goes: bool,
}

impl Refused {
    fn is_empty(&self) -> bool {
        self.failed.is_empty() && self.taken.is_empty()
    }

    /// Whether an object is in the way that the cluster does not tell us about when it goes.
    pub fn is_taken(&self) -> bool {
        !self.taken.is_empty()
    }

    /// What the status says of it.
    pub fn trouble(&self) -> Trouble {
        let reason = if self.is_taken() { "NameTaken" } else { "NotApplied" };
        let stalled = self.taken.iter().any(|taken| !taken.goes);
        Trouble { reason, message: format!("{self}; it is tried again"), stalled }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = self.taken.iter().map(|Taken { what, command, goes, .. }| match goes {
            true => format!("{what} is not this pipeline's and is going away: the pipeline's own is made when it is gone"),
            false => format!(
                "{what} exists and has no owner reference to this pipeline, so it is left as it is, and the pipeline's own is \
                 not made: if nobody needs it, delete it with: {command}; else give the pipeline another name"
            ),
        });
        let failed = self
            .failed
            .iter()
            .map(|Failed { verb, kind, name, error }| format!("failed to {verb} {kind} {name}: {}", explain(error)));
        f.write_str(&taken.chain(failed).collect::<Vec<_>>().join("; "))
    }
}

impl std::error::Error for Refused {}

/// A version that no object ever has, since a database of the API server has written others before its first: whatever
/// stands is not of it, and so is not changed.
const OF_NOTHING: &str = "1";

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
        turn: &mut Option<ReconcilePermit>,
    ) -> Result<(), Refused> {
        let mut refused = Refused::default();
        let mut wanted: HashSet<ObjectKey> = kept.iter().map(|(kind, name)| self.key(&kind.kind, name)).collect();
        let keyed = built.into_iter().map(|child| (self.key_of(&child), child));
        let (addressed, others): (Vec<_>, Vec<_>) = keyed.partition(|(key, child)| self.gets_address(key, child));
        wanted.extend(addressed.iter().chain(&others).map(|(key, _)| key.clone()));
        for (key, child) in others {
            // Pods would run with the settings or as the account of somebody else.
            let lacks_a_part = refused.taken.iter().any(|taken| taken.name == key.name);
            if lacks_a_part && replicas(&child).is_some_and(|pods| pods > 0) {
                continue;
            }
            self.write(&child, &key, &mut refused).await;
        }
        for (key, live) in self.context.children.owned(self.pipeline) {
            if !wanted.contains(&*key)
                && self.is_orphan(&live)
                && let Err(error) = self.delete(&key, &live).await
            {
                let (kind, name) = (key.kind.to_string(), key.name.clone());
                refused.failed.push(Failed { verb: "delete", kind, name, error });
            }
        }
        for (key, child) in addressed {
            drop(turn.take());
            let Some(_address) = self.context.address().await else { break };
            self.write(&child, &key, &mut refused).await;
        }
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }

    /// Whether the API server will give the object an address of the cluster.
    fn gets_address(&self, key: &ObjectKey, child: &Child) -> bool {
        child.kind.kind == "Service" && self.context.children.get(key).is_none()
    }

    /// Whether an object that is not wanted is this pipeline's to remove: not another's, nor an earlier one's of the name.
    fn is_orphan(&self, live: &ObservedObject) -> bool {
        live.is_owned_by(self.uid) && live.is_of(&self.pipeline.name) && !live.is_going
    }

    async fn write(&self, child: &Child, key: &ObjectKey, refused: &mut Refused) {
        match self.written(child, key).await {
            Ok(None) => {}
            Ok(Some(taken)) => refused.taken.push(taken),
            Err(error) => {
                let (kind, name) = (child.kind.kind.clone(), key.name.clone());
                refused.failed.push(Failed { verb: "apply", kind, name, error });
            }
        }
    }

    /// Changes the object if it is ours and still the one that we know, else makes it if nothing stands there. What stands
    /// there without our owner reference is never touched, also not when it comes between two of our requests: each of them
    /// names the object that it means.
    async fn written(&self, child: &Child, key: &ObjectKey) -> Result<Option<Taken>, kube::Error> {
        let digest = digest(&child.object);
        let known = self.context.children.get(key);
        if self.context.applied.is_current(self.pipeline, key, digest, known.as_ref()) {
            return Ok(None);
        }
        if let Some(ours) = known.filter(|live| live.is_owned_by(self.uid)) {
            match self.put(child, key, digest, ("uid", &ours.uid)).await {
                Err(error) if is_another(&error) => {}
                put => return put.map(|()| None),
            }
        }
        match self.put(child, key, digest, ("resourceVersion", OF_NOTHING)).await {
            Err(error) if is_code(&error, 409) => {
                let api: Api<DynamicObject> = self.api(&child.kind);
                let Some(found) = api.get_metadata_opt(&key.name).await? else { return Err(error) };
                let live = ObservedObject::of(found.metadata, None);
                match live.is_owned_by(self.uid) {
                    true => self.put(child, key, digest, ("uid", &live.uid)).await.map(|()| None),
                    false => Ok(Some(self.taken(&child.kind, key, &live))),
                }
            }
            put => put.map(|()| None),
        }
    }

    /// Applies the object, if what stands there has this `uid`; or, with a `resourceVersion`, if nothing does. Else: 409.
    async fn put(
        &self,
        child: &Child,
        key: &ObjectKey,
        digest: u64,
        (field, value): (&str, &str),
    ) -> Result<(), kube::Error> {
        let mut object = child.object.clone();
        object["metadata"][field] = value.into();
        let patch = PatchParams::apply(FIELD_MANAGER).force();
        let result = self.api(&child.kind).patch_metadata(&key.name, &patch, &Patch::Apply(&object)).await;
        self.context.metrics.wrote(&child.kind.kind, "apply", &result);
        let live = ObservedObject::of(result?.metadata, None);
        self.context.applied.put(self.pipeline, key.clone(), &child.object, digest, &live);
        self.context.children.wrote(key.clone(), live, replicas(child));
        tracing::debug!(kind = child.kind.kind, name = key.name, "applied");
        Ok(())
    }

    fn taken(&self, kind: &ApiResource, key: &ObjectKey, live: &ObservedObject) -> Taken {
        let ObjectKey { namespace, name, .. } = key;
        let of_an_earlier = live.owners.iter().any(|(owner, _)| *owner == self.pipeline.name);
        let group = if kind.group.is_empty() { String::new() } else { format!(".{}", kind.group) };
        Taken {
            what: format!("{} {namespace}/{name}", kind.kind),
            name: name.clone(),
            command: format!("kubectl --namespace {namespace} delete {}{group} {name}", kind.plural),
            goes: live.is_going || of_an_earlier,
        }
    }

    async fn delete(&self, key: &ObjectKey, live: &ObservedObject) -> Result<(), kube::Error> {
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

/// Whether what was written to, by uid, is gone or another one by now.
fn is_another(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 409 || status.code == 422 && status.message.contains("metadata.uid"),
        _ => false,
    }
}

/// The pods that a Deployment is to have; `None` of other kinds.
fn replicas(child: &Child) -> Option<i32> {
    let replicas = child.object["spec"]["replicas"].as_i64().and_then(|replicas| i32::try_from(replicas).ok());
    replicas.filter(|_| child.kind.kind == "Deployment")
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
