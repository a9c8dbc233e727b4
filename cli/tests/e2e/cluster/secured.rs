//! A pipeline whose Kafka and MongoDB let nobody in without a password or a certificate.

use serde_json::{Value, json};
use stockstream_model::event::EventKind;

use super::{kube::Kube, pipeline::Pipeline};
use crate::harness::{TestEnv, compare, events::sale, eventually, holds, oracle, sample, secured::Secured};

/// Operator, workers and dashboard come in by the resource's Secrets, first by a password, then by a certificate; what they
/// count is exact, and none of them says a password.
pub async fn counts_and_keeps_secrets(kube: &Kube, system: &str) {
    let Some(secured) = Secured::new() else { return };
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let namespace = kube.restricted_namespace("secured-shop");
    let stock = Pipeline { kube: kube.clone(), namespace: &namespace.name };
    make_secrets(&stock, &secured, &env);
    stock.apply(&env, by_password(&secured));
    let said = stock.is("TopicsReady", "False", Some("SignInRefused")).await;
    assert!(said.contains(&secured.sasl_ssl) && said.contains("spec.kafka.security.sasl"), "{said}");
    stock.secret_of("login", &json!({ "username": secured.user, "password": secured.password }));
    stock.ready().await;

    let file = sample("data/odd-rows.csv");
    let (code, said) = env.import(&file).outcome().await;
    assert_eq!(code, 3, "{said}");
    let checkpoints = env.applied().await;
    compare::whole(&env, &oracle::expected(&file), &checkpoints).await;
    compare::views(&oracle::expected(&file), &stock.shown().await).unwrap();

    let before = stock.deployment().unwrap()["metadata"]["generation"].clone();
    stock.change(&by_certificate(&secured));
    eventually("the workers come by certificate", async || {
        let generation = stock.deployment().unwrap()["metadata"]["generation"].clone();
        holds(generation != before, || "the Deployment is the same".into())
    })
    .await;
    stock.ready().await;
    env.kafka.produce(EventKind::Sales, &sale("late", "2011-07-31", "late", 3, "2.00")).await;
    env.applied().await;
    let late = env.snapshot().await.products.into_iter().find(|product| product.product_id == "late");
    assert_eq!(late.map(|product| product.units), Some(3));

    for (namespace, part) in [(namespace.name.as_str(), "worker"), (&namespace.name, "dashboard"), (system, "operator")]
    {
        let labels = format!("app.kubernetes.io/component={part}");
        let said = kube.kubectl(&["-n", namespace, "logs", "-l", &labels, "--tail=-1", "--all-containers"]);
        assert!(!said.is_empty(), "the {part} says nothing");
        let told = secured.secrets().into_iter().chain(["not-it"]).any(|secret| said.contains(secret));
        assert!(!told, "the {part} tells a password");
    }
}

fn make_secrets(stock: &Pipeline<'_>, secured: &Secured, env: &TestEnv) {
    let file = |name: &str| std::fs::read_to_string(secured.file(name)).unwrap();
    stock.secret_of("login", &json!({ "username": secured.user, "password": "not-it" }));
    stock.secret_of("ca", &json!({ "ca.crt": file("ca.crt") }));
    stock.secret_of("client", &json!({ "tls.crt": file("client.crt"), "tls.key": file("client.key") }));
    stock.secret(&secured.uri(env, &secured.mongodb, &secured.mongodb_user, &secured.mongodb_password));
}

fn by_password(secured: &Secured) -> Value {
    let sasl = json!({ "mechanism": "SCRAM-SHA-512", "secretRef": { "name": "login" } });
    json!({
        "kafka": {
            "bootstrapServers": [secured.sasl_ssl],
            "security": { "protocol": "SASL_SSL", "sasl": sasl, "tls": { "caSecretRef": { "name": "ca" } } },
        },
        "mongodb": { "tls": { "caSecretRef": { "name": "ca" } } },
        "analytics": { "asOf": "LatestEvent" },
    })
}

fn by_certificate(secured: &Secured) -> Value {
    let tls = json!({ "caSecretRef": { "name": "ca" }, "clientCertSecretRef": { "name": "client" } });
    json!({
        "kafka": {
            "bootstrapServers": [secured.ssl],
            "security": { "protocol": "SSL", "sasl": null, "tls": tls },
        },
    })
}
