//! Where a test stands.

use std::{
    io::Write,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use serde_json::json;
use stockstream_kafka::{Admin, Producer, admin};
use stockstream_model::{
    event::EventKind,
    settings::{Kafka, Pipeline, Secret, Settings},
};
use stockstream_operator::{
    reconcile::{
        Validated,
        observe::observe,
        observed::{Observed, TopicFacts},
        topics::Clients,
    },
    resource::AnalyticsPipeline,
};
use stockstream_store::MongoStore;

/// Topics and a database that nobody else uses, and a pipeline on them.
pub struct TestEnv {
    pub clients: Clients,
    pub pipeline: AnalyticsPipeline,
    pub settings: Settings,
    pub raw: mongodb::Database,
    pub admin: Admin,
}

impl TestEnv {
    async fn new(servers: &str, uri: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let own = format!("operator-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let pipeline = Pipeline { name: "shop/stock".into(), generation: Some(1), ..Pipeline::default() };
        let mut settings = Settings { pipeline, ..Settings::default() };
        settings.kafka.bootstrap_servers = vec![servers.to_owned()];
        for (stream, topic) in EventKind::ALL.into_iter().zip(topics(&mut settings.kafka)) {
            topic.name = format!("{own}-{stream}");
        }
        let (hosts, _) = uri.rsplit_once('/').expect("MONGODB_URI names a database");
        settings.mongodb.uri = Some(Secret::new(format!("{hosts}/{own}")));
        let raw = mongodb::Client::with_uri_str(uri).await.unwrap().database(&own);
        let admin = admin(&settings.kafka).unwrap();
        Self { clients: Clients::new(), pipeline: resource(), settings, raw, admin }
    }

    /// What is found out.
    pub async fn observe(&self) -> Observed {
        self.observe_as(&self.settings).await
    }

    /// What is found out with other settings.
    pub async fn observe_as(&self, settings: &Settings) -> Observed {
        observe(&self.clients, &self.pipeline, &validated(settings), None, None).await
    }

    /// Makes a topic and waits until it can be used.
    pub async fn create(&self, stream: EventKind, partitions: i32, config: &[(&str, &str)]) {
        let name = &self.settings.kafka.topics.of(stream).name;
        let mut new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in config {
            new = new.set(key, value);
        }
        let made = self.admin.create_topics(&[new], &AdminOptions::new()).await.unwrap();
        made[0].as_ref().unwrap();
        let is_there = |found: &TopicFacts| found.partitions == Some(partitions) && found.topic_id.is_some();
        let is_led =
            |facts: &Observed| facts.log_ends.keys().filter(|id| id.stream == stream).count() as i32 == partitions;
        self.until(|facts| is_there(topic(facts, stream)) && is_led(facts)).await;
    }

    /// Makes all topics.
    pub async fn create_all(&self, partitions: i32) {
        for stream in EventKind::ALL {
            self.create(stream, partitions, &[]).await;
        }
    }

    /// Asks with a pipeline that is suspended, which changes nothing, until it is so: brokers hear of what is new one by
    /// one.
    pub async fn until(&self, is_so: impl Fn(&Observed) -> bool) -> Observed {
        let mut suspended = self.pipeline.clone();
        suspended.spec.suspend = true;
        let asked = async {
            loop {
                let facts = observe(&self.clients, &suspended, &validated(&self.settings), None, None).await;
                if facts.topics.is_ok() && is_so(&facts) {
                    return facts;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), asked).await.expect("it never became so")
    }

    /// Sends so many events to a topic.
    pub fn send(&self, stream: EventKind, count: usize) {
        let producer = Producer::new(&self.settings.kafka, |_| {}).unwrap();
        for number in 0..count {
            producer.send(&self.settings.kafka.topics.of(stream).name, &number.to_string(), b"{}").unwrap();
        }
        producer.flush(Duration::from_secs(30)).unwrap();
    }

    /// The store as a worker has it.
    pub async fn store(&self) -> MongoStore {
        MongoStore::connect(&self.settings).await.unwrap()
    }
}

/// The topics of settings, to be changed.
pub fn topics(kafka: &mut Kafka) -> [&mut stockstream_model::settings::Topic; 3] {
    [&mut kafka.topics.sales, &mut kafka.topics.inventory, &mut kafka.topics.clients]
}

/// The topic of a stream.
pub fn topic(facts: &Observed, stream: EventKind) -> &TopicFacts {
    facts.topics.as_ref().unwrap().iter().find(|topic| topic.stream == stream).unwrap()
}

/// Why a topic is not fit, in a word.
pub fn reason(facts: &Observed, stream: EventKind) -> Option<&'static str> {
    topic(facts, stream).problem.as_ref().map(|(problem, _)| problem.reason)
}

fn resource() -> AnalyticsPipeline {
    let pipeline = json!({
        "apiVersion": "stockstream.dev/v1alpha1", "kind": "AnalyticsPipeline",
        "metadata": { "name": "stock", "namespace": "shop", "generation": 1 },
        "spec": { "kafka": { "bootstrapServers": ["kafka:9092"] }, "mongodb": { "uriSecretRef": { "name": "mongo" } } },
    });
    serde_json::from_value(pipeline).unwrap()
}

/// Settings that nothing is wrong with.
pub fn validated(settings: &Settings) -> Validated {
    Validated {
        worker: settings.clone(),
        dashboard: settings.clone(),
        operator: settings.clone(),
        ..Validated::default()
    }
}

/// Runs a test, and removes what it made however it ends.
pub async fn on_services(test: impl AsyncFnOnce(&mut TestEnv)) {
    let service = |name| std::env::var(name).ok();
    let (Some(servers), Some(uri)) = (service("KAFKA_BOOTSTRAP_SERVERS"), service("MONGODB_URI")) else {
        static SAID: Once = Once::new();
        // Not `eprintln!`: what a test that passes prints is not shown.
        SAID.call_once(|| {
            let said =
                "KAFKA_BOOTSTRAP_SERVERS or MONGODB_URI is not set: the operator's tests on services are skipped";
            let _ = writeln!(std::io::stderr(), "{said}");
        });
        return;
    };
    let mut env = TestEnv::new(&servers, &uri).await;
    let end = AssertUnwindSafe(test(&mut env)).catch_unwind().await;
    env.raw.drop().await.unwrap();
    let names = EventKind::ALL.map(|stream| env.settings.kafka.topics.of(stream).name.as_str());
    let _ = env.admin.delete_topics(&names, &AdminOptions::new()).await;
    end.unwrap_or_else(|panic| resume_unwind(panic));
}
