//! Stands in until the children are built.

use kube::core::ApiResource;
use serde_json::Value;

use super::{Decision, Validated};
use crate::resource::AnalyticsPipeline;

/// A child.
pub struct Child {
    /// Its kind.
    pub kind: ApiResource,
    /// All of it.
    pub object: Value,
}

/// What is built from.
pub struct Wanted<'a> {
    /// The resource.
    pub pipeline: &'a AnalyticsPipeline,
    /// What it comes to.
    pub validated: &'a Validated,
    /// What is to run.
    pub decision: &'a Decision,
    /// The image of a pipeline that names none.
    pub image: &'a str,
    /// Whether the cluster knows PodMonitors.
    pub has_pod_monitor: bool,
}

/// The children.
pub fn build(_: &Wanted<'_>) -> Vec<Child> {
    Vec::new()
}

/// Objects that stay as they are.
pub fn keeps(_: &Wanted<'_>) -> Vec<(ApiResource, String)> {
    Vec::new()
}

/// Their kinds.
pub fn kinds(_: bool) -> Vec<ApiResource> {
    Vec::new()
}
