//! Secured services, reached by what the resource's Secrets hold: every way to be refused is one sentence in the status,
//! in the words of the resource, and a Secret that is put right is believed.
//!
//! Besides the cluster they need what `hack/services.sh up` tells of its secured listeners and fronts.

use serde_json::{Value, json};

use crate::harness::{Operator, TestNamespace, needed};

/// The services, and the Secrets made of their certificates and passwords.
struct Services {
    user: String,
    password: String,
    mongodb_user: String,
    mongodb_password: String,
    certs: String,
}

impl Services {
    fn find() -> Option<Self> {
        Some(Self {
            user: needed("KAFKA_USER")?,
            password: needed("KAFKA_PASSWORD")?,
            mongodb_user: needed("MONGO_USER")?,
            mongodb_password: needed("MONGO_PASSWORD")?,
            certs: needed("KAFKA_CERTS")?,
        })
    }

    async fn make_secrets(&self, place: &TestNamespace) {
        let file = |name: &str| std::fs::read_to_string(format!("{}/{name}", self.certs)).unwrap();
        place.secret("login", &[("username", &self.user), ("password", &self.password)]).await;
        place.secret("wrong", &[("username", &self.user), ("password", "not-it")]).await;
        place.secret("ca", &[("ca.crt", &file("ca.crt"))]).await;
        place.secret("unknown-ca", &[("ca.crt", &file("unknown-ca.crt"))]).await;
        for client in ["client", "stranger"] {
            let (certificate, key) = (file(&format!("{client}.crt")), file(&format!("{client}.key")));
            place.secret(client, &[("tls.crt", &certificate), ("tls.key", &key)]).await;
        }
    }

    fn uri(&self, address: &str, password: &str) -> String {
        format!("mongodb://{}:{password}@{address}/stock_management", self.mongodb_user)
    }

    fn keeps_secrets(&self, said: &str) {
        let told = [&self.password, &self.mongodb_password].into_iter().any(|secret| said.contains(secret));
        assert!(!told && !said.contains("not-it"), "a password is told");
    }
}

fn sasl(mechanism: &str, secret: &str, ca: &str) -> Value {
    let sasl = json!({ "mechanism": mechanism, "secretRef": { "name": secret } });
    json!({ "protocol": "SASL_SSL", "sasl": sasl, "tls": { "caSecretRef": { "name": ca } } })
}

fn tls(ca: &str, client: Option<&str>) -> Value {
    let mut tls = json!({ "caSecretRef": { "name": ca } });
    if let Some(client) = client {
        tls["clientCertSecretRef"] = json!({ "name": client });
    }
    json!({ "protocol": "SSL", "tls": tls })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_refuses_is_said_in_the_status_and_a_secret_put_right_is_believed() {
    let (Some(services), Some(place)) = (Services::find(), TestNamespace::find().await) else { return };
    let [by_password, by_certificate, expired, wrong_host] =
        ["KAFKA_SASL_SSL", "KAFKA_SSL", "KAFKA_EXPIRED", "KAFKA_WRONG_HOST"].map(|name| needed(name).unwrap());
    services.make_secrets(&place).await;
    let operator = Operator::start(&place, "one").await;
    let rows = [
        ("scram", &by_password, sasl("SCRAM-SHA-512", "login", "ca"), "TopicMissing", "kafka-topics.sh"),
        ("plain", &by_password, sasl("PLAIN", "login", "ca"), "TopicMissing", "kafka-topics.sh"),
        ("mutual", &by_certificate, tls("ca", Some("client")), "TopicMissing", "kafka-topics.sh"),
        ("word", &by_password, sasl("SCRAM-SHA-512", "wrong", "ca"), "SignInRefused", "spec.kafka.security.sasl"),
        (
            "authority",
            &by_password,
            sasl("PLAIN", "login", "unknown-ca"),
            "UnknownCertificateAuthority",
            "spec.kafka.security.tls.caSecretRef",
        ),
        ("expired", &expired, tls("ca", None), "CertificateExpired", "expired"),
        ("host", &wrong_host, tls("ca", None), "CertificateForAnotherHost", "spec.kafka.bootstrapServers"),
        (
            "none",
            &by_certificate,
            tls("ca", None),
            "ClientCertificateRefused",
            "spec.kafka.security.tls.clientCertSecretRef",
        ),
        (
            "stranger",
            &by_certificate,
            tls("ca", Some("stranger")),
            "ClientCertificateRefused",
            "spec.kafka.security.tls.clientCertSecretRef",
        ),
    ];
    for (name, address, security, ..) in &rows {
        let kafka = json!({ "bootstrapServers": [address], "security": security });
        place.pipeline(name, |pipeline| pipeline["spec"]["kafka"] = kafka).await;
    }
    for (name, address, _, reason, words) in &rows {
        let said = place.condition(name, "TopicsReady", reason).await;
        let message = said["message"].as_str().unwrap();
        assert!(message.contains(address.as_str()) && message.contains(words), "{name}: {message}");
        services.keeps_secrets(message);
        let is_stalled = *reason != "TopicMissing";
        let stalled = place.condition(name, "Stalled", if is_stalled { reason } else { "AsExpected" }).await;
        assert_eq!(stalled["status"], if is_stalled { "True" } else { "False" }, "{name}: {stalled}");
    }
    place.secret("wrong", &[("username", &services.user), ("password", &services.password)]).await;
    place.condition("word", "TopicsReady", "TopicMissing").await;
    operator.end().await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mongodb_refuses_is_said_in_the_status_and_a_secret_put_right_is_believed() {
    let (Some(services), Some(place)) = (Services::find(), TestNamespace::find().await) else { return };
    let [good, expired, wrong_host, mutual] =
        ["MONGODB_TLS", "MONGODB_EXPIRED", "MONGODB_WRONG_HOST", "MONGODB_MUTUAL"].map(|name| needed(name).unwrap());
    services.make_secrets(&place).await;
    let operator = Operator::start(&place, "one").await;
    let right = &services.mongodb_password;
    let address = "spec.mongodb.uriSecretRef";
    let rows = [
        ("word", &good, "not-it", "ca", "SignInRefused", address),
        ("authority", &good, right, "unknown-ca", "UnknownCertificateAuthority", "spec.mongodb.tls.caSecretRef"),
        ("expired", &expired, right, "ca", "CertificateExpired", "expired"),
        ("host", &wrong_host, right, "ca", "CertificateForAnotherHost", address),
    ];
    for (name, server, password, ca, ..) in rows {
        let secret = format!("mongo-{name}");
        place.secret(&secret, &[("uri", &services.uri(server, password))]).await;
        let mongodb = json!({ "uriSecretRef": { "name": secret }, "tls": { "caSecretRef": { "name": ca } } });
        place.pipeline(name, |pipeline| pipeline["spec"]["mongodb"] = mongodb).await;
    }
    for (name, server, _, _, reason, words) in rows {
        let said = place.condition(name, "DatabaseReady", reason).await;
        let message = said["message"].as_str().unwrap();
        assert!(message.contains(server.as_str()) && message.contains(words), "{name}: {message}");
        services.keeps_secrets(message);
    }
    place.secret("mongo-mutual", &[("uri", &services.uri(&mutual, right))]).await;
    for (name, client) in [("none", None), ("stranger", Some("stranger")), ("mutual", Some("client"))] {
        let mut tls = json!({ "caSecretRef": { "name": "ca" } });
        if let Some(client) = client {
            tls["clientCertSecretRef"] = json!({ "name": client });
        }
        let mongodb = json!({ "uriSecretRef": { "name": "mongo-mutual" }, "tls": tls });
        place.pipeline(name, |pipeline| pipeline["spec"]["mongodb"] = mongodb).await;
    }
    for name in ["none", "stranger"] {
        let said = place.condition(name, "DatabaseReady", "ClientCertificateRefused").await;
        let message = said["message"].as_str().unwrap();
        assert!(message.contains("spec.mongodb.tls.clientCertSecretRef"), "{name}: {message}");
    }
    place.condition("mutual", "DatabaseReady", "Reachable").await;
    place.secret("mongo-word", &[("uri", &services.uri(&good, right))]).await;
    place.condition("word", "DatabaseReady", "Reachable").await;
    operator.end().await;
    place.leave().await;
}
