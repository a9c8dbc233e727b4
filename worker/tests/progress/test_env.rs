//! A worker on a broker and a store in this process.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    mocking::{MockCluster, MockCoordinator},
    producer::DefaultProducerContext,
};
use serde_json::Value;
use stockstream_model::{
    documents::{Heartbeat, PartitionId},
    event::EventKind,
    settings::Settings,
};
use stockstream_store::{MemoryStore, StateStore, inspect::Inspect};
use stockstream_worker::{MemoryLimit, Options, WorkerError, run};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, produce};

/// After so long something that should come to pass is given up. Never a measure of speed.
const DEADLINE: Duration = Duration::from_secs(180);

pub struct TestEnv {
    cluster: MockCluster<'static, DefaultProducerContext>,
    store: Arc<MemoryStore>,
    settings: Settings,
    memory_limit: Option<MemoryLimit>,
    address: String,
    shutdown: CancellationToken,
    worker: JoinHandle<Result<(), WorkerError>>,
}

/// Also where a test fails: else the worker's reading thread would keep the test from ending.
impl Drop for TestEnv {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

type Started = (String, CancellationToken, JoinHandle<Result<(), WorkerError>>);

async fn start(settings: &Settings, memory_limit: Option<MemoryLimit>, store: &Arc<MemoryStore>) -> Started {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let shutdown = CancellationToken::new();
    let (listener, own_cluster) = (Some(listener), Some("mock".into()));
    let options = Options { listener, shutdown: shutdown.clone(), own_cluster, memory_limit };
    let connected = Arc::clone(store);
    let worker = tokio::spawn(run(settings.clone(), async move { Ok(connected) }, options));
    (address, shutdown, worker)
}

impl TestEnv {
    pub async fn new() -> Self {
        Self::with("{kafka: {startFrom: earliest}, limits: {heartbeatEvery: 1s}}", None).await
    }

    pub async fn with(settings: &str, memory_limit: Option<MemoryLimit>) -> Self {
        let cluster = MockCluster::new(2).unwrap();
        let mut settings = Settings::load(Some(settings), |_| None).unwrap();
        settings.kafka.bootstrap_servers = cluster.bootstrap_servers().split(',').map(str::to_owned).collect();
        for stream in EventKind::ALL {
            let topic = &settings.kafka.topics.of(stream).name;
            cluster.create_topic(topic, 2, 1).unwrap();
            (0..2).for_each(|partition| cluster.partition_leader(topic, partition, Some(1)).unwrap());
        }
        cluster.coordinator(MockCoordinator::Group(settings.group_id()), 1).unwrap();
        let store = Arc::new(MemoryStore::new(settings.analytics.clone()));
        let (address, shutdown, worker) = start(&settings, memory_limit.clone(), &store).await;
        let env = Self { cluster, store, settings, memory_limit, address, shutdown, worker };
        env.eventually("the worker reads", async || match env.status().await["partitions"].as_array() {
            Some(partitions) if partitions.len() == 6 => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        env
    }

    /// Ends the worker, and starts another one once what is given was done.
    pub async fn restart(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.shutdown.cancel();
        ended(&mut self.worker).await;
        meanwhile(self);
        (self.address, self.shutdown, self.worker) =
            start(&self.settings, self.memory_limit.clone(), &self.store).await;
    }

    pub fn cluster(&self) -> &MockCluster<'static, DefaultProducerContext> {
        &self.cluster
    }

    /// The topic of sales.
    pub fn topic(&self) -> &str {
        &self.settings.kafka.topics.sales.name
    }

    /// Appends to a partition of sales, whichever of the brokers leads it.
    pub async fn produce(&self, partition: i32, batches: &[Batch]) {
        for broker in self.cluster.bootstrap_servers().split(',') {
            let sent = timeout(DEADLINE, produce(broker, self.topic(), partition, batches)).await;
            if sent.expect("a broker answers").is_ok() {
                return;
            }
        }
        panic!("no broker takes what is sent to partition {partition}");
    }

    pub async fn next(&self, id: &str) -> i64 {
        let id = PartitionId::from_text(id).unwrap();
        let checkpoints = self.store.checkpoints().await.unwrap();
        checkpoints.iter().find(|checkpoint| checkpoint.id == id).unwrap().next
    }

    /// Waits until a partition is applied up to there.
    pub async fn applied(&self, id: &str, next: i64) {
        self.eventually("everything is applied", async || match self.next(id).await {
            found if found == next => Ok(()),
            found => Err(format!("{id} is at {found}")),
        })
        .await;
    }

    /// Whom something was sold to.
    pub async fn clients(&self) -> Vec<String> {
        self.store.snapshot().await.unwrap().clients.into_iter().map(|client| client.client_id).collect()
    }

    /// Waits until a problem with all these words is told in the status, and where progress is asked for.
    pub async fn is_told(&self, words: &[&str]) {
        let has = |text: &str| words.iter().all(|word| text.contains(word));
        self.eventually("the problem is told", async || {
            let status = self.status().await;
            let problems = status["problems"].as_array().cloned().unwrap_or_default();
            let is_told = problems.iter().filter_map(Value::as_str).any(has);
            let (code, said) = self.get("/readyz?progress").await;
            if is_told && code == 503 && has(&said) { Ok(()) } else { Err(format!("{problems:?}; {code}: {said}")) }
        })
        .await;
    }

    /// Waits until nothing is wrong.
    pub async fn is_well(&self) {
        self.eventually("all is well", async || match self.get("/readyz?progress").await {
            (200, _) => Ok(()),
            (_, said) => Err(said),
        })
        .await;
        assert_eq!(self.status().await["problems"], Value::Array(Vec::new()));
    }

    /// A new version must be able to roll out all the same.
    pub async fn stays_ready(&self) {
        assert_eq!(self.get("/readyz").await.0, 200);
        assert_eq!(self.get("/healthz").await.0, 200);
    }

    /// Waits until a metric has this value.
    pub async fn measures(&self, line: &str) {
        self.eventually("the metric is there", async || {
            let metrics = self.get("/metrics").await.1;
            if metrics.lines().any(|found| found == line) { Ok(()) } else { Err(metrics) }
        })
        .await;
    }

    pub async fn heartbeat_with(&self, wanted: impl Fn(&Heartbeat) -> bool) -> Heartbeat {
        self.eventually("the heartbeat tells", async || {
            let workers = self.store.progress().await.unwrap().workers;
            workers.iter().find(|heartbeat| wanted(heartbeat)).cloned().ok_or_else(|| format!("{workers:?}"))
        })
        .await
    }

    pub async fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status").await.1).unwrap_or_default()
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let mut answer = String::new();
        timeout(DEADLINE, self.ask(path, &mut answer)).await.expect("the worker answers").unwrap();
        let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
        (code, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    async fn ask(&self, path: &str, answer: &mut String) -> io::Result<usize> {
        let mut connection = TcpStream::connect(&self.address).await?;
        connection.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
        connection.read_to_string(answer).await
    }

    pub async fn eventually<T>(&self, what: &str, ask: impl AsyncFn() -> Result<T, String>) -> T {
        let began = Instant::now();
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(why) => assert!(began.elapsed() < DEADLINE, "{what}: still not after {DEADLINE:?}: {why}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends the worker. What it left in the store.
    pub async fn end(mut self) -> Arc<MemoryStore> {
        self.shutdown.cancel();
        ended(&mut self.worker).await;
        Arc::clone(&self.store)
    }
}

async fn ended(worker: &mut JoinHandle<Result<(), WorkerError>>) {
    timeout(DEADLINE, worker).await.expect("the worker ends").unwrap().unwrap();
}
