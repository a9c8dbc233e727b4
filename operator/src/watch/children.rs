//! The objects that the operator made: all but Deployments by their metadata alone.

use std::{collections::HashSet, sync::Arc};

use k8s_openapi::api::apps::v1::Deployment;
use kube::core::{ApiResource, DynamicObject, ObjectMeta, PartialObjectMeta};

use super::scope::{self, Scope};
use crate::{
    children::{ObjectKey, ObservedObject, deployment_facts},
    reconcile::observed::DeploymentFacts,
};

/// One kind.
pub(super) struct Watched {
    scope: Scope,
    kind: Arc<str>,
    listing: HashSet<(String, String)>,
}

impl Watched {
    pub fn new(scope: Scope, kind: &ApiResource) -> Self {
        Self { scope, kind: kind.kind.as_str().into(), listing: HashSet::new() }
    }

    fn key(&self, meta: &ObjectMeta) -> ObjectKey {
        ObjectKey {
            namespace: meta.namespace.clone().unwrap_or_default(),
            kind: self.kind.clone(),
            name: meta.name.clone().unwrap_or_default(),
        }
    }

    fn put(&mut self, mut meta: ObjectMeta, deployment: Option<DeploymentFacts>) {
        meta.managed_fields = None;
        let key = self.key(&meta);
        self.listing.insert((key.namespace.clone(), key.name.clone()));
        let live = ObservedObject::of(meta, deployment);
        let before = self.scope.context.children.put(key.clone(), live.clone());
        // What we wrote ourselves comes back here, and needs no second look.
        let progressed = before.as_ref().and_then(|before| before.deployment.as_ref()) != live.deployment.as_ref();
        if progressed || !self.scope.context.applied.expects(&key, &live) {
            self.ask(&key, &live);
        }
        if let Some(before) = before.filter(|before| before.owners != live.owners) {
            self.ask(&key, &before);
        }
        self.count();
    }

    fn delete(&mut self, meta: &ObjectMeta) {
        let key = self.key(meta);
        if let Some(live) = self.scope.context.children.remove(&key) {
            self.ask(&key, &live);
        }
        self.count();
    }

    fn begins(&mut self) {
        self.listing.clear();
    }

    fn ends(&mut self) {
        let namespace = self.scope.namespace.as_deref();
        for (key, live) in self.scope.context.children.retain(&self.kind, namespace, &std::mem::take(&mut self.listing))
        {
            self.ask(&key, &live);
        }
        self.count();
    }

    fn ask(&self, key: &ObjectKey, live: &ObservedObject) {
        live.pipelines(&key.namespace).into_iter().for_each(|pipeline| self.scope.ask(pipeline));
    }

    fn count(&self) {
        self.scope.context.metrics.watched(&self.kind, self.scope.context.children.count(&self.kind));
    }
}

impl scope::Watched<Deployment> for Watched {
    fn list_begins(&mut self) {
        self.begins();
    }

    fn stands(&mut self, object: Deployment) {
        let facts = deployment_facts(&object);
        self.put(object.metadata, Some(facts));
    }

    fn gone(&mut self, object: Deployment) {
        self.delete(&object.metadata);
    }

    fn list_ends(&mut self) {
        self.ends();
    }
}

impl scope::Watched<PartialObjectMeta<DynamicObject>> for Watched {
    fn list_begins(&mut self) {
        self.begins();
    }

    fn stands(&mut self, object: PartialObjectMeta<DynamicObject>) {
        self.put(object.metadata, None);
    }

    fn gone(&mut self, object: PartialObjectMeta<DynamicObject>) {
        self.delete(&object.metadata);
    }

    fn list_ends(&mut self) {
        self.ends();
    }
}
