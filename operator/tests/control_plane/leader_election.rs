//! Several operators.

use k8s_openapi::api::{apps::v1::Deployment, coordination::v1::Lease};

use crate::harness::{Operator, TestNamespace, eventually, holds};

async fn holder(place: &TestNamespace) -> Option<String> {
    let lease = place.api::<Lease>().get_opt("stockstream-operator").await.unwrap()?;
    lease.spec?.holder_identity
}

async fn dashboard_of(place: &TestNamespace, pipeline: &str) {
    eventually(&format!("{pipeline} has a dashboard"), async || {
        let deployments = place.api::<Deployment>();
        let found = deployments.get_opt(&format!("{pipeline}-dashboard")).await.map_err(|error| error.to_string())?;
        holds(found.is_some(), || "not yet".into())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leads_and_another_takes_over_when_it_is_killed() {
    let Some(place) = TestNamespace::find().await else { return };
    let first = Operator::start(&place, "first").await;
    first.leads().await;
    let second = Operator::start(&place, "second").await;
    second.is("follower").await;
    assert_eq!(holder(&place).await.as_deref(), Some("first"));
    place.pipeline("one", |_| {}).await;
    dashboard_of(&place, "one").await;
    assert_eq!((first.metric("leader").await, second.metric("leader").await), (1.0, 0.0));
    assert_eq!(second.reconciles().await, 0.0);
    first.kill().await;
    second.leads().await;
    assert_eq!(holder(&place).await.as_deref(), Some("second"));
    place.pipeline("two", |_| {}).await;
    dashboard_of(&place, "two").await;
    second.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_gives_the_lead_back_at_once() {
    let Some(place) = TestNamespace::find().await else { return };
    let first = Operator::start(&place, "first").await;
    first.leads().await;
    first.end().await;
    assert_eq!(holder(&place).await, None);
    let second = Operator::start(&place, "second").await;
    second.leads().await;
    second.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_lease_is_taken_away_stops_and_stands_by() {
    let Some(place) = TestNamespace::find().await else { return };
    let operator = Operator::start(&place, "first").await;
    operator.leads().await;
    let leases = place.api::<Lease>();
    eventually("the Lease is another's", async || {
        let mut lease = leases.get("stockstream-operator").await.unwrap();
        let spec = lease.spec.as_mut().unwrap();
        spec.holder_identity = Some("somebody else".into());
        // Long enough not to run out while this test runs.
        spec.lease_duration_seconds = Some(3_600);
        leases.replace("stockstream-operator", &Default::default(), &lease).await.map_err(|error| error.to_string())
    })
    .await;
    operator.is("follower").await;
    assert_eq!(operator.metric("leader").await, 0.0);
    let before = operator.reconciles().await;
    place.pipeline("stock", |_| {}).await;
    assert_eq!(operator.reconciles().await, before);
    operator.end().await;
    assert_eq!(holder(&place).await.as_deref(), Some("somebody else"), "what is not ours is not given back");
    place.leave().await;
}
