//! Where a test stands: a database of its own, which several workers may open.

use std::{
    future::Future,
    io::Write,
    panic::{AssertUnwindSafe, resume_unwind},
    process::Command,
    sync::{
        Arc, Once, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use bson::{Document, doc};
use futures_util::{FutureExt, TryStreamExt};
use stockstream_model::{
    Timestamp,
    settings::{Pipeline, Secret, Settings},
};
use stockstream_store::{MemoryStore, MongoStore, PositionStore, StateStore, ViewStore, inspect::Inspect};

/// A database that workers open.
pub trait TestEnv: Sync {
    /// What they open it with.
    type Store: StateStore + PositionStore + ViewStore + Inspect;

    /// The store as a worker with these settings has it, not prepared. In memory there is one, made by the first.
    fn open(&self, settings: &Settings) -> impl Future<Output = Arc<Self::Store>> + Send;

    /// The store as another worker with these settings has it.
    fn worker_with(&self, settings: &Settings) -> impl Future<Output = Arc<Self::Store>> + Send {
        async {
            let store = self.open(settings).await;
            store.prepare(&settings.pipeline).await.unwrap();
            store
        }
    }

    /// Has the server look over its rows, where it is the one of `hack/mongodb.sh`: it does so at some time by itself, and
    /// counts and uses its indexes by what it saw then.
    fn vacuum(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// The store as another worker has it.
    fn worker(&self) -> impl Future<Output = Arc<Self::Store>> + Send {
        async { self.worker_with(&settings()).await }
    }
}

/// Settings whose write commands are small: a handful of keys takes several.
pub fn settings() -> Settings {
    let mut settings = Settings { pipeline: pipeline("shop/stock"), ..Settings::default() };
    settings.limits.updates_per_command = 7;
    settings
}

/// A pipeline without an order of its settings.
pub fn pipeline(name: &str) -> Pipeline {
    Pipeline { name: name.into(), ..Pipeline::default() }
}

/// The store in memory.
#[derive(Default)]
pub struct Memory {
    store: OnceLock<Arc<MemoryStore>>,
}

impl TestEnv for Memory {
    type Store = MemoryStore;

    async fn open(&self, settings: &Settings) -> Arc<MemoryStore> {
        self.store.get_or_init(|| Arc::new(MemoryStore::new(settings.analytics.clone()))).clone()
    }
}

/// A database on the server that `MONGODB_URI` names.
pub struct Mongo {
    uri: String,
    /// The database as the driver shows it.
    pub raw: mongodb::Database,
}

impl TestEnv for Mongo {
    type Store = MongoStore;

    async fn open(&self, settings: &Settings) -> Arc<MongoStore> {
        let mut settings = settings.clone();
        settings.mongodb.uri = Some(Secret::new(&self.uri));
        Arc::new(MongoStore::connect(&settings).await.unwrap())
    }

    async fn vacuum(&self) {
        self.ask_postgresql("vacuum").await;
    }
}

impl Mongo {
    async fn new(server: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (process, test) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let database = format!("stockstream_test_{:x}_{process}_{test}", Timestamp::now().millis());
        let uri = with_database(server, &database);
        let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
        Self { uri, raw: client.database(&database) }
    }

    /// Its address.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Host and port of the server.
    pub fn host(&self) -> String {
        let (_, rest) = self.uri.split_once("://").unwrap();
        let hosts = rest.split('/').next().unwrap();
        hosts.rsplit('@').next().unwrap().split(',').next().unwrap().to_owned()
    }

    /// What `hack/mongodb.sh` tells of this database; nothing where the server is another.
    pub async fn ask_postgresql(&self, command: &str) -> Option<String> {
        let of_script = std::env::var("PG_PORT").and(std::env::var("MONGO_PORT")).ok()?;
        self.host().ends_with(&format!(":{of_script}")).then_some(())?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../hack/mongodb.sh");
        let mut process = Command::new(script);
        process.args([command, self.raw.name()]);
        let told = tokio::task::spawn_blocking(move || process.output()).await.unwrap().unwrap();
        assert!(told.status.success(), "{script} {command}: {}", String::from_utf8_lossy(&told.stderr));
        Some(String::from_utf8(told.stdout).unwrap())
    }

    /// Deletes every document but those that say whose database this is.
    pub async fn wipe(&self) {
        for collection in self.raw.list_collection_names().await.unwrap() {
            if !["meta", "views"].contains(&collection.as_str()) {
                self.raw.collection::<Document>(&collection).delete_many(doc! {}).await.unwrap();
            }
        }
    }

    /// Every document of a collection, as the driver shows it.
    pub async fn documents(&self, collection: &str) -> Vec<Document> {
        let collection = self.raw.collection::<Document>(collection);
        let cursor = collection.find(Document::new()).sort(doc! { "_id": 1 }).await.unwrap();
        cursor.try_collect().await.unwrap()
    }
}

fn with_database(uri: &str, database: &str) -> String {
    let (scheme, rest) = uri.split_once("://").expect("MONGODB_URI has a scheme");
    let (rest, query) = rest.split_once('?').map_or((rest, String::new()), |(rest, query)| (rest, format!("?{query}")));
    let hosts = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{hosts}/{database}{query}")
}

/// Runs a test on a new database and drops it, however the test ends.
pub async fn on_mongodb(test: impl AsyncFnOnce(&Mongo)) {
    let Ok(server) = std::env::var("MONGODB_URI") else {
        static SAID: Once = Once::new();
        // Not `eprintln!`: what a test that passes prints is not shown.
        SAID.call_once(|| {
            let _ = writeln!(std::io::stderr(), "MONGODB_URI is not set: the tests on MongoDB are skipped");
        });
        return;
    };
    let env = Mongo::new(&server).await;
    let end = AssertUnwindSafe(test(&env)).catch_unwind().await;
    env.raw.drop().await.unwrap();
    end.unwrap_or_else(|panic| resume_unwind(panic));
}
