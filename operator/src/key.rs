//! What a pipeline is known by.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
};

use kube::{
    core::{DeserializeGuard, ObjectMeta},
    runtime::reflector::ObjectRef,
};

use crate::resource::AnalyticsPipeline;

/// A pipeline as it is watched: one that cannot be decoded does not keep the others from being seen.
pub(crate) type MaybePipeline = DeserializeGuard<AnalyticsPipeline>;

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PipelineKey {
    pub namespace: String,
    pub name: String,
}

impl PipelineKey {
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub fn of(meta: &ObjectMeta) -> Self {
        Self::new(meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
    }

    pub fn reference(&self) -> ObjectRef<MaybePipeline> {
        ObjectRef::new(&self.name).within(&self.namespace)
    }

    /// A number below one that is always the same for this pipeline: spreads what would else happen to all at once.
    pub fn spread(&self) -> f64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        (hasher.finish() % 1_000) as f64 / 1_000.0
    }
}

impl fmt::Display for PipelineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
