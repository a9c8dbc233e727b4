mod access;
mod changes;
mod forms;
mod network;
mod pods;
mod snapshots;
mod whole;

use serde_json::Value;

use super::*;
use crate::{
    PodDefaults, PodUser,
    reconcile::{Decision, Secrets, examples, validate::validate},
    resource::AnalyticsPipeline,
};

const IMAGE: &str = "registry.example.com/stockstream:0.1.0";

/// A pipeline, its Secrets and what is to run.
#[derive(Clone)]
struct Case {
    pipeline: AnalyticsPipeline,
    secrets: Secrets,
    decision: Decision,
    has_pod_monitor: bool,
    pods: PodDefaults,
}

impl Case {
    fn of(example: &str) -> Self {
        let (pipeline, secrets) = examples::example(example);
        let dashboard = Some(pipeline.spec.dashboard.replicas);
        let workers = pipeline.spec.workers.autoscaling.as_ref().map_or(1, |scaling| scaling.min_replicas);
        let decision = Decision { workers: Some(workers), dashboard, holds_dashboard: false };
        let pods = PodDefaults { image: IMAGE.into(), image_pull_secrets: Vec::new(), user: PodUser::NONROOT };
        Self { pipeline, secrets, decision, has_pod_monitor: true, pods }
    }

    fn with<T>(&self, make: impl FnOnce(&Wanted<'_>) -> T) -> T {
        let validated = validate(&self.pipeline, &self.secrets, &examples::files());
        make(&Wanted {
            pipeline: &self.pipeline,
            validated: &validated,
            decision: &self.decision,
            pods: &self.pods,
            has_pod_monitor: self.has_pod_monitor,
        })
    }

    fn build(&self) -> Vec<Child> {
        self.with(build)
    }

    fn keeps(&self) -> Vec<String> {
        self.with(keeps).iter().map(|(kind, name)| format!("{}/{name}", kind.kind)).collect()
    }

    /// All examples.
    fn all() -> [Self; 4] {
        ["minimal", "production", "oidc", "forms"].map(Self::of)
    }
}

/// `Kind/name` of each.
fn names_of(children: &[Child]) -> Vec<String> {
    let name = |child: &Child| format!("{}/{}", child.kind.kind, child.object["metadata"]["name"].as_str().unwrap());
    children.iter().map(name).collect()
}

/// The object that is called so.
fn find<'a>(children: &'a [Child], name: &str) -> &'a Value {
    let at = names_of(children).iter().position(|standing| standing == name);
    &children[at.unwrap_or_else(|| panic!("no {name} among {:?}", names_of(children)))].object
}

fn pod_spec<'a>(children: &'a [Child], deployment: &str) -> &'a Value {
    &find(children, &format!("Deployment/{deployment}"))["spec"]["template"]["spec"]
}

/// The paths at which two sets of objects differ, each behind `Kind/name`.
fn differences(before: &[Child], after: &[Child]) -> Vec<String> {
    assert_eq!(names_of(before), names_of(after));
    let mut found = Vec::new();
    for ((name, one), other) in names_of(before).into_iter().zip(before).zip(after) {
        differ(&one.object, &other.object, name, &mut found);
    }
    found
}

fn differ(one: &Value, other: &Value, path: String, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (name, value) in a {
                differ(value, &b[name], format!("{path}.{name}"), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (value, other)) in a.iter().zip(b).enumerate() {
                differ(value, other, format!("{path}[{index}]"), found);
            }
        }
        (a, b) if a == b => {}
        _ => found.push(path),
    }
}
