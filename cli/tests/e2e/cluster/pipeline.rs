//! A pipeline on the cluster, over the topics and the database of a test's bed.

use serde_json::{Value, json};

use super::kube::Kube;
use crate::harness::{Bed, both, compare::Shown, eventually, holds, http};

pub const WORKERS: &str = "app.kubernetes.io/instance=stock,app.kubernetes.io/component=worker";

/// A pipeline called `stock`.
pub struct Pipeline<'a> {
    pub kube: Kube,
    pub namespace: &'a str,
}

impl Pipeline<'_> {
    /// Writes the Secret with the address of MongoDB, or a newer one.
    pub fn secret(&self, uri: &str) {
        self.secret_of("mongo", &json!({ "uri": uri }));
    }

    /// Writes a Secret.
    pub fn secret_of(&self, name: &str, contents: &Value) {
        let metadata = json!({ "name": name, "namespace": self.namespace });
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": contents });
        self.kube.apply(&secret).unwrap();
    }

    /// Applies the resource over a bed's topics, its spec changed so.
    pub fn apply(&self, bed: &Bed, changed: Value) {
        let topic = |stream: &str| json!({ "name": bed.setting(&format!("/kafka/topics/{stream}/name")) });
        let spec = json!({
            "kafka": {
                "bootstrapServers": [bed.setting("/kafka/bootstrapServers/0")],
                "startFrom": "earliest",
                "topics": { "sales": topic("sales"), "inventory": topic("inventory"), "clients": topic("clients") },
            },
            "mongodb": { "uriSecretRef": { "name": "mongo" } },
        });
        let pipeline = json!({
            "apiVersion": "stockstream.dev/v1alpha1",
            "kind": "AnalyticsPipeline",
            "metadata": { "name": "stock", "namespace": self.namespace },
            "spec": both(spec, changed),
        });
        self.kube.apply(&pipeline).unwrap();
    }

    /// Changes the resource's spec.
    pub fn change(&self, spec: &Value) {
        let patch = json!({ "spec": spec }).to_string();
        self.kube.kubectl(&["-n", self.namespace, "patch", "apl", "stock", "--type=merge", "-p", &patch]);
    }

    pub fn scale(&self, replicas: u32) {
        self.kube.kubectl(&["-n", self.namespace, "scale", "apl/stock", &format!("--replicas={replicas}")]);
    }

    pub fn status(&self) -> Value {
        self.kube.get(self.namespace, "apl/stock").unwrap_or_default()["status"].take()
    }

    /// Waits until a condition is so, of the newest generation. Its message.
    pub async fn is(&self, condition: &str, status: &str, reason: Option<&str>) -> String {
        let what = format!("{condition} is {status} {}", reason.unwrap_or_default());
        eventually(&what, async || {
            let pipeline = self.kube.get(self.namespace, "apl/stock").unwrap_or_default();
            let conditions = pipeline["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let found = conditions.iter().find(|c| c["type"] == condition).cloned().unwrap_or_default();
            let newest = found["observedGeneration"] == pipeline["metadata"]["generation"];
            let so = found["status"] == status && reason.is_none_or(|reason| found["reason"] == reason);
            holds(newest && so, || format!("{conditions:?}"))?;
            Ok(found["message"].as_str().unwrap_or_default().to_owned())
        })
        .await
    }

    pub async fn ready(&self) {
        self.is("Ready", "True", None).await;
    }

    /// Waits until so many workers are there and ready.
    pub async fn has_workers(&self, count: usize) {
        eventually(&format!("{count} workers are ready"), async || {
            let said = self.status()["workersReady"].take();
            let pods = self.kube.pods(self.namespace, WORKERS).len();
            holds(said == format!("{count}/{count}") && pods == count, || format!("{said}, {pods} pods"))
        })
        .await;
    }

    /// What the page shows, through a port-forward.
    pub async fn shown(&self) -> Shown {
        let page = self.kube.forward(self.namespace, "svc/stock-dashboard", 80).await;
        Shown {
            winners: http::all(&page.address, "/api/v1/product-winners").await,
            risks: http::all(&page.address, "/api/v1/loss-risk-products").await,
            clients: http::all(&page.address, "/api/v1/clients").await,
        }
    }

    /// The Deployment of the workers.
    pub fn deployment(&self) -> Option<Value> {
        self.kube.get(self.namespace, "deployment/stock-worker")
    }
}
