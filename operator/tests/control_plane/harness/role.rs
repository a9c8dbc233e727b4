//! What an operator may do. Everything that these tests show works with this, and with nothing more.

use k8s_openapi::api::rbac::v1::PolicyRule;

/// API group, kinds, verbs.
pub const RULES: &[(&str, &[&str], &[&str])] = &[
    ("stockstream.dev", &["analyticspipelines"], &["list", "watch"]),
    ("stockstream.dev", &["analyticspipelines/status"], &["patch"]),
    // Of Secrets all but those that pipelines name are only listed, but Kubernetes has no verb for that.
    ("", &["secrets"], &["get", "list", "watch"]),
    ("", &["configmaps", "services", "serviceaccounts"], WRITE),
    ("apps", &["deployments"], WRITE),
    ("policy", &["poddisruptionbudgets"], WRITE),
    ("networking.k8s.io", &["networkpolicies"], WRITE),
    ("monitoring.coreos.com", &["podmonitors"], WRITE),
    ("events.k8s.io", &["events"], &["create", "patch"]),
];

/// In the namespace of the operator itself.
pub const LEASE: (&str, &[&str], &[&str]) = ("coordination.k8s.io", &["leases"], &["get", "create", "update"]);

/// A server-side apply is a patch, and a create where there is nothing.
/// `get` says whose an object is that is in the way.
const WRITE: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

pub fn rule((group, kinds, verbs): (&str, &[&str], &[&str])) -> PolicyRule {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(kinds)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}
