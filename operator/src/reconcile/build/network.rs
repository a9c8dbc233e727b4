//! Which connections the pods may make and take. Policies add up: whoever needs a flow more adds a policy of their own.

use std::collections::BTreeSet;

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::core::ApiResource;
use serde_json::{Value, json};

use super::{
    child::{Child, Wanted},
    objects::{object, selector},
};
use crate::reconcile::names::Part;

/// Ports below are for services of the system.
const FIRST_UNPRIVILEGED: u16 = 1_024;

/// In: the workers' own port, from anywhere. Probes come from the node, whose address no selector names, and Prometheus runs
/// in a namespace that nobody can know here; what is shown there holds no secret. Out: names, Kafka and MongoDB.
pub(super) fn workers(wanted: &Wanted<'_>, port: u16) -> Child {
    policy(wanted, Part::Worker, port, &bootstrap(wanted))
}

/// In: the page, from anywhere: which proxy or gateway stands before it is not known here. Out: names and MongoDB, Kafka where
/// events are entered, and where readers sign in by OpenID Connect the port of the provider. Its other addresses are most
/// often at the same; where they are not, and the port is below the unprivileged ones, that needs a policy besides this one.
pub(super) fn dashboard(wanted: &Wanted<'_>, port: u16) -> Child {
    let spec = &wanted.pipeline.spec.dashboard;
    let kafka = if spec.kafka.is_some() { bootstrap(wanted) } else { BTreeSet::new() };
    let provider = spec.auth.oidc.as_ref().and_then(|oidc| oidc.port());
    policy(wanted, Part::Dashboard, port, &kafka.into_iter().chain(provider).collect())
}

fn bootstrap(wanted: &Wanted<'_>) -> BTreeSet<u16> {
    let servers = &wanted.pipeline.spec.kafka.bootstrap_servers;
    servers.iter().filter_map(|server| server.rsplit_once(':')?.1.parse().ok()).collect()
}

/// Out by port, to anywhere. By address is not to be had: policies know no host names, and Kafka and MongoDB may run within
/// the cluster or outside. By the ports of the resource is not enough: those are where a client begins; brokers advertise
/// listeners of their own, a replica set names its members, and `mongodb+srv` leaves the ports to the name service. So every
/// unprivileged TCP port is open, and below it only what the resource names. That keeps a pod that was taken over
/// from web and mail servers, from shells of other machines, and from the credentials that clouds serve to
/// machines on port 80. A MongoDB on a privileged port needs a policy besides this one.
fn policy(wanted: &Wanted<'_>, part: Part, port: u16, named: &BTreeSet<u16>) -> Child {
    // 5353 is where some clusters' name servers listen behind port 53; policies may see either.
    let mut out = vec![
        json!({ "protocol": "UDP", "port": 53 }),
        json!({ "protocol": "TCP", "port": 53 }),
        json!({ "protocol": "UDP", "port": 5353 }),
    ];
    let privileged = named.iter().filter(|port| **port < FIRST_UNPRIVILEGED && **port != 53);
    out.extend(privileged.map(|port| json!({ "protocol": "TCP", "port": port })));
    out.push(json!({ "protocol": "TCP", "port": FIRST_UNPRIVILEGED, "endPort": u16::MAX }));
    let body: Value = json!({ "spec": {
        "podSelector": selector(wanted, part),
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{ "ports": [{ "protocol": "TCP", "port": port }] }],
        "egress": [{ "ports": out }],
    } });
    object(wanted, part, ApiResource::erase::<NetworkPolicy>(&()), body)
}
