//! What pods are like: how many workers, what they may use, where they run.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, Toleration};
use kube::KubeSchema;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{
    auth::AuthSpec,
    crd::bounded,
    refs::{SecretKeyRef, SecretRef},
};
use crate::resource::event_entry::FormsKafka;

/// The workers. As many as the sales topic has partitions can share the work.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkersSpec {
    /// How many; what `kubectl scale` moves. Ignored while `autoscaling` is set.
    #[schemars(range(min = 0, max = 1_000))]
    #[serde(default = "one")]
    pub replicas: i32,
    /// Scales by lag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// What each may use.
    #[serde(default)]
    pub resources: Resources,
    /// Where and as what the pods run.
    #[serde(default)]
    pub pod_template: PodTemplate,
}

fn one() -> i32 {
    1
}

fn yes() -> bool {
    true
}

fn target_lag() -> i64 {
    50_000
}

impl Default for WorkersSpec {
    fn default() -> Self {
        Self { replicas: 1, autoscaling: None, resources: Resources::default(), pod_template: PodTemplate::default() }
    }
}

/// Scaling by lag: as many workers as keep each one's share of the lag below the target, never more than the topics have
/// partitions.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas").message("minReplicas must not be above maxReplicas"))]
#[serde(rename_all = "camelCase")]
pub struct Autoscaling {
    /// At least so many.
    #[schemars(range(min = 1, max = 1_000))]
    #[serde(default = "one")]
    pub min_replicas: i32,
    /// At most so many.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_replicas: i32,
    /// Events of lag that one worker is meant to take on.
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64))]
    #[serde(default = "target_lag")]
    pub target_lag: i64,
}

/// The dashboard: a read-only page over the views.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("self.replicas < 2 || self.auth.mode != 'Password' || has(self.auth.password.sessionKeySecretRef)")
        .message("a session must stand on every pod: give auth.password.sessionKeySecretRef, or set replicas to 1"),
    validation = Rule::new("self.replicas < 2 || self.auth.mode != 'OIDC' || has(self.auth.oidc.sessionKeySecretRef)")
        .message("a sign-in must stand on every pod: give auth.oidc.sessionKeySecretRef, or set replicas to 1"),
    validation = Rule::new("!has(self.kafka) || self.auth.mode != 'Off'")
        .message("whoever reaches the Service could enter events: choose another auth.mode than Off, or leave kafka out"),
    validation = Rule::new("!has(self.kafka) || self.auth.mode != 'Proxy' || !has(self.auth.proxy) || self.auth.proxy.roles.exists(given, given.role != 'User')")
        .message("nobody may enter events: give a group the role Accountant in auth.proxy.roles, or leave kafka out"),
    validation = Rule::new("!has(self.kafka) || self.auth.mode != 'OIDC' || !has(self.auth.oidc) || self.auth.oidc.roles.exists(given, given.role != 'User')")
        .message("nobody may enter events: give a group the role Accountant in auth.oidc.roles, or leave kafka out"),
    validation = Rule::new("!has(self.kafka) || self.replicas < 2")
        .message("what becomes of a form is known to one pod alone: set replicas to 1, or leave kafka out"),
)]
#[serde(rename_all = "camelCase")]
pub struct DashboardSpec {
    /// Whether there is one.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How many pods serve it; with `kafka` at most one.
    #[schemars(range(min = 0, max = 20))]
    #[serde(default = "one")]
    pub replicas: i32,
    /// Who may see it.
    #[serde(default)]
    pub auth: AuthSpec,
    /// Host names besides the loopback's under which the page may be asked for. A port-forward needs none.
    #[schemars(length(max = 32), inner(length(min = 1, max = 253)))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_hosts: Vec<String>,
    /// A connection string of its own, for a user that may only read. Left out: the workers'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mongodb: Option<DashboardMongoDb>,
    /// Lets Accountants enter events, and says as whom they are sent to Kafka. Left out: nothing can be entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka: Option<FormsKafka>,
    /// What each pod may use.
    #[serde(default)]
    pub resources: Resources,
    /// Where and as what the pods run.
    #[serde(default)]
    pub pod_template: PodTemplate,
}

/// The dashboard's own way into the database.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DashboardMongoDb {
    /// The secret's key that holds the connection string.
    pub uri_secret_ref: SecretKeyRef,
    /// A Secret with a client's certificate and key of its own, in the keys `tls.crt` and `tls.key`. Left out: the workers'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert_secret_ref: Option<SecretRef>,
}

impl Default for DashboardSpec {
    fn default() -> Self {
        Self {
            enabled: true,
            replicas: 1,
            auth: AuthSpec::default(),
            allowed_hosts: Vec::new(),
            mongodb: None,
            kafka: None,
            resources: Resources::default(),
            pod_template: PodTemplate::default(),
        }
    }
}

/// What a pod may use. Left out: what fits its work.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What is set aside for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Amounts>,
    /// What it may use at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Amounts>,
}

/// Amounts, in Kubernetes' spelling of quantities.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Processors, as in `500m`.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[0-9]+(\.[0-9]+)?m?$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Memory, as in `256Mi`.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[0-9]+(\.[0-9]+)?([KMGTPE]i|[kMGTPE]|m)?$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
}

/// What may be said of the pods besides; the rest is the operator's.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodTemplate {
    /// Labels besides the operator's own.
    #[schemars(schema_with = "labels")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations besides the operator's own.
    #[schemars(schema_with = "annotations")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Labels that a node must have.
    #[schemars(schema_with = "labels")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the pods bear.
    #[schemars(schema_with = "tolerations")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Nodes and pods to be near to or far from.
    #[schemars(schema_with = "affinity")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// The pods' priority class.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// Secrets with which the image is pulled.
    #[schemars(length(max = 16))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<SecretRef>,
}

fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "maxProperties": 32, "additionalProperties": {"type": "string", "maxLength": 63}})
}

fn annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "maxProperties": 32, "additionalProperties": {"type": "string", "maxLength": 4_096}})
}

fn tolerations(generator: &mut SchemaGenerator) -> Schema {
    bounded(generator.subschema_for::<Vec<Toleration>>())
}

fn affinity(generator: &mut SchemaGenerator) -> Schema {
    bounded(generator.subschema_for::<Option<Affinity>>())
}
