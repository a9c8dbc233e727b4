//! The secured listeners and fronts that `hack/services.sh` starts, and settings to reach them.

use std::{path::PathBuf, process::Command};

use serde_json::{Value, json};

use super::{EventKind, TestEnv, needed};

/// What the environment tells of the secured services.
pub struct Secured {
    pub sasl_ssl: String,
    pub ssl: String,
    pub expired: String,
    pub wrong_host: String,
    pub user: String,
    pub password: String,
    pub mongodb: String,
    pub mongodb_expired: String,
    pub mongodb_wrong_host: String,
    pub mongodb_mutual: String,
    pub mongodb_user: String,
    pub mongodb_password: String,
    certs: PathBuf,
}

impl Secured {
    /// None where they are not named.
    pub fn new() -> Option<Self> {
        Some(Self {
            sasl_ssl: needed("KAFKA_SASL_SSL")?,
            ssl: needed("KAFKA_SSL")?,
            expired: needed("KAFKA_EXPIRED")?,
            wrong_host: needed("KAFKA_WRONG_HOST")?,
            user: needed("KAFKA_USER")?,
            password: needed("KAFKA_PASSWORD")?,
            mongodb: needed("MONGODB_TLS")?,
            mongodb_expired: needed("MONGODB_EXPIRED")?,
            mongodb_wrong_host: needed("MONGODB_WRONG_HOST")?,
            mongodb_mutual: needed("MONGODB_MUTUAL")?,
            mongodb_user: needed("MONGO_USER")?,
            mongodb_password: needed("MONGO_PASSWORD")?,
            certs: needed("KAFKA_CERTS")?.into(),
        })
    }

    /// A file of the certificates' folder.
    pub fn file(&self, name: &str) -> String {
        self.certs.join(name).to_str().unwrap().to_owned()
    }

    /// What none of our processes may say.
    pub fn secrets(&self) -> [&str; 2] {
        [&self.password, &self.mongodb_password]
    }

    /// Kafka by user and password.
    pub fn sasl(&self, mechanism: &str, password: &str) -> Value {
        let sasl = json!({ "mechanism": mechanism, "username": self.user, "password": password });
        kafka(&self.sasl_ssl, json!({ "protocol": "SASL_SSL", "sasl": sasl, "tls": { "caFile": self.file("ca.crt") } }))
    }

    /// Kafka by TLS at an address, with a CA and, if named, a client's certificate.
    pub fn tls(&self, address: &str, ca: &str, client: Option<&str>) -> Value {
        let mut tls = json!({ "caFile": self.file(ca) });
        if let Some(client) = client {
            tls["certFile"] = self.file(&format!("{client}.crt")).into();
            tls["keyFile"] = self.file(&format!("{client}.key")).into();
        }
        kafka(address, json!({ "protocol": "SSL", "tls": tls }))
    }

    /// The test environment's database by user, password and TLS.
    pub fn database(&self, env: &TestEnv) -> Value {
        self.database_at(env, &self.mongodb, &self.mongodb_password, "ca.crt")
    }

    pub fn database_at(&self, env: &TestEnv, address: &str, password: &str, ca: &str) -> Value {
        let uri = self.uri(env, address, &self.mongodb_user, password);
        json!({ "mongodb": { "uri": uri, "tls": { "caFile": self.file(ca) } } })
    }

    /// The address of the test environment's database for a user.
    pub fn uri(&self, env: &TestEnv, address: &str, user: &str, password: &str) -> String {
        format!("mongodb://{user}:{password}@{address}/{}", env.name())
    }
}

/// Kafka at an address with this security.
pub fn kafka(address: &str, security: Value) -> Value {
    let mut settings = json!({ "kafka": { "bootstrapServers": [address] } });
    settings["kafka"]["security"] = security;
    settings
}

/// Runs one of Kafka's own tools against the open listener.
fn kafka_tool(class: &str, arguments: &[&str]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../hack/kafka.sh");
    let servers = needed("KAFKA_BOOTSTRAP_SERVERS").unwrap();
    let tool = ["run", class, "--bootstrap-server", &servers];
    let output = Command::new(script).args(tool).args(arguments).output().unwrap();
    assert!(output.status.success(), "{class}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A user of Kafka of a test's own, whose password is in a file. It may do nothing at first.
pub struct Login<'a> {
    env: &'a TestEnv,
    file: String,
}

impl<'a> Login<'a> {
    pub fn new(env: &'a TestEnv) -> Self {
        Self { env, file: env.file("password", "") }
    }

    /// Changes the password at the broker.
    pub fn at_the_broker(&self, password: &str) {
        let scram = format!("SCRAM-SHA-512=[iterations=4096,password={password}]");
        let user = ["--entity-type", "users", "--entity-name", self.env.name()];
        kafka_tool("kafka.admin.ConfigCommand", &[&["--alter", "--add-config", &scram][..], &user].concat());
    }

    pub fn in_the_file(&self, password: &str) {
        self.env.file("password", &format!("{password}\n"));
    }

    /// Allows to do this with topics, or also with the group.
    pub fn allow(&self, operation: &str, group: bool) {
        let user = format!("User:{}", self.env.name());
        let group = group.then_some(["--group", self.env.name()]).into_iter().flatten();
        let on: Vec<&str> = self.topics().into_iter().chain(group).collect();
        let allow = ["--add", "--allow-principal", &user, "--operation", operation];
        kafka_tool("org.apache.kafka.tools.AclCommand", &[&allow[..], &on].concat());
    }

    /// Takes that right to the topics away.
    pub fn forbid(&self, operation: &str) {
        let user = format!("User:{}", self.env.name());
        let remove = ["--remove", "--force", "--allow-principal", &user, "--operation", operation];
        kafka_tool("org.apache.kafka.tools.AclCommand", &[&remove[..], &self.topics()].concat());
    }

    fn topics(&self) -> Vec<&str> {
        let topic = |stream| ["--topic", self.env.setting(&format!("/kafka/topics/{stream}/name"))];
        EventKind::ALL.into_iter().flat_map(topic).collect()
    }

    pub fn settings(&self, secured: &Secured) -> Value {
        let sasl = json!({ "mechanism": "SCRAM-SHA-512", "username": self.env.name(), "passwordFile": self.file });
        let security = json!({ "protocol": "SASL_SSL", "sasl": sasl, "tls": { "caFile": secured.file("ca.crt") } });
        kafka(&secured.sasl_ssl, security)
    }
}
