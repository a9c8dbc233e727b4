//! The pods of both parts: hardened alike, each with its settings file and only its own credentials.

use std::collections::BTreeMap;

use kube::ResourceExt;
use serde_json::{Map, Value, json};

use super::{child::Wanted, objects::selector, settings};
use crate::{
    PodUser,
    reconcile::{
        SETTINGS_FILE, WORKER_CREDENTIALS,
        names::{self, Part},
    },
    resource::PodTemplate,
};

/// Changes when the settings file does, as far as the pods use it.
const SETTINGS_CHECKSUM: &str = "stockstream.dev/settings-checksum";
/// Changes when a mounted key of a Secret does.
const SECRETS_CHECKSUM: &str = "stockstream.dev/secrets-checksum";

/// What tells a part's pods from the other's.
pub(super) struct Pod<'a> {
    pub part: Part,
    pub port: u16,
    pub args: Vec<String>,
    /// Names and values.
    pub variables: Vec<(&'static str, String)>,
    pub ready_timeout_seconds: u32,
    pub grace_seconds: u32,
    /// Secrets and keys to mount.
    pub secrets: &'a [(String, Vec<String>)],
    pub secrets_checksum: &'a str,
    pub resources: Value,
    pub overrides: &'a PodTemplate,
}

/// Where a part listens: at every address that the pod has, of either family. Clusters may give pods IPv6 addresses alone.
pub(super) fn listen(port: u16) -> String {
    format!("[::]:{port}")
}

/// A pod template.
pub(super) fn template(wanted: &Wanted<'_>, pod: &Pod<'_>) -> Value {
    let name = wanted.pipeline.name_any();
    let overrides = pod.overrides;
    // The operator's own are laid over those of the resource: a selector that misses its pods would lose them.
    let mut labels = overrides.labels.clone();
    labels.extend(names::labels(&name, pod.part));
    let mut annotations: BTreeMap<String, String> = overrides.annotations.clone();
    annotations.insert(SETTINGS_CHECKSUM.into(), settings::checksum(wanted, pod.part));
    annotations.insert(SECRETS_CHECKSUM.into(), pod.secrets_checksum.into());

    let mut spec = json!({
        "serviceAccountName": names::of(&name, pod.part),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": pod.grace_seconds,
        "securityContext": security_context(wanted.pods.user),
        "topologySpreadConstraints": [{
            "topologyKey": "kubernetes.io/hostname",
            "maxSkew": 1,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": selector(wanted, pod.part),
            // While pods are replaced, the old ones do not count.
            "matchLabelKeys": ["pod-template-hash"],
        }],
        "containers": [container(wanted, pod)],
        "volumes": [configuration(wanted, pod), tmp()],
    });
    if let Value::Object(spec) = &mut spec {
        put_overrides(spec, overrides);
        let own = overrides.image_pull_secrets.iter().map(|secret| &secret.name);
        let defaults = wanted.pods.image_pull_secrets.iter().filter(|_| overrides.image_pull_secrets.is_empty());
        let secrets: Vec<Value> = own.chain(defaults).map(|name| json!({ "name": name })).collect();
        if !secrets.is_empty() {
            spec.insert("imagePullSecrets".into(), secrets.into());
        }
    }
    json!({ "metadata": { "labels": labels, "annotations": annotations }, "spec": spec })
}

fn security_context(user: PodUser) -> Value {
    let mut context = json!({ "runAsNonRoot": true });
    if let PodUser::Fixed(user) = user {
        for field in ["runAsUser", "runAsGroup", "fsGroup"] {
            context[field] = user.into();
        }
    }
    context["seccompProfile"] = json!({ "type": "RuntimeDefault" });
    context
}

fn container(wanted: &Wanted<'_>, pod: &Pod<'_>) -> Value {
    let probe = |path: &str| json!({ "path": path, "port": "http" });
    let mut container = json!({
        "name": pod.part.name(),
        "image": wanted.pipeline.spec.image.as_deref().unwrap_or(&wanted.pods.image),
        "args": pod.args,
        "ports": [{ "name": "http", "containerPort": pod.port, "protocol": "TCP" }],
        // Until it listens; then it is looked at less often. Not ready is no reason to start anew: Kafka and MongoDB may be
        // away for hours.
        "startupProbe": { "httpGet": probe("/healthz"), "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 60 },
        "livenessProbe": { "httpGet": probe("/healthz"), "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6 },
        "readinessProbe": {
            "httpGet": probe("/readyz"),
            "periodSeconds": 5,
            "timeoutSeconds": pod.ready_timeout_seconds,
            "failureThreshold": 3,
        },
        "resources": pod.resources,
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": [
            { "name": "configuration", "mountPath": FOLDER, "readOnly": true },
            { "name": "tmp", "mountPath": "/tmp" },
        ],
    });
    if !pod.variables.is_empty() {
        let variable = |(name, value): &(&str, String)| json!({ "name": name, "value": value });
        container["env"] = pod.variables.iter().map(variable).collect();
    }
    container
}

/// In memory: the client's key for MongoDB is put together with its certificate there.
fn tmp() -> Value {
    json!({ "name": "tmp", "emptyDir": { "medium": "Memory", "sizeLimit": "64Mi" } })
}

/// Where [`SETTINGS_FILE`] and [`WORKER_CREDENTIALS`] are.
const FOLDER: &str = "/etc/stockstream";

/// One volume for the settings file and the keys: a mount within a read-only mount could not be made, and what is changed
/// together becomes visible together. Readable by the pods' group (`fsGroup`, or what the platform assigns) and by nobody else.
fn configuration(wanted: &Wanted<'_>, pod: &Pod<'_>) -> Value {
    let within = |path: &str| path.trim_start_matches(FOLDER).trim_start_matches('/').to_owned();
    let map = names::of(&wanted.pipeline.name_any(), pod.part);
    let file = json!({ "key": settings::KEY, "path": within(SETTINGS_FILE) });
    let mut sources = vec![json!({ "configMap": { "name": map, "items": [file] } })];
    for (secret, keys) in pod.secrets {
        let path = |key: &String| format!("{}/{secret}/{key}", within(WORKER_CREDENTIALS));
        let items: Vec<Value> = keys.iter().map(|key| json!({ "key": key, "path": path(key) })).collect();
        sources.push(json!({ "secret": { "name": secret, "items": items } }));
    }
    json!({ "name": "configuration", "projected": { "defaultMode": 0o440, "sources": sources } })
}

/// Puts in what the resource says of the pods; nothing is put in empty, since the API server would drop it and it would look
/// changed for ever.
fn put_overrides(spec: &mut Map<String, Value>, overrides: &PodTemplate) {
    let PodTemplate { labels: _, annotations: _, node_selector, tolerations, affinity, priority_class_name, .. } =
        overrides;
    if !node_selector.is_empty() {
        spec.insert("nodeSelector".into(), json!(node_selector));
    }
    if !tolerations.is_empty() {
        spec.insert("tolerations".into(), json!(tolerations));
    }
    if let Some(affinity) = affinity {
        spec.insert("affinity".into(), json!(affinity));
    }
    if let Some(class) = priority_class_name {
        spec.insert("priorityClassName".into(), json!(class));
    }
}
