//! Clients of Kafka and MongoDB, kept between reconciles: one for all pipelines that reach the same servers with the same
//! credentials, dropped when nobody asked with it for some minutes.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, RandomState},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use stockstream_kafka::{Admin, KafkaError, MetadataClient, Resolver, admin_by, metadata_client_by};
use stockstream_model::settings::{Kafka, Settings};
use stockstream_store::{MongoStore, Proxy, StoreError};
use tokio::sync::{OnceCell, Semaphore};

use super::pool::{Key, Pool};
use crate::{
    dns::ClusterDns,
    reconcile::{
        condition_reasons::{problem_of_kafka, problem_of_store},
        observed::Problem,
        owner_liveness::{Silences, TAKEN_OVER_AFTER},
    },
    socks::Ways,
};

/// A client that nobody asked with for so long is dropped; every pipeline is looked at several times meanwhile.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// A client that makes topics is seldom needed, and its thread never rests.
const IDLE_ADMIN: Duration = Duration::from_secs(30);
/// A failure to reach Kafka is returned to all requests on the same client within this time: a broker that is away must
/// not cost every pipeline's time limit again. Twice as long after each failure that follows, up to the longest.
const FAILURE_HOLDS: Duration = Duration::from_secs(3);
const FAILURE_HOLDS_LONGEST: Duration = Duration::from_secs(12);
/// A user's rights are asked for again after so long.
const RIGHTS_HOLD: Duration = Duration::from_secs(10 * 60);
/// How many pipelines ask with one client at once.
const AT_ONCE_PER_CLIENT: usize = 4;
/// How many pipelines ask Kafka at once: each holds a thread.
const AT_ONCE: usize = 32;

/// All clients. Share it by reference.
pub struct Clients {
    kafka: Pool<KafkaClient>,
    stores: Pool<MongoStore>,
    /// What users who are meant to read may do besides, and when that was found.
    writes: Mutex<HashMap<Key, (Instant, BTreeSet<String>)>>,
    /// A key that only this process has: what is kept of credentials does not tell them.
    secret: RandomState,
    pub(super) asking: Semaphore,
    /// How names are looked up; `None`: by the system, as outside of a cluster.
    dns: Option<ClusterDns>,
    /// The ways to MongoDB by those names, once one was needed.
    ways: OnceCell<Ways>,
    pub(super) silences: Silences,
    pub(super) taken_over_after: Duration,
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            kafka: Pool::default(),
            stores: Pool::default(),
            writes: Mutex::default(),
            secret: RandomState::new(),
            asking: Semaphore::new(AT_ONCE),
            dns: None,
            ways: OnceCell::new(),
            silences: Silences::default(),
            taken_over_after: TAKEN_OVER_AFTER,
        }
    }
}

impl Clients {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, but names are looked up as pods of the pipeline's namespace do.
    #[must_use]
    pub fn looking_up_by(self, dns: Option<ClusterDns>) -> Self {
        Self { dns, ..self }
    }

    /// The same, but another pipeline of a database owner's name takes it over after this silence of the owner, and not after
    /// a minute.
    #[must_use]
    pub fn taking_over_after(self, silence: Duration) -> Self {
        Self { taken_over_after: silence, ..self }
    }

    /// How many clients of Kafka and of MongoDB there are.
    pub fn count(&self) -> (usize, usize) {
        (self.kafka.count(), self.stores.count())
    }

    pub(super) async fn kafka(&self, namespace: &str, settings: &Arc<Kafka>) -> Result<Arc<KafkaClient>, Problem> {
        if let Some(idle) = self.kafka.sweep(IDLE) {
            idle.into_iter().for_each(drop_elsewhere);
            self.kafka.all().iter().for_each(|client| client.drop_idle_admin());
        }
        let resolver = self.dns.as_ref().map(|dns| dns.resolver(namespace));
        let key = self.key(&self.seen_from(namespace, kafka_identity(settings)));
        if let Some(client) = self.kafka.get(key) {
            return Ok(client);
        }
        let settings = Arc::clone(settings);
        // It reads files and starts threads.
        let by = resolver.clone();
        let client =
            blocking(move || metadata_client_by(&settings, by)).await?.map_err(|error| problem_of_kafka(&error))?;
        Ok(self.kafka.put(key, KafkaClient::new(client, resolver)))
    }

    /// Where names are looked up for a namespace, a client is of that namespace alone: the same name is another host elsewhere.
    fn seen_from(&self, namespace: &str, mut identity: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        identity.extend(self.dns.is_some().then(|| namespace.as_bytes().to_vec()));
        identity
    }

    /// The way to the servers of a namespace.
    async fn way(&self, namespace: &str) -> Result<Option<Proxy>, Problem> {
        let Some(dns) = &self.dns else { return Ok(None) };
        let ways = self.ways.get_or_try_init(|| Ways::open(dns.clone())).await;
        let failed = |error| Problem {
            reason: "OperatorFailed",
            message: format!(
                "the operator cannot listen on its own machine for its connections to MongoDB: {error}; it is tried again"
            ),
            stalled: false,
        };
        Ok(Some(ways.map_err(failed)?.of(namespace)))
    }

    pub(super) async fn store(&self, settings: &Settings) -> Result<Arc<MongoStore>, Problem> {
        drop(self.stores.sweep(IDLE));
        let key = self.key(&mongodb_identity(settings));
        if let Some(store) = self.stores.get(key) {
            return Ok(store);
        }
        let (others, way) = (self.stores.all(), self.way(settings.pipeline.namespace()).await?);
        // A name may be looked up.
        let connected =
            tokio::time::timeout(Duration::from_secs(5), MongoStore::connect_shared(settings, &others, way)).await;
        let store = connected.unwrap_or_else(|_| Err(StoreError::Address {
            message: "the names of its servers are not found within 5 s; check the host in the connection string, and the cluster's name service".into(),
        }));
        Ok(self.stores.put(key, store.map_err(|error| problem_of_store(&error))?.without_retry()))
    }

    /// What was found not long ago of the user of these settings.
    pub(super) fn known_writes(&self, settings: &Settings) -> Option<BTreeSet<String>> {
        let known = self.writes.lock();
        let (at, writes) = known.get(&self.key(&mongodb_identity(settings)))?;
        (at.elapsed() < RIGHTS_HOLD).then(|| writes.clone())
    }

    pub(super) fn note_writes(&self, settings: &Settings, writes: &BTreeSet<String>) {
        let mut known = self.writes.lock();
        known.retain(|_, (at, _)| at.elapsed() < RIGHTS_HOLD);
        known.insert(self.key(&mongodb_identity(settings)), (Instant::now(), writes.clone()));
    }

    fn key(&self, identity: &[Vec<u8>]) -> Key {
        (self.secret.hash_one((0, identity)), self.secret.hash_one((1, identity)))
    }
}

/// What two pipelines must have in common to share a client: contents of credentials, wherever their files are.
fn kafka_identity(settings: &Kafka) -> Vec<Vec<u8>> {
    let mut identity =
        vec![settings.bootstrap_servers.join(",").into_bytes(), settings.security.protocol.name().as_bytes().to_vec()];
    if let Some(sasl) = &settings.security.sasl {
        identity.push(sasl.mechanism.name().as_bytes().to_vec());
        identity.push(sasl.username.clone().unwrap_or_default().into_bytes());
        identity.push(sasl.password.as_ref().map(|password| password.reveal().as_bytes().to_vec()).unwrap_or_default());
        identity.extend([content(sasl.username_file.as_ref()), content(sasl.password_file.as_ref())]);
    }
    if let Some(tls) = &settings.security.tls {
        identity.extend([&tls.ca_file, &tls.cert_file, &tls.key_file].map(|file| content(file.as_ref())));
    }
    identity
}

/// A store belongs to one pipeline, as the database does; stores share connections where they can.
fn mongodb_identity(settings: &Settings) -> Vec<Vec<u8>> {
    let mongodb = &settings.mongodb;
    let certificates = mongodb.tls.iter().flat_map(|tls| [&tls.ca_file, &tls.cert_file, &tls.key_file]);
    let mut identity = vec![
        settings.pipeline.name.clone().into_bytes(),
        mongodb.uri.as_ref().map(|uri| uri.reveal().as_bytes().to_vec()).unwrap_or_default(),
        content(mongodb.uri_file.as_ref()),
    ];
    identity.extend(certificates.map(|file| content(file.as_ref())));
    identity
}

/// A file that cannot be read is no content here; whoever makes the client says so.
fn content(file: Option<&PathBuf>) -> Vec<u8> {
    file.and_then(|file| std::fs::read(file).ok()).unwrap_or_default()
}

/// That Kafka could not be asked.
struct Failure {
    at: Instant,
    holds: Duration,
    problem: Problem,
}

impl Failure {
    fn after(before: Option<Self>, problem: Problem) -> Self {
        let holds = match before {
            // Several asked at once, and failed together.
            Some(before) if before.at.elapsed() < before.holds => return before,
            Some(before) => (before.holds * 2).min(FAILURE_HOLDS_LONGEST),
            None => FAILURE_HOLDS,
        };
        Self { at: Instant::now(), holds, problem }
    }
}

/// A client of Kafka, and what was learnt with it.
pub(super) struct KafkaClient {
    pub metadata_client: MetadataClient,
    pub gate: Semaphore,
    resolver: Option<Resolver>,
    admin: Mutex<Option<(Instant, Arc<Admin>)>>,
    failure: Mutex<Option<Failure>>,
    /// Topics that were found not to be compacted, and when.
    uncompacted: Mutex<HashMap<String, Instant>>,
}

impl KafkaClient {
    fn new(metadata_client: MetadataClient, resolver: Option<Resolver>) -> Self {
        Self {
            metadata_client,
            resolver,
            gate: Semaphore::new(AT_ONCE_PER_CLIENT),
            admin: Mutex::default(),
            failure: Mutex::default(),
            uncompacted: Mutex::default(),
        }
    }

    /// A client that makes topics and tells their settings; with the credentials that this one has.
    pub fn admin(&self, settings: &Kafka) -> Result<Arc<Admin>, KafkaError> {
        let mut kept = self.admin.lock();
        let client = match kept.take() {
            Some((_, client)) => client,
            None => Arc::new(admin_by(settings, self.resolver.clone())?),
        };
        *kept = Some((Instant::now(), Arc::clone(&client)));
        Ok(client)
    }

    fn drop_idle_admin(&self) {
        let idle = self.admin.lock().take_if(|(used, _)| used.elapsed() > IDLE_ADMIN);
        if let Some((_, client)) = idle {
            drop_elsewhere(client);
        }
    }

    /// What somebody else met with just now.
    pub fn recent_failure(&self) -> Option<Problem> {
        let failure = self.failure.lock();
        failure.as_ref().filter(|failure| failure.at.elapsed() < failure.holds).map(|failure| failure.problem.clone())
    }

    pub fn note(&self, problem: Option<&Problem>) {
        let mut failure = self.failure.lock();
        *failure = problem.map(|problem| Failure::after(failure.take(), problem.clone()));
    }

    /// Whether a topic's settings are to be asked for: it was not found good within this time.
    pub fn is_compaction_due(&self, topic: &str, holds: Duration) -> bool {
        self.uncompacted.lock().get(topic).is_none_or(|at| at.elapsed() > holds)
    }

    pub fn note_compaction(&self, topic: &str, compacted: bool) {
        let mut uncompacted = self.uncompacted.lock();
        uncompacted.retain(|_, at| at.elapsed() < IDLE);
        if compacted {
            uncompacted.remove(topic);
        } else {
            uncompacted.insert(topic.to_owned(), Instant::now());
        }
    }
}

/// The end of such a client waits for its threads.
fn drop_elsewhere<T: Send + Sync + 'static>(client: Arc<T>) {
    drop(tokio::task::spawn_blocking(move || drop(client)));
}

/// What blocks, on a thread for that.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem {
        reason: "OperatorFailed",
        message: format!("a question to a service ended unexpectedly: {error}; it is put again"),
        stalled: false,
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use stockstream_kafka::{NotFound, find_topic};
    use stockstream_model::event::EventKind;
    use stockstream_store::StateStore;

    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::load(Some(text), |_| None).unwrap()
    }

    #[test]
    fn a_client_is_shared_by_servers_and_credentials_and_by_nothing_else() {
        let folder = std::env::temp_dir().join(format!("stockstream-clients-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, content: &str| {
            std::fs::write(folder.join(name), content).unwrap();
            folder.join(name).display().to_string()
        };
        let (one, same, other) = (file("one", "word"), file("same", "word"), file("other", "sword"));
        let clients = Clients::new();
        let key = |servers: &str, password: &str, topic: &str| {
            let text = format!(
                "{{kafka: {{bootstrapServers: [{servers}], topics: {{sales: {{name: {topic}}}}}, security: {{protocol: SASL_SSL, \
                 sasl: {{mechanism: PLAIN, username: shop, passwordFile: {password}}}}}}}}}"
            );
            clients.key(&kafka_identity(&settings(&text).kafka))
        };
        let first = key("a:1", &one, "sales");
        assert_eq!(first, key("a:1", &same, "other-sales"));
        assert_ne!(first, key("a:1", &other, "sales"));
        assert_ne!(first, key("b:1", &one, "sales"));
        assert_ne!(first, Clients::new().key(&kafka_identity(&settings("").kafka)));
        file("one", "changed");
        assert_ne!(first, key("a:1", &one, "sales"), "a secret that was rotated is another client");
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// Host and port of a service that the environment names: an address, not a name.
    fn service(variable: &str) -> Option<(String, String)> {
        let text = std::env::var(variable).ok()?;
        let text = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
        let place = text.split(['/', ',', '?']).next()?.rsplit('@').next()?;
        place.rsplit_once(':').map(|(host, port)| (host.to_owned(), port.to_owned()))
    }

    fn names_of_shop(name: &str) -> Result<Vec<IpAddr>, NotFound> {
        let variable = match name {
            "kafka.shop.svc.test." => "KAFKA_BOOTSTRAP_SERVERS",
            "mongo.shop.svc.test." => "MONGODB_URI",
            _ => return Err(NotFound::NoSuchName),
        };
        let found = service(variable).and_then(|(host, _)| host.parse().ok());
        found.map(|address| vec![address]).ok_or(NotFound::NoSuchName)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn real_services_are_reached_by_bare_names_and_only_by_those_of_the_namespace() {
        let (Some((_, kafka)), Some((_, mongodb))) = (service("KAFKA_BOOTSTRAP_SERVERS"), service("MONGODB_URI"))
        else {
            return;
        };
        let clients = Clients::new().looking_up_by(Some(ClusterDns::on_this_machine(names_of_shop)));
        let of = |namespace: &str| {
            let database = format!("names_of_{}", std::process::id());
            settings(&format!(
                "{{pipeline: {{name: {namespace}/names}}, kafka: {{bootstrapServers: ['kafka:{kafka}']}}, \
                 mongodb: {{uri: 'mongodb://mongo:{mongodb}/{database}'}}}}"
            ))
        };
        let (shop, other) = (of("shop"), of("other"));
        let ask = async |settings: &Settings| {
            let kafka = Arc::new(settings.kafka.clone());
            let client = clients.kafka(settings.pipeline.namespace(), &kafka).await.unwrap();
            blocking(move || find_topic(&client.metadata_client, &kafka, EventKind::Sales)).await.unwrap()
        };
        ask(&shop).await.unwrap();
        let said = ask(&other).await.unwrap_err().to_string();
        assert!(said.contains("kafka:") && said.contains("resolve"), "{said}");
        assert_eq!(clients.count().0, 2, "the same name is another host in another namespace");
        clients.store(&shop).await.unwrap().progress().await.unwrap();
        let said = clients.store(&other).await.unwrap().progress().await.unwrap_err().to_string();
        assert!(said.contains("mongo:") && said.contains("there is no such host"), "{said}");
    }

    /// Any name of the namespace, and a whole one that a certificate of the services holds.
    fn this_machine(name: &str) -> Result<Vec<IpAddr>, NotFound> {
        let is_known = name.ends_with(".shop.svc.test.") || name == "wrong.host.example.";
        let address = service("KAFKA_BOOTSTRAP_SERVERS").and_then(|(host, _)| host.parse().ok());
        address.filter(|_| is_known).map(|address| vec![address]).ok_or(NotFound::NoSuchName)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_certificate_must_hold_the_name_as_it_is_written_wherever_that_leads() {
        let variable = |name: &str| std::env::var(name).ok();
        let (Some((_, kafka)), Some((_, mongodb)), Some(certs), Some(user), Some(password)) = (
            service("KAFKA_WRONG_HOST"),
            service("MONGODB_WRONG_HOST"),
            variable("KAFKA_CERTS"),
            variable("MONGO_USER"),
            variable("MONGO_PASSWORD"),
        ) else {
            return;
        };
        let clients = Clients::new().looking_up_by(Some(ClusterDns::on_this_machine(this_machine)));
        let of = |host: &str| {
            let database = format!("names_of_{}", std::process::id());
            let text = format!(
                "{{pipeline: {{name: shop/names}}, kafka: {{bootstrapServers: ['{host}:{kafka}'], \
                 security: {{protocol: SSL, tls: {{caFile: {certs}/ca.crt, certFile: {certs}/client.crt, keyFile: {certs}/client.key}}}}}}, \
                 mongodb: {{uri: 'mongodb://{user}:{password}@{host}:{mongodb}/{database}', tls: {{caFile: {certs}/ca.crt}}}}}}"
            );
            settings(&text)
        };
        let ask = async |settings: &Settings| {
            let kafka = Arc::new(settings.kafka.clone());
            let client = clients.kafka(settings.pipeline.namespace(), &kafka).await.unwrap();
            blocking(move || find_topic(&client.metadata_client, &kafka, EventKind::Sales)).await.unwrap()
        };
        let held = of("wrong.host.example");
        ask(&held).await.unwrap();
        clients.store(&held).await.unwrap().progress().await.unwrap();
        // The same servers, by a name that their certificates do not hold.
        let other = of("kafka");
        assert_eq!(ask(&other).await.unwrap_err().name(), "CertificateForAnotherHost");
        let refused = clients.store(&other).await.unwrap().progress().await.unwrap_err();
        assert_eq!(refused.name(), "CertificateForAnotherHost", "{refused}");
    }

    #[test]
    fn a_failure_that_follows_another_holds_longer_and_one_beside_it_does_not() {
        let problem = Problem { reason: "BrokerUnreachable", message: String::new(), stalled: false };
        let first = Failure::after(None, problem.clone());
        let beside = Failure::after(Some(first), problem.clone());
        assert_eq!(beside.holds, FAILURE_HOLDS);
        let over = |failure: Failure| Failure { at: Instant::now() - failure.holds, ..failure };
        let second = Failure::after(Some(over(beside)), problem.clone());
        assert_eq!(second.holds, FAILURE_HOLDS * 2);
        let last = (0..9).fold(second, |failure, _| Failure::after(Some(over(failure)), problem.clone()));
        assert_eq!(last.holds, FAILURE_HOLDS_LONGEST);
    }

    #[test]
    fn a_store_is_of_one_pipeline() {
        let clients = Clients::new();
        let key = |pipeline: &str, uri: &str| {
            clients.key(&mongodb_identity(&settings(&format!(
                "{{pipeline: {{name: {pipeline}}}, mongodb: {{uri: '{uri}'}}}}"
            ))))
        };
        assert_eq!(key("a", "mongodb://h/d"), key("a", "mongodb://h/d"));
        assert_ne!(key("a", "mongodb://h/d"), key("b", "mongodb://h/d"));
        assert_ne!(key("a", "mongodb://h/d"), key("a", "mongodb://h/e"));
    }
}
