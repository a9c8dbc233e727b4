//! Toxiproxy between the workers and their servers, by its HTTP API.

use serde_json::{Value, json};

use crate::harness::http;

/// Where a proxy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    Database,
    Broker,
}

impl Between {
    pub const ALL: [Self; 2] = [Self::Database, Self::Broker];

    pub fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Broker => "broker",
        }
    }
}

/// The proxies of a campaign.
pub struct Proxies {
    api: String,
    database: String,
    broker: String,
}

fn local(port: &str) -> String {
    format!("127.0.0.1:{}", std::env::var(port).unwrap_or_else(|_| panic!("hack/chaos.sh gives {port}")))
}

impl Proxies {
    /// Makes them where `hack/chaos.sh` has kept ports for them.
    pub async fn of_environment() -> Self {
        let api = std::env::var("CHAOS_TOXIPROXY").expect("hack/chaos.sh starts toxiproxy");
        let (database, broker) = (local("MONGO_PROXY_PORT"), local("KAFKA_PROXY_PORT"));
        let proxies = Self { api, database, broker };
        let servers = [local("MONGO_PORT"), local("KAFKA_BEHIND_PORT")];
        for ((between, listen), upstream) in
            Between::ALL.into_iter().zip([&proxies.database, &proxies.broker]).zip(servers)
        {
            let proxy = json!({ "name": between.name(), "listen": listen, "upstream": upstream, "enabled": true });
            proxies.ask("POST /proxies", &proxy).await;
        }
        proxies
    }

    /// What sends workers to the broker by way of its proxy.
    pub fn settings(&self) -> Value {
        json!({ "kafka": { "bootstrapServers": [self.broker] } })
    }

    /// Host and port of the database's proxy.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Lets a proxy do something to what passes.
    pub async fn poison(&self, between: Between, toxic: &Value) {
        self.ask(&format!("POST /proxies/{}/toxics", between.name()), toxic).await;
    }

    /// Cuts connections and refuses new ones, or no longer.
    pub async fn set_open(&self, between: Between, open: bool) {
        self.ask(&format!("POST /proxies/{}", between.name()), &json!({ "enabled": open })).await;
    }

    /// Everything passes again.
    pub async fn heal(&self) {
        self.ask("POST /reset", &json!({})).await;
    }

    async fn ask(&self, what: &str, body: &Value) {
        let body = body.to_string();
        let headers = format!("Content-Type: application/json\r\nContent-Length: {}", body.len());
        let answer = http::exchange(&self.api, what, &headers, &body).await.unwrap();
        assert!(answer.status < 300, "{what} {body}: {} {}", answer.status, answer.body);
    }
}
