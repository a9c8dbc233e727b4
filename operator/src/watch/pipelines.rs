//! The pipelines themselves. Their status is written by us alone, so a change of nothing else asks for nothing.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem,
};

use kube::{Resource, core::ObjectMeta};

use super::scope::{self, Scope};
use crate::key::{MaybePipeline, PipelineKey};

/// What is asked for when it changes.
#[derive(PartialEq)]
struct Version {
    uid: Option<String>,
    generation: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

impl Version {
    fn of(meta: &ObjectMeta) -> Self {
        Self {
            uid: meta.uid.clone(),
            generation: meta.generation,
            labels: meta.labels.clone(),
            annotations: meta.annotations.clone(),
        }
    }
}

/// Takes away what is large and never looked at.
pub(super) fn prune(pipeline: &mut MaybePipeline) {
    let meta = pipeline.meta_mut();
    meta.managed_fields = None;
    if let Some(annotations) = &mut meta.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

/// All of a scope.
pub(super) struct Watched {
    scope: Scope,
    known: HashMap<PipelineKey, Version>,
    counted: i64,
    /// While a list comes in: what it showed, and what is asked for when it is complete, for only then is it in the store.
    listing: Option<(HashSet<PipelineKey>, Vec<PipelineKey>)>,
}

impl Watched {
    pub fn new(scope: Scope) -> Self {
        Self { scope, known: HashMap::new(), counted: 0, listing: None }
    }

    fn forget(&mut self, key: &PipelineKey) {
        self.known.remove(key);
        self.scope.context.forget(key);
    }

    fn count(&mut self) {
        let count = i64::try_from(self.known.len()).unwrap_or(i64::MAX);
        self.scope.context.metrics.watched_by("AnalyticsPipeline", count - mem::replace(&mut self.counted, count));
    }
}

impl scope::Watched<MaybePipeline> for Watched {
    fn list_begins(&mut self) {
        self.listing = Some(Default::default());
    }

    fn stands(&mut self, object: MaybePipeline) {
        let (key, version) = (PipelineKey::of(object.meta()), Version::of(object.meta()));
        let before = self.known.insert(key.clone(), version);
        let changed = before.as_ref() != self.known.get(&key);
        if before.is_some_and(|before| Some(&before.uid) != self.known.get(&key).map(|version| &version.uid)) {
            // Another one of the same name: nothing of what was remembered is its.
            self.scope.context.forget(&key);
        }
        match &mut self.listing {
            Some((seen, asks)) => {
                if changed {
                    asks.push(key.clone());
                }
                seen.insert(key);
            }
            None if changed => self.scope.ask(key),
            None => {}
        }
        self.count();
    }

    fn gone(&mut self, object: MaybePipeline) {
        self.forget(&PipelineKey::of(object.meta()));
        self.count();
    }

    fn list_ends(&mut self) {
        let (seen, asks) = mem::take(&mut self.listing).unwrap_or_default();
        let gone: Vec<PipelineKey> = self.known.keys().filter(|key| !seen.contains(key)).cloned().collect();
        gone.iter().for_each(|key| self.forget(key));
        asks.into_iter().for_each(|key| self.scope.ask(key));
        self.count();
    }
}
