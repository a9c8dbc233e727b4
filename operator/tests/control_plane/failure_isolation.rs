//! What goes wrong with one thing must not keep others from going right.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ResourceQuota, Service},
    events::v1::Event,
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    core::{ApiResource, DynamicObject},
};
use serde_json::json;
use stockstream_operator::{reconcile::names, resource::AnalyticsPipeline};

use crate::harness::{Cluster, Operator, Relay, TestNamespace, cluster, eventually, holds};

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_cannot_be_decoded_says_so_and_does_not_stop_the_others() {
    let Some(cluster) = Cluster::find().await else { return };
    let _alone = cluster::alone().await;
    let place = TestNamespace::in_(cluster).await;
    // From the time of a definition that knew less of dates. Again and again, since each test that begins installs ours.
    eventually("it is accepted", async || {
        place.cluster.define_loosely().await;
        place.try_pipeline("broken", |pipeline| pipeline["spec"]["analytics"] = json!({ "asOf": "2026-99-99" })).await
    })
    .await;
    place.cluster.define().await;
    // As the operator wrote it when it could read the resource.
    let known = json!({
        "apiVersion": "stockstream.dev/v1alpha1", "kind": "AnalyticsPipeline", "metadata": { "name": "broken" },
        "status": { "databaseId": "0123456789abcdef" },
    });
    let apply = PatchParams::apply(names::FIELD_MANAGER).force();
    let pipelines: Api<DynamicObject> =
        Api::namespaced_with(place.admin(), &place.namespace, &ApiResource::erase::<AnalyticsPipeline>(&()));
    pipelines.patch_status("broken", &apply, &Patch::Apply(known)).await.unwrap();
    let operator = Operator::start(&place, "one").await;
    let ready = place.condition("broken", "Ready", "Undecodable").await;
    assert_eq!(ready["status"], "False");
    assert!(ready["message"].as_str().unwrap().contains("2026-99-99"), "{ready}");
    assert_eq!(place.condition("broken", "Stalled", "Undecodable").await["status"], "True");
    let status = pipelines.get("broken").await.unwrap().data["status"].clone();
    assert_eq!(status["databaseId"], "0123456789abcdef", "which database it had is remembered: {status}");
    place.pipeline("whole", |_| {}).await;
    eventually("the other one has a dashboard", async || {
        let found = place.api::<Deployment>().get_opt("whole-dashboard").await.map_err(|error| error.to_string())?;
        holds(found.is_some(), || "not yet".into())
    })
    .await;
    place.pipeline("broken", |_| {}).await;
    eventually("the mended one has a dashboard", async || {
        let found = place.api::<Deployment>().get_opt("broken-dashboard").await.map_err(|error| error.to_string())?;
        holds(found.is_some(), || "not yet".into())
    })
    .await;
    operator.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_is_refused_keeps_none_of_the_others_back_and_the_status_names_it() {
    let Some(place) = TestNamespace::find().await else { return };
    let quota = json!({ "metadata": { "name": "none" }, "spec": { "hard": { "count/deployments.apps": "0" } } });
    place.create::<ResourceQuota>(serde_json::from_value(quota).unwrap()).await;
    eventually("the quota is in force", async || {
        let quota = place.api::<ResourceQuota>().get("none").await.map_err(|error| error.to_string())?;
        holds(quota.status.and_then(|status| status.hard).is_some(), || "not yet".into())
    })
    .await;
    let operator = Operator::start(&place, "one").await;
    place.pipeline("stock", |_| {}).await;
    let ready = place.condition("stock", "Ready", "NotApplied").await;
    let message = ready["message"].as_str().unwrap();
    assert!(message.contains("failed to apply Deployment stock-dashboard") && message.contains("quota"), "{message}");
    assert!(place.api::<Service>().get_opt("stock-dashboard").await.unwrap().is_some(), "the Service stands");
    let about = ListParams::default().fields("reason=NotApplied");
    eventually("an event tells", async || {
        let events = place.api::<Event>().list(&about).await.map_err(|error| error.to_string())?;
        holds(!events.items.is_empty(), || "none".into())
    })
    .await;
    place.api::<ResourceQuota>().delete("none", &DeleteParams::default()).await.unwrap();
    eventually("the Deployment is made once it may be", async || {
        let found = place.api::<Deployment>().get_opt("stock-dashboard").await.map_err(|error| error.to_string())?;
        holds(found.is_some(), || "not yet".into())
    })
    .await;
    operator.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_one_namespace_leaves_others_alone() {
    let Some(place) = TestNamespace::find().await else { return };
    let elsewhere = place.another().await;
    let operator = Operator::start(&place, "one").await;
    elsewhere.pipeline("stock", |_| {}).await;
    place.pipeline("stock", |_| {}).await;
    place.status("stock").await;
    let pipeline = elsewhere.pipelines().get("stock").await.unwrap();
    assert_eq!(pipeline.status, None);
    operator.end().await;
    place.leave().await;
    elsewhere.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_every_watch_is_broken_off_is_seen_afterwards() {
    let Some(place) = TestNamespace::find().await else { return };
    let relay = Relay::to(place.cluster.address()).await;
    let client = place.cluster.acting_by(&place.user(), relay.address);
    let operator = Operator::by(&place, "one", vec![place.namespace.clone()], client).await;
    place.pipeline("gone", |_| {}).await;
    place.pipeline("stock", |_| {}).await;
    for name in ["gone", "stock"] {
        place.status(name).await;
    }
    operator.rests().await;

    relay.cut().await;
    let services = place.api::<Service>();
    let before = services.get("stock-dashboard").await.unwrap().metadata.uid;
    services.delete("stock-dashboard", &DeleteParams::default()).await.unwrap();
    place.pipelines().delete("gone", &DeleteParams::default()).await.unwrap();
    place.pipeline("new", |_| {}).await;
    relay.mend();

    eventually("the Service is made again", async || {
        let service = services.get_opt("stock-dashboard").await.map_err(|error| error.to_string())?;
        holds(service.is_some_and(|service| service.metadata.uid != before), || "not yet".into())
    })
    .await;
    place.status("new").await;
    operator.rests().await;
    assert_eq!(operator.metric("watched_objects{kind=\"AnalyticsPipeline\"}").await, 2.0);
    operator.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_gone_or_forbidden_keeps_no_other_from_being_looked_after() {
    let Some(place) = TestNamespace::find().await else { return };
    let forbidden = place.another().await;
    let namespaces = ["no-such-namespace".to_owned(), forbidden.namespace.clone(), place.namespace.clone()];
    forbidden.pipeline("stock", |_| {}).await;
    let operator = Operator::with(&place, "one", namespaces.into()).await;
    place.pipeline("stock", |_| {}).await;
    place.status("stock").await;
    operator.leads().await;
    assert_eq!(operator.metric("unlisted_namespaces").await, 2.0);
    assert_eq!(forbidden.pipelines().get("stock").await.unwrap().status, None);
    // Once it may, it looks after that one too, without a restart.
    forbidden.let_in(place.subject()).await;
    forbidden.status("stock").await;
    assert_eq!(operator.metric("unlisted_namespaces").await, 1.0);
    operator.end().await;
    place.leave().await;
    forbidden.leave().await;
}
