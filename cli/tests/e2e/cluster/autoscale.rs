//! Kubernetes' own autoscaler, which knows nothing of pipelines but the subresource `scale`.

use serde_json::{Value, json};

use super::{
    kube::{Kube, alone},
    pipeline::Pipeline,
};
use crate::harness::{TestEnv, eventually, holds};

/// Asks for as many workers as keep each one's share of its request for processors at so many percent.
fn autoscaler(stock: &Pipeline<'_>, percent: u32) {
    let cpu = json!({ "name": "cpu", "target": { "type": "Utilization", "averageUtilization": percent } });
    let scaler = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "stock", "namespace": stock.namespace },
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "stockstream.dev/v1alpha1", "kind": "AnalyticsPipeline", "name": "stock",
            },
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [{ "type": "Resource", "resource": cpu }],
            // Five minutes otherwise, so that a moment's rest is not taken for less work.
            "behavior": { "scaleDown": { "stabilizationWindowSeconds": 0 } },
        },
    });
    stock.kube.apply(&scaler).unwrap();
}

/// Waits until a condition of the autoscaler has this reason, and it has brought about so many workers.
async fn says(stock: &Pipeline<'_>, condition: &str, reason: &str, replicas: Option<i64>) {
    eventually(&format!("the autoscaler says {condition}, {reason}"), async || {
        let status = stock.kube.get(stock.namespace, "hpa/stock").unwrap_or_default()["status"].take();
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let so = conditions.iter().any(|is| is["type"] == condition && is["reason"] == reason);
        let there =
            replicas.is_none_or(|count| status["currentReplicas"] == count && status["desiredReplicas"] == count);
        holds(so && there, || status.to_string())
    })
    .await;
}

/// What was said of the Deployment's sizes that begins so.
fn told(stock: &Pipeline<'_>, words: &str) -> Vec<String> {
    let events = stock.kube.get(stock.namespace, "events").unwrap()["items"].take();
    let events = events.as_array().cloned().unwrap_or_default();
    let of_workers = events.into_iter().filter(|event| event["involvedObject"]["name"] == "stock-worker");
    let messages = of_workers.filter_map(|event| Some(event["message"].as_str()?.to_owned()));
    messages.filter(|message| message.starts_with(words)).collect()
}

fn wanted(stock: &Pipeline<'_>) -> Value {
    stock.kube.get(stock.namespace, "apl/stock").unwrap()["spec"]["workers"]["replicas"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autoscaler_of_kubernetes_moves_the_workers_and_nobody_moves_them_back() {
    let Some(kube) = Kube::new() else { return };
    let _alone = alone().await;
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let (system, shop) = (kube.restricted_namespace("scaling-system"), kube.restricted_namespace("scaling-shop"));
    kube.chart("install", &system.name, &["--set", &format!("watchNamespaces={{{}}}", shop.name)]);
    let stock = Pipeline { kube: kube.clone(), namespace: &shop.name };
    stock.apply(&env, json!({}));
    // So little that one that only waits uses more than a hundredth of it.
    stock.change(&json!({ "workers": { "resources": { "requests": { "cpu": "10m" } } } }));
    stock.secret(env.setting("/mongodb/uri"));
    stock.ready().await;
    stock.has_workers(1).await;

    autoscaler(&stock, 1);
    says(&stock, "ScalingActive", "ValidMetricFound", Some(3)).await;
    stock.has_workers(3).await;
    stock.ready().await;
    assert_eq!((wanted(&stock), told(&stock, "Scaled down").len()), (json!(3), 0));

    // Who applies the description again, as tools do over and over, changes nothing about it.
    stock.apply(&env, json!({}));
    assert_eq!(wanted(&stock), 3);

    let ups = told(&stock, "Scaled up");
    autoscaler(&stock, 20_000);
    says(&stock, "ScalingActive", "ValidMetricFound", Some(1)).await;
    stock.has_workers(1).await;
    stock.ready().await;
    assert_eq!((wanted(&stock), told(&stock, "Scaled up")), (json!(1), ups));

    // Without pods there is nothing to measure: what was wanted is still wanted afterwards.
    stock.change(&json!({ "suspend": true }));
    stock.has_workers(0).await;
    says(&stock, "ScalingActive", "FailedGetResourceMetric", None).await;
    assert_eq!(wanted(&stock), 1);
    autoscaler(&stock, 1);
    stock.change(&json!({ "suspend": false }));
    stock.has_workers(3).await;
    kube.helm(&["uninstall", "stockstream", "-n", &system.name, "--wait"]);
}
