//! The dashboard.

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Service};
use kube::{ResourceExt, core::ApiResource};
use serde_json::{Value, json};

use super::{
    access,
    child::{Child, Wanted},
    network,
    objects::{account, disruption_budget, object, selector},
    pods::{self, Pod},
    resources, settings,
};
use crate::{
    reconcile::{
        SETTINGS_FILE,
        names::{self, Part},
    },
    resource::DashboardSpec,
};

const PORT: u16 = 8080;
/// Requests under way may take 5 s after the end was asked for, and events that are being sent 40 s more.
const GRACE_SECONDS: u32 = 60;

/// All objects of the dashboard.
pub(super) fn objects(wanted: &Wanted<'_>, replicas: i32) -> Vec<Child> {
    let part = Part::Dashboard;
    let mut objects = vec![
        account(wanted, part),
        settings::config_map(wanted, part),
        network::dashboard(wanted, PORT),
        service(wanted),
    ];
    // For a single pod a budget would only hold up whoever empties its node.
    objects.extend((replicas > 1).then(|| disruption_budget(wanted, part)));
    objects.push(deployment(wanted, replicas));
    objects
}

fn deployment(wanted: &Wanted<'_>, replicas: i32) -> Child {
    let part = Part::Dashboard;
    let spec = &wanted.pipeline.spec.dashboard;
    let mut args: Vec<String> =
        [part.name(), "--config", SETTINGS_FILE, "--listen", &pods::listen(PORT)].map(Into::into).into();
    args.extend(spec.kafka.is_some().then(|| "--enter".to_owned()));
    args.extend(access::args(&spec.auth));
    for host in service_names(wanted).iter().chain(&spec.allowed_hosts) {
        // In one word: a name that begins with a dash is no flag.
        args.push(format!("--allow-host={host}"));
    }
    let template = pods::template(
        wanted,
        &Pod {
            part,
            port: PORT,
            args,
            variables: settings::variables(wanted, part),
            // Asks the database.
            ready_timeout_seconds: 5,
            grace_seconds: GRACE_SECONDS,
            secrets: &wanted.validated.dashboard_secrets,
            secrets_checksum: &wanted.validated.dashboard_secrets_checksum,
            resources: resources::merged(&spec.resources, &resources::DASHBOARD),
            overrides: &spec.pod_template,
        },
    );
    let body = json!({ "spec": {
        "replicas": replicas,
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": 300,
        "strategy": strategy(spec),
        "selector": selector(wanted, part),
        "template": template,
    } });
    object(wanted, part, ApiResource::erase::<Deployment>(&()), body)
}

/// Where events are entered the old pod ends before the new one begins, and the page is away for some seconds: what is known
/// of a form is in one pod's memory, and with two behind the Service a reader would be sent back and forth between one
/// that knows the form and one that does not. Otherwise a new one comes first, and nobody notices.
fn strategy(spec: &DashboardSpec) -> Value {
    match spec.kafka {
        Some(_) => json!({ "type": "Recreate" }),
        None => json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } }),
    }
}

fn service(wanted: &Wanted<'_>) -> Child {
    let part = Part::Dashboard;
    let body = json!({ "spec": {
        "type": "ClusterIP",
        "selector": names::selector(&wanted.pipeline.name_any(), part),
        "ports": [{ "name": "http", "port": 80, "protocol": "TCP", "targetPort": "http" }],
    } });
    object(wanted, part, ApiResource::erase::<Service>(&()), body)
}

/// The names by which pods ask for the Service. No page of a stranger can take one, so answering to them is safe. A
/// port-forward asks for localhost, which is answered anyway.
fn service_names(wanted: &Wanted<'_>) -> [String; 4] {
    let name = names::of(&wanted.pipeline.name_any(), Part::Dashboard);
    let namespace = wanted.pipeline.namespace().unwrap_or_default();
    [
        name.clone(),
        format!("{name}.{namespace}"),
        format!("{name}.{namespace}.svc"),
        format!("{name}.{namespace}.svc.cluster.local"),
    ]
}
