//! Objects that stand under names that a pipeline needs, and are not the pipeline's: left alone, and named in the status.

use std::fmt::Debug;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
};
use kube::{
    Resource,
    api::{DeleteParams, Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::harness::{Operator, TestNamespace, eventually, holds};

const NAME: &str = "stock-dashboard";

/// An object as it stands, all of it.
async fn standing<K>(place: &TestNamespace) -> Option<Value>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug + Serialize,
{
    place.api::<K>().get_opt(NAME).await.unwrap().map(|object| serde_json::to_value(object).unwrap())
}

async fn message(place: &TestNamespace, name: &str) -> String {
    let ready = place.condition(name, "Ready", "NameTaken").await;
    assert_eq!(ready["status"], "False");
    ready["message"].as_str().unwrap().to_owned()
}

async fn is_made<K>(place: &TestNamespace, what: &str)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug + Serialize,
{
    eventually(what, async || holds(standing::<K>(place).await.is_some(), || "not yet".into())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_is_neither_taken_over_nor_deleted_and_the_status_names_it() {
    let Some(place) = TestNamespace::find().await else { return };
    let meta = json!({ "name": NAME });
    let map = json!({ "metadata": meta, "data": { "settings.yaml": "theirs", "other": "theirs too" } });
    place.create::<ConfigMap>(serde_json::from_value(map).unwrap()).await;
    // Labelled as ours are, so that the operator's watches show it: still somebody else's.
    let labelled = json!({ "name": NAME, "labels": {
        "app.kubernetes.io/managed-by": "stockstream-operator", "app.kubernetes.io/instance": "stock",
    } });
    let service = json!({ "metadata": labelled, "spec": { "ports": [{ "port": 9000 }] } });
    place.create::<Service>(serde_json::from_value(service).unwrap()).await;
    let before = (standing::<ConfigMap>(&place).await, standing::<Service>(&place).await);

    let operator = Operator::start(&place, "one").await;
    let uid = place.pipeline("stock", |_| {}).await.metadata.uid.unwrap();
    let said = message(&place, "stock").await;
    for kind in ["ConfigMap", "Service"] {
        assert!(
            said.contains(&format!("{kind} {}/{NAME} exists and has no owner reference", place.namespace)),
            "{said}"
        );
    }
    assert!(said.contains(&format!("kubectl --namespace {} delete configmaps {NAME}", place.namespace)), "{said}");
    assert_eq!(place.condition("stock", "Stalled", "NameTaken").await["status"], "True");
    operator.rests().await;
    assert!(standing::<ServiceAccount>(&place).await.is_some(), "what is not taken is made");
    assert!(standing::<Deployment>(&place).await.is_none(), "pods would run with the settings of somebody else");
    assert_eq!((standing::<ConfigMap>(&place).await, standing::<Service>(&place).await), before);

    place.pipelines().delete("stock", &DeleteParams::default()).await.unwrap();
    eventually("the pipeline's own are gone", async || {
        let left = (standing::<ServiceAccount>(&place).await, standing::<NetworkPolicy>(&place).await);
        holds(left == (None, None), || format!("{left:?}"))
    })
    .await;
    operator.rests().await;
    assert_eq!((standing::<ConfigMap>(&place).await, standing::<Service>(&place).await), before);

    // Once they are gone, everything is made.
    place.pipeline("stock", |_| {}).await;
    message(&place, "stock").await;
    place.api::<ConfigMap>().delete(NAME, &DeleteParams::default()).await.unwrap();
    place.api::<Service>().delete(NAME, &DeleteParams::default()).await.unwrap();
    is_made::<Deployment>(&place, "the Deployment is made").await;
    is_made::<Service>(&place, "the Service is made").await;
    let owner = &standing::<Deployment>(&place).await.unwrap()["metadata"]["ownerReferences"][0]["uid"];
    assert_ne!(*owner, json!(uid), "of the pipeline that is there now");
    operator.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_lost_its_owner_reference_is_not_taken_back() {
    let Some(place) = TestNamespace::find().await else { return };
    let operator = Operator::start(&place, "one").await;
    place.pipeline("stock", |_| {}).await;
    is_made::<Deployment>(&place, "the dashboard is made").await;
    place.status("stock").await;
    operator.rests().await;
    let disowned = json!({ "metadata": { "ownerReferences": null }, "spec": { "replicas": 7 } });
    place.api::<Deployment>().patch(NAME, &PatchParams::default(), &Patch::Merge(disowned)).await.unwrap();
    let said = message(&place, "stock").await;
    assert!(
        said.contains(&format!("Deployment {}/{NAME} exists and has no owner reference", place.namespace)),
        "{said}"
    );
    assert!(said.contains("delete deployments.apps"), "{said}");
    operator.rests().await;
    place.pipelines().delete("stock", &DeleteParams::default()).await.unwrap();
    eventually("the pipeline's own are gone", async || {
        let left = standing::<ServiceAccount>(&place).await;
        holds(left.is_none(), || format!("{left:?}"))
    })
    .await;
    operator.rests().await;
    let deployment = standing::<Deployment>(&place).await.expect("it is nobody's to delete");
    assert_eq!(deployment["spec"]["replicas"], 7);
    operator.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_is_deleted_and_applied_again_at_once_gets_objects_of_its_own() {
    let Some(place) = TestNamespace::find().await else { return };
    let operator = Operator::start(&place, "one").await;
    place.pipeline("stock", |_| {}).await;
    is_made::<Deployment>(&place, "the dashboard is made").await;
    operator.rests().await;
    place.pipelines().delete("stock", &DeleteParams::default()).await.unwrap();
    let uid = place.pipeline("stock", |_| {}).await.metadata.uid.unwrap();
    eventually("all is the new one's alone", async || {
        for object in [
            standing::<Deployment>(&place).await,
            standing::<Service>(&place).await,
            standing::<ConfigMap>(&place).await,
            standing::<ServiceAccount>(&place).await,
            standing::<NetworkPolicy>(&place).await,
        ] {
            let owners = object.map(|object| object["metadata"]["ownerReferences"].clone()).unwrap_or_default();
            let uids: Vec<&Value> = owners.as_array().into_iter().flatten().map(|owner| &owner["uid"]).collect();
            holds(uids == [&json!(uid)], || format!("{owners}"))?;
        }
        Ok(())
    })
    .await;
    operator.end().await;
    place.leave().await;
}

/// What `reconcile::apply` builds on.
#[tokio::test(flavor = "multi_thread")]
async fn an_apply_that_names_another_object_or_none_changes_nothing_that_stands() {
    let Some(place) = TestNamespace::find().await else { return };
    let maps = place.api::<ConfigMap>();
    let apply = async |name: &str, field: &str, value: &str| {
        let meta = json!({ "name": name, field: value });
        let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": { "written": value } });
        maps.patch(name, &PatchParams::apply("tests").force(), &Patch::Apply(map)).await
    };
    let code = |result: kube::Result<ConfigMap>| match result {
        Err(kube::Error::Api(status)) => (status.code, status.message.clone()),
        other => panic!("{other:?}"),
    };
    let made = apply("one", "resourceVersion", "1").await.expect("nothing stood there");
    let uid = made.metadata.uid.clone().unwrap();
    assert_eq!(code(apply("one", "resourceVersion", "1").await).0, 409);
    let (another, said) = code(apply("one", "uid", "00000000-0000-4000-8000-000000000000").await);
    assert!(another == 409 || another == 422 && said.contains("metadata.uid"), "{another}: {said}");
    assert_eq!(code(apply("none", "uid", &uid).await).0, 409);
    let standing = maps.get("one").await.unwrap();
    assert_eq!(standing.metadata.resource_version, made.metadata.resource_version);
    assert!(maps.get_opt("none").await.unwrap().is_none());
    apply("one", "uid", &uid).await.expect("that is the one");
    place.leave().await;
}
