//! A pipeline that nobody touches.

use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::harness::{Operator, TestNamespace, audit, eventually, holds};

/// Makes the operator look at a pipeline again, and waits until it has.
async fn looked_at_again(place: &TestNamespace, operator: &Operator, turn: u32) {
    let before = operator.reconciles().await;
    let note = json!({ "metadata": { "annotations": { "look-again": turn.to_string() } } });
    place.pipelines().patch("stock", &PatchParams::default(), &Patch::Merge(note)).await.unwrap();
    eventually("it is looked at again", async || {
        let now = operator.reconciles().await;
        holds(now > before, || format!("{now} reconciles"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_at_rest_causes_no_write_however_often_it_is_looked_at() {
    let Some(place) = TestNamespace::find().await else { return };
    let operator = Operator::start(&place, "one").await;
    place.pipeline("stock", |_| {}).await;
    place.status("stock").await;
    // The first looks may still find news: the Deployments' controller has just seen them.
    for turn in 0..3 {
        looked_at_again(&place, &operator, turn).await;
        operator.rests().await;
    }
    let (writes, reads) = (audit::writes(&place), audit::requests(&place).len());
    assert!(!writes.is_empty(), "the audit log shows the operator's writes");
    for turn in 10..20 {
        looked_at_again(&place, &operator, turn).await;
    }
    operator.rests().await;
    let after = audit::writes(&place);
    assert_eq!(after[writes.len()..], [] as [String; 0]);
    // A watch that ran out would be begun anew; nothing else is read either.
    assert!(audit::requests(&place).len() - reads <= 2, "reads");
    operator.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_starts_anew_changes_nothing_that_stands() {
    let Some(place) = TestNamespace::find().await else { return };
    let operator = Operator::start(&place, "one").await;
    place.pipeline("stock", |_| {}).await;
    place.status("stock").await;
    operator.rests().await;
    operator.end().await;
    let generation = async || {
        let deployments = place.api::<k8s_openapi::api::apps::v1::Deployment>();
        deployments.get("stock-dashboard").await.unwrap().metadata.generation
    };
    let before = generation().await;
    let operator = Operator::start(&place, "one").await;
    eventually("it has looked at the pipeline", async || holds(operator.reconciles().await > 0.0, || "not yet".into()))
        .await;
    operator.rests().await;
    assert_eq!(generation().await, before);
    operator.end().await;
    place.leave().await;
}
