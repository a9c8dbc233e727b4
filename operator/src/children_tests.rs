use k8s_openapi::api::apps::v1::Deployment;
use serde_json::json;

use super::*;

fn key(kind: &str, name: &str) -> ObjectKey {
    ObjectKey { namespace: "shop".into(), kind: kind.into(), name: name.into() }
}

fn live(owner: &str, generation: i64) -> ObservedObject {
    let owner =
        json!([{ "apiVersion": "v", "kind": "AnalyticsPipeline", "name": owner, "uid": format!("{owner}-uid") }]);
    let meta = json!({ "uid": "u", "generation": generation, "resourceVersion": "1", "ownerReferences": owner,
        "labels": { "app.kubernetes.io/instance": "labelled" } });
    ObservedObject::of(serde_json::from_value(meta).unwrap(), None)
}

#[test]
fn an_object_is_found_by_its_owner_until_it_is_gone_or_has_another() {
    let children = Children::default();
    let (stock, other) = (PipelineKey::new("shop", "stock"), PipelineKey::new("shop", "other"));
    children.put(key("Service", "page"), live("stock", 1));
    assert_eq!(children.owned(&stock).len(), 1);
    assert!(children.owned(&stock)[0].1.is_owned_by("stock-uid"));
    children.put(key("Service", "page"), live("other", 1));
    assert_eq!((children.owned(&stock).len(), children.owned(&other).len(), children.count("Service")), (0, 1, 1));
    children.remove(&key("Service", "page"));
    assert_eq!((children.owned(&other).len(), children.count("Service")), (0, 0));
}

#[test]
fn a_change_is_about_the_owner_and_about_the_pipeline_that_the_label_names() {
    let about: Vec<String> = live("stock", 1).pipelines("shop").iter().map(ToString::to_string).collect();
    assert_eq!(about, ["shop/labelled", "shop/stock"]);
}

#[test]
fn a_list_forgets_what_it_does_not_show_of_its_kind_and_namespace_only() {
    let children = Children::default();
    for key in [key("Service", "gone"), key("Service", "stays"), key("Secret", "gone")] {
        children.put(key, live("stock", 1));
    }
    let elsewhere = ObjectKey { namespace: "elsewhere".into(), ..key("Service", "gone") };
    children.put(elsewhere.clone(), live("stock", 1));
    let gone = children.retain("Service", Some("shop"), &HashSet::from([("shop".into(), "stays".into())]));
    assert_eq!(gone.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), [key("Service", "gone")]);
    assert!(children.get(&elsewhere).is_some() && children.get(&key("Secret", "gone")).is_some());
}

#[test]
fn a_deployment_that_was_just_written_is_not_settled_before_its_controller_has_seen_it() {
    let children = Children::default();
    let settled = DeploymentFacts { wanted: 1, replicas: 1, updated: 1, ready: 1, observed: true, stuck: None };
    let standing = ObservedObject { deployment: Some(settled.clone()), ..live("stock", 1) };
    children.put(key("Deployment", "stock-worker"), standing);
    let facts = || children.deployment("shop", "stock-worker".into(), "stock-uid").unwrap();
    children.wrote(key("Deployment", "stock-worker"), live("stock", 1), Some(1));
    assert_eq!(facts(), settled, "nothing changed");
    children.wrote(key("Deployment", "stock-worker"), live("stock", 2), Some(1));
    assert!(!facts().is_settled() && facts().ready == 1);
    children.wrote(key("Deployment", "new"), live("stock", 1), Some(3));
    assert_eq!(children.deployment("shop", "new".into(), "stock-uid").unwrap().wanted, 3);
    assert_eq!(children.deployment("shop", "none".into(), "stock-uid"), None);
    assert_eq!(children.deployment("shop", "new".into(), "other-uid"), None, "it is another pipeline's");
}

#[test]
fn a_deployment_without_progress_says_why() {
    let deployment = |status| -> Deployment {
        serde_json::from_value(json!({ "metadata": { "generation": 2 }, "spec": { "replicas": 2, "selector": {},
            "template": {} }, "status": status }))
        .unwrap()
    };
    let facts = deployment_facts(&deployment(json!({ "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2,
        "readyReplicas": 2, "conditions": [{ "type": "Progressing", "status": "True" }] })));
    assert!(facts.is_settled() && facts.stuck.is_none(), "{facts:?}");
    let facts = deployment_facts(&deployment(json!({ "observedGeneration": 1, "conditions":
        [{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "has timed out" }] })));
    assert!(!facts.observed && facts.stuck.as_deref() == Some("has timed out"), "{facts:?}");
}
