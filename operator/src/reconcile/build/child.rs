//! An object of a pipeline, and what it is made from.

use kube::core::ApiResource;
use serde_json::Value;

use crate::{
    PodDefaults,
    reconcile::{Decision, Validated},
    resource::AnalyticsPipeline,
};

/// An object of a pipeline, whole, for server-side apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// Its kind.
    pub kind: ApiResource,
    /// The object, with owner reference and labels.
    pub object: Value,
}

/// What objects are made from.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The resource.
    pub pipeline: &'a AnalyticsPipeline,
    /// Its settings.
    pub validated: &'a Validated,
    /// What is to run.
    pub decision: &'a Decision,
    /// What holds for pods of which the resource says nothing else.
    pub pods: &'a PodDefaults,
    /// Whether the cluster knows the kind `PodMonitor`.
    pub has_pod_monitor: bool,
}
