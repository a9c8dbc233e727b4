//! What the operator makes, keeps so, and removes.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
};
use kube::{
    Api, Resource,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    core::{DynamicObject, ObjectMeta},
};
use serde_json::json;
use stockstream_operator::reconcile::build::kinds;

use crate::harness::{Operator, TestNamespace, eventually, holds};

const DASHBOARD: &str = "app.kubernetes.io/component=dashboard";

/// Kind, name and metadata of everything with the operator's label, as text and in order.
async fn made(place: &TestNamespace, selector: &str) -> Vec<(String, ObjectMeta)> {
    let selector = format!("app.kubernetes.io/managed-by=stockstream-operator,{selector}");
    let ours = ListParams::default().labels(selector.trim_end_matches(','));
    let mut found = Vec::new();
    for kind in kinds(false) {
        let api: Api<DynamicObject> = Api::namespaced_with(place.admin(), &place.namespace, &kind);
        for object in api.list(&ours).await.unwrap() {
            found.push((format!("{} {}", kind.kind, object.metadata.name.clone().unwrap()), object.metadata));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

async fn dashboard_stands(place: &TestNamespace) -> Vec<(String, ObjectMeta)> {
    eventually("the dashboard is made", async || {
        let made = made(place, DASHBOARD).await;
        let has = |name: &str| made.iter().any(|(found, _)| found == name);
        let all = has("Deployment stock-dashboard") && has("Service stock-dashboard");
        holds(all, || format!("{:?}", made.iter().map(|(name, _)| name).collect::<Vec<_>>()))?;
        Ok(made)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_it_makes_is_owned_by_the_pipeline_and_goes_with_it_without_a_finalizer() {
    let Some(place) = TestNamespace::find().await else { return };
    let operator = Operator::start(&place, "one").await;
    let uid = place.pipeline("stock", |_| {}).await.metadata.uid.unwrap();
    dashboard_stands(&place).await;
    place.status("stock").await;
    operator.rests().await;
    for (name, meta) in made(&place, "").await {
        let owners = meta.owner_references.unwrap_or_default();
        assert!(owners.len() == 1 && owners[0].uid == uid && owners[0].controller == Some(true), "{name}: {owners:?}");
    }
    let pipeline = place.pipelines().get("stock").await.unwrap();
    assert_eq!(pipeline.metadata.finalizers, None);
    place.pipelines().delete("stock", &DeleteParams::default()).await.unwrap();
    eventually("what it made is gone", async || {
        let left = made(&place, "").await;
        holds(left.is_empty(), || format!("{left:?}"))
    })
    .await;
    operator.rests().await;
    assert_eq!(made(&place, "").await.len(), 0, "nothing was made again");
    operator.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_or_deletes_is_put_right() {
    let Some(place) = TestNamespace::find().await else { return };
    let operator = Operator::start(&place, "one").await;
    place.pipeline("stock", |_| {}).await;
    dashboard_stands(&place).await;
    operator.rests().await;
    let patch = PatchParams::default();

    let deployments: Api<Deployment> = place.api();
    let scaled = json!({ "spec": { "replicas": 7 } });
    deployments.patch("stock-dashboard", &patch, &Patch::Merge(scaled)).await.unwrap();
    eventually("the dashboard is scaled back", async || {
        let replicas =
            deployments.get("stock-dashboard").await.map_err(|error| error.to_string())?.spec.unwrap().replicas;
        holds(replicas == Some(1), || format!("{replicas:?}"))
    })
    .await;

    let services: Api<Service> = place.api();
    let before = services.get("stock-dashboard").await.unwrap().metadata.uid;
    services.delete("stock-dashboard", &DeleteParams::default()).await.unwrap();
    eventually("the Service is made again", async || {
        let uid = services.get_opt("stock-dashboard").await.map_err(|error| error.to_string())?;
        holds(uid.is_some_and(|service| service.metadata.uid != before), || "not yet".into())
    })
    .await;

    let relabelled = json!({ "metadata": { "labels": { "app.kubernetes.io/instance": "other" } } });
    deployments.patch("stock-dashboard", &patch, &Patch::Merge(relabelled)).await.unwrap();
    eventually("the label is put right", async || {
        let meta = deployments.get("stock-dashboard").await.map_err(|error| error.to_string())?.metadata;
        let label = meta.labels.as_ref().and_then(|labels| labels.get("app.kubernetes.io/instance"));
        holds(label.is_some_and(|name| name == "stock"), || format!("{meta:?}"))
    })
    .await;

    let maps: Api<ConfigMap> = place.api();
    let ours = ListParams::default().labels("app.kubernetes.io/managed-by=stockstream-operator");
    let settings = maps.list(&ours).await.unwrap().items.into_iter().next().unwrap();
    let name = settings.metadata.name.clone().unwrap();
    let key = settings.data.as_ref().unwrap().keys().next().unwrap().clone();
    maps.patch(&name, &patch, &Patch::Merge(json!({ "data": { &key: "drifted" } }))).await.unwrap();
    eventually("the settings are put right", async || {
        let data = maps.get(&name).await.map_err(|error| error.to_string())?.data;
        holds(data == settings.data, || format!("{data:?}"))
    })
    .await;
    operator.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_that_is_switched_off_goes_with_all_its_parts_and_others_objects_stay() {
    let Some(place) = TestNamespace::find().await else { return };
    let operator = Operator::start(&place, "one").await;
    place.pipeline("stock", |_| {}).await;
    place.pipeline("other", |_| {}).await;
    dashboard_stands(&place).await;
    // Labelled like ours, but not owned: somebody else's.
    let mut foreign = Service::default();
    *foreign.meta_mut() = ObjectMeta {
        name: Some("foreign".into()),
        labels: Some(
            [
                ("app.kubernetes.io/managed-by", "stockstream-operator"),
                ("app.kubernetes.io/instance", "stock"),
                ("app.kubernetes.io/component", "dashboard"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ),
        ..ObjectMeta::default()
    };
    foreign.spec = serde_json::from_value(json!({ "ports": [{ "port": 80 }] })).unwrap();
    place.create(foreign).await;
    place.pipeline("stock", |pipeline| pipeline["spec"]["dashboard"] = json!({ "enabled": false })).await;
    eventually("the dashboard is gone", async || {
        let left = made(&place, &format!("{DASHBOARD},app.kubernetes.io/instance=stock")).await;
        let names: Vec<_> = left.into_iter().map(|(name, _)| name).collect();
        holds(names == ["Service foreign"], || format!("{names:?}"))
    })
    .await;
    assert!(place.api::<Deployment>().get_opt("other-dashboard").await.unwrap().is_some());
    operator.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_get_no_access_to_the_api_server() {
    let Some(place) = TestNamespace::find().await else { return };
    let operator = Operator::start(&place, "one").await;
    place.pipeline("stock", |_| {}).await;
    dashboard_stands(&place).await;
    let deployment = place.api::<Deployment>().get("stock-dashboard").await.unwrap();
    let pod = deployment.spec.unwrap().template.spec.unwrap();
    assert_eq!(pod.automount_service_account_token, Some(false));
    let account = place.api::<ServiceAccount>().get(&pod.service_account_name.unwrap()).await.unwrap();
    assert_eq!(account.automount_service_account_token, Some(false));
    assert!(!place.api::<NetworkPolicy>().list(&ListParams::default()).await.unwrap().items.is_empty());
    operator.end().await;
    place.leave().await;
}
