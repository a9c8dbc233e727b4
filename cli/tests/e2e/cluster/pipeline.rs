//! A pipeline on the cluster, over the topics and the database of a test's test environment.

use serde_json::{Value, json};

use super::kube::Kube;
use crate::harness::{TestEnv, both, compare::Shown, database_host, eventually, holds, http};

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

    /// Makes Services in the pipeline's namespace behind which are the test environment's Kafka and MongoDB: `kafka`, whose broker is
    /// `kafka-0.kafka`, and `mongo`.
    pub fn services(&self, env: &TestEnv) {
        let kafka = env.setting("/kafka/bootstrapServers/0");
        self.service("kafka", kafka, json!({ "clusterIP": "None" }), json!({ "hostname": "kafka-0" }));
        self.service("mongo", &database_host(env), json!({}), json!({}));
    }

    /// A Service of a name, with what is more to say of it and of what is behind it.
    fn service(&self, name: &str, place: &str, service: Value, endpoint: Value) {
        let (address, port) = place.rsplit_once(':').unwrap();
        let port: u16 = port.parse().unwrap();
        let metadata = json!({ "name": name, "namespace": self.namespace });
        let spec = both(json!({ "ports": [{ "name": name, "port": port }] }), service);
        self.kube.apply(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec })).unwrap();
        let behind = json!({ "metadata": { "labels": { "kubernetes.io/service-name": name } } });
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata,
            "addressType": "IPv4",
            "endpoints": [both(json!({ "addresses": [address], "conditions": { "ready": true } }), endpoint)],
            "ports": [{ "name": name, "port": port }],
        });
        self.kube.apply(&both(slice, behind)).unwrap();
    }

    /// The test environment's address of MongoDB, its host by the name of its Service.
    pub fn uri_by_name(env: &TestEnv) -> String {
        let host = database_host(env);
        let (_, port) = host.rsplit_once(':').unwrap();
        env.setting("/mongodb/uri").replace(&host, &format!("mongo:{port}"))
    }

    /// The test environment's broker by the name that it has among the pods of the namespace.
    pub fn kafka_by_name(env: &TestEnv) -> Value {
        let (_, port) = env.setting("/kafka/bootstrapServers/0").rsplit_once(':').unwrap();
        json!({ "kafka": { "bootstrapServers": [format!("kafka-0.kafka:{port}")] } })
    }

    /// Writes a Secret.
    pub fn secret_of(&self, name: &str, contents: &Value) {
        let metadata = json!({ "name": name, "namespace": self.namespace });
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": contents });
        self.kube.apply(&secret).unwrap();
    }

    /// Applies the resource over a test environment's topics, its spec changed so.
    pub fn apply(&self, env: &TestEnv, changed: Value) {
        let topic = |stream: &str| json!({ "name": env.setting(&format!("/kafka/topics/{stream}/name")) });
        let spec = json!({
            "kafka": {
                "bootstrapServers": [env.setting("/kafka/bootstrapServers/0")],
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
