//! Forms on the dashboard, switched on and off in a pipeline that stands.

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use crate::harness::{Operator, TestNamespace, eventually, holds};

/// The dashboard's Deployment once its strategy is so.
async fn dashboard(place: &TestNamespace, strategy: &str) -> Value {
    eventually(&format!("the dashboard is replaced by {strategy}"), async || {
        let found = place.api::<Deployment>().get_opt("stock-dashboard").await.map_err(|error| error.to_string())?;
        let spec = serde_json::to_value(found.ok_or("there is none")?.spec).unwrap();
        holds(spec["strategy"]["type"] == strategy, || spec["strategy"].to_string())?;
        Ok(spec)
    })
    .await
}

fn takes_events(dashboard: &Value) -> bool {
    let args = dashboard["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    args.iter().any(|arg| arg == "--enter")
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_come_and_go_with_the_resource_and_wait_for_the_secret_of_their_user() {
    let Some(place) = TestNamespace::find().await else { return };
    let operator = Operator::start(&place, "one").await;
    place.pipeline("stock", |_| {}).await;
    assert!(!takes_events(&dashboard(&place, "RollingUpdate").await));

    let with = |kafka: Option<Value>| {
        move |pipeline: &mut Value| {
            let login = json!({ "mechanism": "PLAIN", "secretRef": { "name": "workers" } });
            pipeline["spec"]["kafka"]["security"] = json!({ "protocol": "SASL_PLAINTEXT", "sasl": login });
            if let Some(kafka) = kafka {
                pipeline["spec"]["dashboard"]["kafka"] = kafka;
            }
        }
    };
    let forms = json!({ "sasl": { "mechanism": "PLAIN", "secretRef": { "name": "forms" } } });
    place.pipeline("stock", with(Some(forms))).await;
    let said = place.condition("stock", "DashboardAvailable", "SecretMissing").await;
    let message = said["message"].as_str().unwrap();
    assert!(message.contains("/forms, which holds the Kafka user of the forms, does not exist"), "{message}");
    assert!(!takes_events(&dashboard(&place, "RollingUpdate").await), "the page stays as it was");
    place.secret("forms", &[("username", "books")]).await;
    let said = place.condition("stock", "DashboardAvailable", "SecretKeyMissing").await;
    assert!(said["message"].as_str().unwrap().contains("has no key password"), "{said}");

    place.secret("forms", &[("username", "books"), ("password", "word")]).await;
    let on = dashboard(&place, "Recreate").await;
    assert!(takes_events(&on));
    place.secret("forms", &[("username", "books"), ("password", "another")]).await;
    let sum = |spec: &Value| spec["template"]["metadata"]["annotations"]["stockstream.dev/secrets-checksum"].clone();
    eventually("a new password replaces the pod", async || {
        holds(sum(&dashboard(&place, "Recreate").await) != sum(&on), || "the same".into())
    })
    .await;

    place.pipeline("stock", with(None)).await;
    assert!(!takes_events(&dashboard(&place, "RollingUpdate").await));
    operator.end().await;
    place.leave().await;
}
