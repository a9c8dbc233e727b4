//! A kind of others that a cluster may know, or come to know, or forget: the Prometheus operator's PodMonitor.

use std::process::Command;

use k8s_openapi::{
    api::apps::v1::Deployment, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    core::{ApiResource, DynamicObject},
};
use serde_json::json;
use stockstream_operator::{
    reconcile::{
        build::kinds,
        names::{self, Part},
    },
    resource::AnalyticsPipeline,
};

use crate::harness::{Cluster, Operator, TestNamespace, audit, cluster, eventually, holds};

/// The definition, as its makers release it; none, and said, where it cannot be had.
fn definition() -> Option<CustomResourceDefinition> {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../hack/kube/kinds.sh");
    let output = Command::new(program).arg("podmonitors").output().unwrap();
    if output.status.code() == Some(2) {
        eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let file = String::from_utf8(output.stdout).unwrap();
    Some(serde_yaml_ng::from_str(&std::fs::read_to_string(file.trim()).unwrap()).unwrap())
}

/// The kind in the cluster. It goes when this is dropped, also by a test that fails.
struct Known {
    definitions: Api<CustomResourceDefinition>,
    name: String,
}

impl Known {
    async fn to(place: &TestNamespace, definition: &CustomResourceDefinition) -> Self {
        let definitions: Api<CustomResourceDefinition> = Api::all(place.admin());
        definitions.create(&PostParams::default(), definition).await.unwrap();
        Self { definitions, name: definition.name_any() }
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            let how = DeleteParams::default();
            let _ = tokio::runtime::Handle::current().block_on(self.definitions.delete(&self.name, &how));
        });
    }
}

fn monitors(place: &TestNamespace) -> Api<DynamicObject> {
    let kind = kinds(true).into_iter().find(|kind| kind.kind == "PodMonitor").unwrap();
    Api::namespaced_with(place.admin(), &place.namespace, &kind)
}

/// The monitor of the workers, once it is there and reads the right place.
async fn stands(place: &TestNamespace) -> DynamicObject {
    eventually("the workers have a PodMonitor", async || {
        let monitor = monitors(place).get("stock-worker").await.map_err(|error| error.to_string())?;
        holds(monitor.data["spec"]["podMetricsEndpoints"][0]["path"] == "/metrics", || format!("{monitor:?}"))?;
        Ok(monitor)
    })
    .await
}

/// A pipeline whose workers stand. Without Kafka none are made, but for those that stand nothing has to be asked while the
/// pipeline is suspended.
async fn with_workers(place: &TestNamespace) {
    let pipeline = place.pipeline("stock", |pipeline| pipeline["spec"]["suspend"] = true.into()).await;
    let owner = pipeline.controller_owner_ref(&ApiResource::erase::<AnalyticsPipeline>(&())).unwrap();
    let selector = names::selector("stock", Part::Worker);
    let template = json!({
        "metadata": { "labels": selector },
        "spec": { "containers": [{ "name": "worker", "image": "stockstream:test" }] },
    });
    let deployment = json!({
        "metadata": {
            "name": "stock-worker", "labels": names::labels("stock", Part::Worker), "ownerReferences": [owner],
        },
        "spec": { "replicas": 0, "selector": { "matchLabels": selector }, "template": template },
    });
    place.create::<Deployment>(serde_json::from_value(deployment).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_get_a_pod_monitor_wherever_the_cluster_knows_the_kind_and_whenever() {
    let Some(cluster) = Cluster::find().await else { return };
    let Some(definition) = definition() else { return };
    // The others' operators would begin anew too.
    let _alone = cluster::alone().await;
    let place = TestNamespace::in_(cluster).await;
    let operator = Operator::start(&place, "one").await;
    with_workers(&place).await;
    place.condition("stock", "Suspended", "Suspended").await;

    let known = Known::to(&place, &definition).await;
    let monitor = stands(&place).await;
    assert_eq!(monitor.data["spec"]["selector"]["matchLabels"], json!(names::selector("stock", Part::Worker)));
    assert_eq!(monitor.owner_references()[0].kind, "AnalyticsPipeline");
    let elsewhere = json!({ "spec": { "podMetricsEndpoints": [{ "port": "http", "path": "/elsewhere" }] } });
    monitors(&place).patch("stock-worker", &PatchParams::default(), &Patch::Merge(elsewhere)).await.unwrap();
    stands(&place).await;
    operator.end().await;

    // One that starts where the kind is known.
    monitors(&place).delete("stock-worker", &DeleteParams::default()).await.unwrap();
    let operator = Operator::start(&place, "two").await;
    stands(&place).await;
    assert_eq!(audit::forbidden(&place, &[&place.namespace]), [] as [String; 0]);

    // And when it goes all else goes on.
    drop(known);
    eventually("the kind is gone", async || {
        let kinds = place.admin().list_api_group_resources("monitoring.coreos.com/v1").await;
        holds(kinds.is_err(), || "not yet".into())
    })
    .await;
    let changed = place.pipeline("stock", |pipeline| {
        pipeline["spec"]["suspend"] = true.into();
        pipeline["spec"]["dashboard"] = json!({ "replicas": 2 });
    });
    let generation = changed.await.metadata.generation;
    eventually("the pipeline is as it should be without the kind", async || {
        let replicas = place.api::<Deployment>().get("stock-dashboard").await.map_err(|error| error.to_string())?;
        let status = place.status("stock").await;
        let ready = status["conditions"].as_array().unwrap().iter().find(|is| is["type"] == "Ready").cloned().unwrap();
        let settled = ready["reason"] != "NotApplied" && ready["observedGeneration"] == json!(generation);
        holds(settled && replicas.spec.unwrap().replicas == Some(2), || format!("{ready}"))
    })
    .await;
    operator.end().await;
    place.leave().await;
}
