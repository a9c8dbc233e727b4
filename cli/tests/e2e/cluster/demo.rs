//! The demo of `hack/kind.sh` on a real node: its pipeline and its Job as they are, over Services of the names that its Kafka
//! and its MongoDB have, which lead to the tests' own servers. Their images cannot be pulled here.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{
    kube::{Kube, alone},
    pipeline::Pipeline,
};
use crate::harness::{TestEnv, eventually, holds, http, needed};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/kind");

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_of_kind_counts_made_up_sales_over_services_of_bare_names() {
    let Some(kube) = Kube::new() else { return };
    let _alone = alone().await;
    let topic = |name: &str| json!({ "name": name });
    let topics = json!({
        "sales": topic("topic-raw-sales"),
        "inventory": topic("topic-inventory-updates"),
        "clients": topic("topic-clients"),
    });
    let Some(env) = TestEnv::without_topics(json!({ "kafka": { "topics": topics } })).await else { return };
    let (system, shop) = (kube.restricted_namespace("stockstream"), kube.restricted_namespace("shop"));
    let apply = |objects: &str| {
        kube.attempt("kubectl", &["-n", &shop.name, "apply", "-f", "-"], objects).unwrap();
    };
    for manifest in ["kafka.yaml", "mongodb.yaml"] {
        let file = Path::new(FOLDER).join(manifest);
        let dry_run =
            ["-n", &shop.name, "apply", "--dry-run=server", "--validate=strict", "-f", file.to_str().unwrap()];
        kube.kubectl(&dry_run);
    }
    let mongodb = needed("MONGODB_URI").unwrap();
    let mongodb = mongodb.trim_start_matches("mongodb://").split('/').next().unwrap();
    apply(&service("kafka", 9092, env.setting("/kafka/bootstrapServers/0")).to_string());
    apply(&service("mongodb", 27017, mongodb).to_string());
    kube.chart("install", &system.name, &[]);

    apply(&demo("pipeline.yaml").replace("/stock_management", &format!("/{}", env.name())));
    let stock = Pipeline { kube: kube.clone(), namespace: &shop.name };
    stock.ready().await;
    // Fewer than a person gets to see: the shop's records come at once, its sales 50 a second.
    apply(&demo("sales.yaml").replace("\"100000\"", "\"1500\""));
    eventually("every made-up event is counted", async || {
        let status = stock.status();
        holds(status["events"] == 1500 && status["lag"] == 0, || status.to_string())
    })
    .await;
    let job = kube.get(&shop.name, "job/sales").unwrap();
    assert!(job["status"]["failed"].is_null(), "{job}");
    let page = kube.forward(&shop.name, "svc/stock-dashboard", 80).await;
    assert!(!http::all(&page.address, "/api/v1/product-winners").await.is_empty(), "the page ranks products");
    kube.helm(&["uninstall", "stockstream", "-n", "stockstream", "--wait"]);
}

fn demo(name: &str) -> String {
    fs::read_to_string(Path::new(FOLDER).join(name)).unwrap()
}

/// A Service that leads to a server outside of the cluster.
fn service(name: &str, port: u16, server: &str) -> Value {
    let (address, target) = server.rsplit_once(':').unwrap();
    let target: u16 = target.parse().unwrap();
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": name },
        "spec": { "ports": [{ "port": port, "targetPort": target }] },
    });
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": { "name": name, "labels": { "kubernetes.io/service-name": name } },
        "addressType": "IPv4",
        "ports": [{ "port": target }],
        "endpoints": [{ "addresses": [address] }],
    });
    json!({ "apiVersion": "v1", "kind": "List", "items": [service, slice] })
}
