//! Secrets that come, change and go.

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use kube::api::DeleteParams;

use crate::harness::{Operator, TestNamespace, audit, eventually, holds};

async fn template(place: &TestNamespace) -> Option<serde_json::Value> {
    let deployment = place.api::<Deployment>().get_opt("stock-dashboard").await.unwrap()?;
    serde_json::to_value(deployment.spec?.template).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_comes_is_noticed_and_one_that_changes_rolls_the_pods_and_one_that_does_not_does_not() {
    let Some(place) = TestNamespace::find().await else { return };
    place.api::<Secret>().delete("mongo", &DeleteParams::default()).await.unwrap();
    let operator = Operator::start(&place, "one").await;
    place.pipeline("stock", |_| {}).await;
    place.status("stock").await;
    operator.rests().await;
    place.secret("mongo", &[("uri", "mongodb://127.0.0.1:1/one?serverSelectionTimeoutMS=200")]).await;
    let first = eventually("the dashboard is made", async || template(&place).await.ok_or("not yet".into())).await;
    operator.rests().await;
    place.secret("mongo", &[("uri", "mongodb://127.0.0.1:1/two?serverSelectionTimeoutMS=200")]).await;
    let second = eventually("the dashboard's pods are new", async || {
        let now = template(&place).await.unwrap();
        holds(now != first, || "the same".into())?;
        Ok(now)
    })
    .await;
    operator.rests().await;
    place.secret("unrelated", &[("key", "value")]).await;
    place.secret("mongo", &[("uri", "mongodb://127.0.0.1:1/two?serverSelectionTimeoutMS=200"), ("other", "key")]).await;
    let seen = operator.reconciles().await;
    eventually("the Secret is looked at", async || holds(operator.reconciles().await > seen, || "not yet".into()))
        .await;
    operator.rests().await;
    assert_eq!(template(&place).await.unwrap(), second);
    let gets = audit::requests(&place)
        .into_iter()
        .filter(|line| line["verb"] == "get" && line["objectRef"]["resource"] == "secrets");
    let names: Vec<String> = gets.map(|line| line["objectRef"]["name"].to_string()).collect();
    assert!(names.len() <= 4 && names.iter().all(|name| name == "\"mongo\""), "each version is read once: {names:?}");
    operator.end().await;
    place.leave().await;
}
