//! Secrets, by their metadata alone: that one changed is seen here, what is in it is read when a pipeline names it.

use std::{collections::HashSet, mem};

use k8s_openapi::api::core::v1::Secret;
use kube::core::{ObjectMeta, PartialObjectMeta};

use super::scope::{self, Scope};
use crate::reconcile::dereference::SecretKey;

/// All of a scope.
pub(super) struct Watched {
    scope: Scope,
    listing: HashSet<SecretKey>,
}

impl Watched {
    pub fn new(scope: Scope) -> Self {
        Self { scope, listing: HashSet::new() }
    }
}

fn key(meta: &ObjectMeta) -> SecretKey {
    SecretKey { namespace: meta.namespace.clone().unwrap_or_default(), name: meta.name.clone().unwrap_or_default() }
}

impl scope::Watched<PartialObjectMeta<Secret>> for Watched {
    fn list_begins(&mut self) {
        self.listing.clear();
    }

    fn stands(&mut self, object: PartialObjectMeta<Secret>) {
        let key = key(&object.metadata);
        self.listing.insert(key.clone());
        let version = object.metadata.resource_version.unwrap_or_default();
        for pipeline in self.scope.context.secrets.stands(key, version) {
            self.scope.ask(pipeline);
        }
    }

    fn gone(&mut self, object: PartialObjectMeta<Secret>) {
        for pipeline in self.scope.context.secrets.gone(&key(&object.metadata)) {
            self.scope.ask(pipeline);
        }
    }

    fn list_ends(&mut self) {
        let seen = mem::take(&mut self.listing);
        for pipeline in self.scope.context.secrets.retain(self.scope.namespace.as_deref(), &seen) {
            self.scope.ask(pipeline);
        }
    }
}
