//! Where a test stands: topics, a group and a database of its own.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};
use stockstream_model::{Timestamp, documents::Checkpoint, event::EventKind, settings::Settings};
use stockstream_store::{
    MongoStore, StateStore,
    inspect::{Inspect, Snapshot},
};

use super::{Process, database::Database, eventually, holds, kafka::Kafka, needed, process::is_of};

/// A test's own part of the servers. Dropped with all it holds.
pub struct TestEnv {
    name: String,
    folder: PathBuf,
    settings: Value,
    pub kafka: Kafka,
    pub database: Database,
    pub store: MongoStore,
}

impl TestEnv {
    /// A test environment with topics of two partitions. None where a server is not named.
    pub async fn new(settings: Value) -> Option<Self> {
        let env = Self::without_topics(settings).await?;
        for stream in EventKind::ALL {
            env.kafka.create(stream, 2, &[]).await;
        }
        Some(env)
    }

    /// A test environment whose topics are not made yet.
    pub async fn without_topics(settings: Value) -> Option<Self> {
        Self::on(&needed("MONGODB_URI")?, settings).await
    }

    /// The same on the database server at that address.
    pub async fn on(mongodb: &str, settings: Value) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let servers = needed("KAFKA_BOOTSTRAP_SERVERS")?;
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let name = format!("e2e_{:x}_{process}_{number}", Timestamp::now().millis());
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir(&folder).unwrap();
        let topic = |stream: EventKind| json!({ "name": format!("{name}_{stream}") });
        let mut all = json!({
            "kafka": {
                "bootstrapServers": servers.split(',').collect::<Vec<_>>(),
                "groupId": name,
                "startFrom": "earliest",
                "topics": { "sales": topic(EventKind::Sales), "inventory": topic(EventKind::Inventory), "clients": topic(EventKind::Clients) },
            },
            "mongodb": { "uri": with_database(mongodb, &name) },
            // Kafka's least, so that what a killed worker had is soon given to others.
            "limits": { "sessionTimeout": "6s", "heartbeatEvery": "1s" },
        });
        merge(&mut all, settings);
        let typed = Settings::load(Some(&all.to_string()), |_| None).unwrap();
        let store = MongoStore::connect(&typed).await.unwrap();
        let database = Database::new(&with_database(mongodb, &name)).await;
        Some(Self { name, folder, settings: all, kafka: Kafka::new(&typed.kafka), database, store })
    }

    /// Another store on its database.
    pub async fn another_store(&self) -> MongoStore {
        let typed = Settings::load(Some(&self.settings.to_string()), |_| None).unwrap();
        MongoStore::connect(&typed).await.unwrap()
    }

    /// The database on connections of its own.
    pub async fn another_database(&self) -> mongodb::Database {
        Database::new(self.setting("/mongodb/uri")).await.raw
    }

    /// Its name, which is also that of its database and its consumer group.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A file in its folder with this text.
    pub fn file(&self, name: &str, text: &str) -> String {
        let file = self.folder.join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// The settings as a file, changed so.
    pub fn settings(&self, changed: Value) -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut all = self.settings.clone();
        merge(&mut all, changed);
        let file = self.folder.join(format!("settings-{}.yaml", NEXT.fetch_add(1, Ordering::Relaxed)));
        fs::write(&file, all.to_string()).unwrap(); // JSON is YAML
        file
    }

    /// A setting's value, by its path in JSON Pointer's spelling.
    pub fn setting(&self, path: &str) -> &str {
        self.settings.pointer(path).and_then(Value::as_str).unwrap()
    }

    /// Whether there is such a setting.
    pub fn has_setting(&self, path: &str) -> bool {
        self.settings.pointer(path).is_some()
    }

    /// Starts a command with the settings.
    pub fn start(&self, command: &str, changed: Value) -> Process {
        self.start_in(command, changed, &[])
    }

    /// The same with these variables in its environment.
    pub fn start_in(&self, command: &str, changed: Value, variables: &[(&str, &str)]) -> Process {
        let file = self.settings(changed);
        let arguments = [command, "--listen", "127.0.0.1:0", "--config", file.to_str().unwrap()];
        Process::start_in(arguments, variables)
    }

    /// Starts a worker.
    pub fn worker(&self) -> Process {
        self.start("worker", json!({}))
    }

    /// Starts an import with derived inventory.
    pub fn import(&self, file: &Path) -> Process {
        self.import_by(file, json!({}))
    }

    /// The same with the settings changed so.
    pub fn import_by(&self, file: &Path, changed: Value) -> Process {
        let settings = self.settings(changed);
        let config = ["--derive-inventory", "--config", settings.to_str().unwrap()];
        Process::start(["import", file.to_str().unwrap()].into_iter().chain(config))
    }

    /// Waits until everything that is in the topics now is applied. The checkpoints then.
    pub async fn applied(&self) -> Vec<Checkpoint> {
        let ends = self.kafka.ends();
        eventually("everything produced is applied", async || {
            let checkpoints = self.store.checkpoints().await.unwrap();
            let done = |id, end| {
                let at_end = |c: &&Checkpoint| c.id == id && c.next == end && c.pending.is_none();
                end == 0 || checkpoints.iter().any(|c| at_end(&c))
            };
            let left: Vec<_> = ends.iter().filter(|(id, end)| !done(**id, **end)).collect();
            holds(left.is_empty(), || format!("open: {left:?}; checkpoints: {checkpoints:?}"))?;
            Ok(checkpoints)
        })
        .await
    }

    /// Whether workers other than that process say that they read all partitions of the sales.
    ///
    /// # Errors
    /// How many they read.
    pub async fn sales_are_of_others(&self, process: u32) -> Result<(), String> {
        let workers = self.store.progress().await.unwrap().workers;
        let others = workers.iter().filter(|heartbeat| !is_of(process, &heartbeat.worker));
        let theirs: BTreeSet<_> = others.flat_map(|of| &of.partitions).map(|partition| partition.id).collect();
        let read = theirs.iter().filter(|id| id.stream == EventKind::Sales).count();
        let all = self.kafka.partitions(EventKind::Sales) as usize;
        holds(read == all, || format!("{read} of {all} partitions"))
    }

    /// How many events are applied.
    pub async fn store_events(&self) -> i64 {
        self.store.checkpoints().await.unwrap().iter().map(|checkpoint| checkpoint.events).sum()
    }

    /// The whole working state.
    pub async fn snapshot(&self) -> Snapshot {
        self.store.snapshot().await.unwrap()
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        let clean = async {
            self.kafka.drop_topics().await;
            self.database.drop_database().await;
        };
        // A drop cannot wait; a thread with a runtime of its own can.
        std::thread::scope(|scope| {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let cleaned = scope.spawn(move || runtime.block_on(clean)).join();
            if cleaned.is_err() {
                eprintln!("topics or database of {} are left", self.name);
            }
        });
    }
}

/// Puts an object's fields into another, deeply.
pub fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.into_iter().for_each(|(name, value)| merge(into.entry(name).or_insert(Value::Null), value));
        }
        (into, from) => *into = from,
    }
}

fn with_database(uri: &str, database: &str) -> String {
    let (scheme, rest) = uri.split_once("://").expect("MONGODB_URI has a scheme");
    let (rest, query) = rest.split_once('?').map_or((rest, String::new()), |(rest, query)| (rest, format!("?{query}")));
    let hosts = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{hosts}/{database}{query}")
}
