//! What objects of every kind have in common, and the small kinds.

use k8s_openapi::api::{core::v1::ServiceAccount, policy::v1::PodDisruptionBudget};
use kube::{
    Resource, ResourceExt,
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Map, Value, json};

use super::child::{Child, Wanted};
use crate::reconcile::names::{self, Part};

/// An object of that kind and part. `body` is all but `apiVersion`, `kind` and `metadata`.
pub(super) fn object(wanted: &Wanted<'_>, part: Part, kind: ApiResource, body: Value) -> Child {
    let name = wanted.pipeline.name_any();
    let mut metadata = json!({ "name": names::of(&name, part), "labels": names::labels(&name, part) });
    if let Some(namespace) = wanted.pipeline.namespace() {
        metadata["namespace"] = namespace.into();
    }
    if let Some(mut owner) = wanted.pipeline.controller_owner_ref(&()) {
        // Whoever deletes the pipeline and waits (`--cascade=foreground`) waits until its pods are gone.
        owner.block_owner_deletion = Some(true);
        metadata["ownerReferences"] = json!([owner]);
    }
    let mut object = Map::new();
    object.insert("apiVersion".into(), kind.api_version.clone().into());
    object.insert("kind".into(), kind.kind.clone().into());
    object.insert("metadata".into(), metadata);
    if let Value::Object(body) = body {
        object.extend(body);
    }
    Child { kind, object: Value::Object(object) }
}

/// The identity of a part's pods. They ask nothing of the API server, so they get no token.
pub(super) fn account(wanted: &Wanted<'_>, part: Part) -> Child {
    let body = json!({ "automountServiceAccountToken": false });
    object(wanted, part, ApiResource::erase::<ServiceAccount>(&()), body)
}

/// Lets nodes be emptied, one pod at a time. A pod that is not ready anyway never holds that up.
pub(super) fn disruption_budget(wanted: &Wanted<'_>, part: Part) -> Child {
    let body = json!({ "spec": {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": selector(wanted, part),
    } });
    object(wanted, part, ApiResource::erase::<PodDisruptionBudget>(&()), body)
}

/// The kind of the Prometheus operator.
pub(super) fn pod_monitor_kind() -> ApiResource {
    let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PodMonitor");
    ApiResource::from_gvk_with_plural(&kind, "podmonitors")
}

/// Has Prometheus read the metrics of a part's pods.
pub(super) fn pod_monitor(wanted: &Wanted<'_>, part: Part) -> Child {
    let body = json!({ "spec": {
        "selector": selector(wanted, part),
        "podMetricsEndpoints": [{ "port": "http", "path": "/metrics" }],
    } });
    object(wanted, part, pod_monitor_kind(), body)
}

/// A selector of a part's pods.
pub(super) fn selector(wanted: &Wanted<'_>, part: Part) -> Value {
    json!({ "matchLabels": names::selector(&wanted.pipeline.name_any(), part) })
}
