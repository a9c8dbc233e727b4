//! What the operator may do: all it needs, and nothing else.

use k8s_openapi::api::{
    apps::v1::Deployment,
    rbac::v1::{ClusterRole, ClusterRoleBinding, RoleRef},
};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};

use crate::harness::{
    Cluster, Operator, TestNamespace, audit, cluster, eventually, holds,
    namespace::named,
    role::{RULES, rule},
};

#[tokio::test(flavor = "multi_thread")]
async fn it_may_not_do_what_it_has_no_need_of() {
    let Some(place) = TestNamespace::find().await else { return };
    for (group, kinds, verbs) in RULES {
        for (kind, verb) in kinds.iter().flat_map(|kind| verbs.iter().map(move |verb| (kind, verb))) {
            assert!(place.may(verb, (group, kind), &place.namespace).await, "{verb} {kind}");
            assert!(!place.may(verb, (group, kind), "default").await, "{verb} {kind} elsewhere");
        }
    }
    for (group, kind, verb) in [
        ("", "secrets", "create"),
        ("", "secrets", "update"),
        ("", "secrets", "delete"),
        ("", "pods", "create"),
        ("", "pods", "delete"),
        ("", "pods/exec", "create"),
        ("", "serviceaccounts/token", "create"),
        ("stockstream.dev", "analyticspipelines", "get"),
        ("stockstream.dev", "analyticspipelines", "update"),
        ("stockstream.dev", "analyticspipelines", "patch"),
        ("stockstream.dev", "analyticspipelines", "delete"),
        ("apps", "deployments", "update"),
        ("rbac.authorization.k8s.io", "roles", "create"),
        ("rbac.authorization.k8s.io", "rolebindings", "create"),
    ] {
        assert!(!place.may(verb, (group, kind), &place.namespace).await, "{verb} {kind}");
    }
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_same_rules_for_the_whole_cluster_it_looks_after_all_namespaces() {
    let Some(cluster) = Cluster::find().await else { return };
    let _alone = cluster::alone().await;
    let place = TestNamespace::in_(cluster).await;
    let elsewhere = place.another().await;
    let (roles, bindings) = (Api::all(place.admin()), Api::all(place.admin()));
    let (name, rules) = (place.user(), RULES.iter().copied().map(rule).collect());
    let role = ClusterRole { metadata: named(&name), rules: Some(rules), ..ClusterRole::default() };
    roles.create(&PostParams::default(), &role).await.unwrap();
    let role_ref =
        RoleRef { kind: "ClusterRole".into(), name: name.clone(), api_group: "rbac.authorization.k8s.io".into() };
    let binding = ClusterRoleBinding { metadata: named(&name), role_ref, subjects: Some(vec![place.subject()]) };
    bindings.create(&PostParams::default(), &binding).await.unwrap();
    place.may_work_in(&elsewhere.namespace).await;
    let operator = Operator::with(&place, "one", Vec::new()).await;
    for place in [&place, &elsewhere] {
        place.pipeline("stock", |_| {}).await;
    }
    for place in [&place, &elsewhere] {
        eventually("there is a dashboard", async || {
            let found =
                place.api::<Deployment>().get_opt("stock-dashboard").await.map_err(|error| error.to_string())?;
            holds(found.is_some(), || "not yet".into())
        })
        .await;
    }
    for place in [&place, &elsewhere] {
        place.status("stock").await;
    }
    operator.end().await;
    assert_eq!(audit::forbidden(&place, &[&place.namespace, &elsewhere.namespace]), [] as [String; 0]);
    Api::<ClusterRoleBinding>::all(place.admin()).delete(&name, &DeleteParams::default()).await.unwrap();
    Api::<ClusterRole>::all(place.admin()).delete(&name, &DeleteParams::default()).await.unwrap();
    place.leave().await;
    elsewhere.leave().await;
}
