//! Secured services: work over them is exact, and every way to be refused is told in one sentence without a secret.

use std::time::{Duration, Instant};

use bson::doc;
use serde_json::{Value, json};
use stockstream_model::event::EventKind;

use crate::harness::{
    Process, TestEnv, both, compare,
    events::{sale, stock},
    http, oracle,
    relay::Relay,
    sample,
    secured::{Login, Secured, kafka},
};

/// After so long a producer gives an event up.
const TOO_OLD: Duration = Duration::from_secs(60);

async fn env() -> Option<(Secured, TestEnv)> {
    Some((Secured::new()?, TestEnv::new(json!({ "analytics": { "asOf": "LatestEvent" } })).await?))
}

fn keeps_secrets(secured: &Secured, said: &str) {
    for secret in secured.secrets() {
        let line = said.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "a password is told: {}", line.unwrap().replace(secret, "***"));
    }
}

/// A whole file goes to Kafka, through a worker, into MongoDB, all of it over secured connections.
async fn counts_exactly(secured: &Secured, env: &TestEnv, all: Value) {
    let file = sample("data/odd-rows.csv");
    let mut worker = env.start("worker", all.clone());
    worker.ready().await;
    let (code, said) = env.import_by(&file, all.clone()).outcome().await;
    assert_eq!(code, 3, "{said}");
    let checkpoints = env.applied().await;
    compare::whole(env, &oracle::expected(&file), &checkpoints).await;
    let mut page = env.start("dashboard", all);
    let address = page.address().await;
    let (status, body) = http::get(&address, "/api/v1/product-winners").await.unwrap();
    assert_eq!(status, 200, "{body}");
    for mut process in [worker, page] {
        process.signal("TERM");
        assert_eq!(process.ended().await.code(), Some(0));
        keeps_secrets(secured, &process.said().join("\n"));
    }
    keeps_secrets(secured, &said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_scram_sha_512_and_tls_counts_exactly() {
    let Some((secured, env)) = env().await else { return };
    let all = both(secured.sasl("SCRAM-SHA-512", &secured.password), secured.database(&env));
    counts_exactly(&secured, &env, all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_plain_and_tls_counts_exactly() {
    let Some((secured, env)) = env().await else { return };
    let all = both(secured.sasl("PLAIN", &secured.password), secured.database(&env));
    counts_exactly(&secured, &env, all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_certificate_of_its_own_counts_exactly() {
    let Some((secured, env)) = env().await else { return };
    let mut mongodb = secured.database_at(&env, &secured.mongodb_mutual, &secured.mongodb_password, "ca.crt");
    mongodb["mongodb"]["uri"] = with_certificate(&mongodb, &secured.file("client.pem"));
    counts_exactly(&secured, &env, both(secured.tls(&secured.ssl, "ca.crt", Some("client")), mongodb)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_certificate_and_key_for_mongodb_in_two_files_counts_exactly() {
    let Some((secured, env)) = env().await else { return };
    let mut mongodb = secured.database_at(&env, &secured.mongodb_mutual, &secured.mongodb_password, "ca.crt");
    mongodb["mongodb"]["tls"]["certFile"] = secured.file("client.crt").into();
    mongodb["mongodb"]["tls"]["keyFile"] = secured.file("client.key").into();
    mongodb["mongodb"]["filesInUri"] = "Refuse".into();
    counts_exactly(&secured, &env, both(secured.sasl("PLAIN", &secured.password), mongodb)).await;
}

/// The address of these settings with a client's certificate.
fn with_certificate(settings: &Value, file: &str) -> Value {
    format!("{}?tls=true&tlsCertificateKeyFile={file}", settings["mongodb"]["uri"].as_str().unwrap()).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_refuses_ends_the_worker_with_a_sentence() {
    let Some((secured, env)) = env().await else { return };
    let open = env.setting("/kafka/bootstrapServers/0").to_owned();
    let plain = json!({ "mechanism": "PLAIN", "username": secured.user, "password": secured.password });
    let sasl = "kafka.security.sasl";
    let (ca_file, cert_file) = ("kafka.security.tls.caFile", "kafka.security.tls.certFile");
    let Secured { sasl_ssl, ssl, expired, wrong_host, .. } = &secured;
    for (changed, place, words) in [
        (secured.sasl("SCRAM-SHA-512", "not-it"), sasl_ssl, ["refuses the sign-in", sasl]),
        (secured.sasl("SCRAM-SHA-256", "not-it"), sasl_ssl, ["refuses the sign-in", sasl]),
        (secured.sasl("PLAIN", "not-it"), sasl_ssl, ["refuses the sign-in", sasl]),
        (secured.tls(ssl, "unknown-ca.crt", Some("client")), ssl, ["unknown authority", ca_file]),
        (secured.tls(expired, "ca.crt", None), expired, ["not valid today: it has expired", "clock"]),
        (secured.tls(wrong_host, "ca.crt", None), wrong_host, ["for another host", "kafka.bootstrapServers"]),
        (secured.tls(ssl, "ca.crt", None), ssl, ["asks for a client's certificate and none is set", cert_file]),
        (secured.tls(ssl, "ca.crt", Some("stranger")), ssl, ["does not accept the client's certificate", cert_file]),
        (
            kafka(&open, json!({ "protocol": "SASL_PLAINTEXT", "sasl": plain })),
            &open,
            ["does not speak SASL_PLAINTEXT", "kafka.security.protocol"],
        ),
    ] {
        let said = env.start("worker", changed).refused(&[&[place.as_str()], &words[..]].concat()).await;
        keeps_secrets(&secured, &said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mongodb_refuses_ends_the_worker_with_a_sentence() {
    let Some((secured, env)) = env().await else { return };
    let Secured { mongodb, mongodb_expired, mongodb_wrong_host, mongodb_mutual, mongodb_password, .. } = &secured;
    let at = |address: &str, password: &str, ca: &str| secured.database_at(&env, address, password, ca);
    let nobody = format!("mongodb://{mongodb}/{}", env.name());
    let nobody = json!({ "mongodb": { "uri": nobody, "tls": { "caFile": secured.file("ca.crt") } } });
    let certificate = "mongodb.tls.certFile";
    let mut stranger = at(mongodb_mutual, mongodb_password, "ca.crt");
    stranger["mongodb"]["tls"]["certFile"] = secured.file("stranger.crt").into();
    stranger["mongodb"]["tls"]["keyFile"] = secured.file("stranger.key").into();
    for (changed, place, words) in [
        (at(mongodb, "not-it", "ca.crt"), mongodb, ["refuses the sign-in", "mongodb.uri"]),
        (nobody, mongodb, ["refuses the sign-in", "names no user"]),
        (at(mongodb, mongodb_password, "unknown-ca.crt"), mongodb, ["unknown authority", "mongodb.tls.caFile"]),
        (at(mongodb_expired, mongodb_password, "ca.crt"), mongodb_expired, ["not valid today", "expired"]),
        (at(mongodb_wrong_host, mongodb_password, "ca.crt"), mongodb_wrong_host, ["for another host", "mongodb.uri"]),
        (at(mongodb_mutual, mongodb_password, "ca.crt"), mongodb_mutual, ["client's certificate", certificate]),
        (stranger, mongodb_mutual, ["client's certificate", certificate]),
    ] {
        let said = env.start("worker", changed).refused(&[&[place.as_str()], &words[..]].concat()).await;
        keeps_secrets(&secured, &said);
    }
}

/// A service that closes connections may also be one that is just starting: it is waited for, and the likely reason said.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_speaks_another_protocol_is_waited_for_and_the_setting_named() {
    let Some((secured, env)) = env().await else { return };
    let open = env.setting("/kafka/bootstrapServers/0").to_owned();
    let open_database = env.setting("/mongodb/uri").to_owned();
    let protocol = "kafka.security.protocol";
    let plain_uri = secured.uri(&env, &secured.mongodb, &secured.mongodb_user, &secured.mongodb_password);
    let tls_to_plain = json!({ "mongodb": { "uri": open_database, "tls": { "caFile": secured.file("ca.crt") } } });
    for (changed, words) in [
        (kafka(&secured.ssl, json!({})), [secured.ssl.as_str(), protocol, "PLAINTEXT"]),
        (kafka(&secured.sasl_ssl, json!({})), [&secured.sasl_ssl, protocol, "PLAINTEXT"]),
        (secured.tls(&open, "ca.crt", None), [&open, protocol, "SSL"]),
        (secured.tls(&secured.sasl_ssl, "ca.crt", None), [&secured.sasl_ssl, protocol, "SSL"]),
        (json!({ "mongodb": { "uri": plain_uri } }), [&secured.mongodb, "TLS", "mongodb.uri"]),
        (tls_to_plain, ["failed to reach MongoDB", "TLS", "mongodb.uri"]),
    ] {
        let mut worker = env.start("worker", changed);
        worker.waits_for(&words).await;
        worker.signal("TERM");
        assert_eq!(worker.ended().await.code(), Some(0));
        keeps_secrets(&secured, &worker.said().join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_refused_says_so_before_its_events_are_too_old_to_send() {
    let Some((secured, env)) = env().await else { return };
    let import = |changed| env.import_by(&sample("data/odd-rows.csv"), changed);
    let began = Instant::now();
    let wrong = secured.sasl("SCRAM-SHA-512", "not-it");
    import(wrong).refused(&["refuses the sign-in", "kafka.security.sasl"]).await;
    let unknown = secured.tls(&secured.ssl, "unknown-ca.crt", Some("client"));
    import(unknown).refused(&["unknown authority", "kafka.security.tls.caFile"]).await;
    assert!(began.elapsed() < TOO_OLD, "{:?}", began.elapsed());
}

async fn sell_twenty(env: &TestEnv) {
    for invoice in 0..20 {
        env.kafka.produce(EventKind::Sales, &sale(&invoice.to_string(), "2026-01-01", "a", 1, "2.00")).await;
    }
}

/// Of a stock record before the trouble and twenty sales in the midst of it, each counts once; no password is told.
async fn counts_on(mut worker: Process, env: &TestEnv, passwords: [&str; 2]) {
    worker.ready().await;
    let checkpoints = env.applied().await;
    assert_eq!(checkpoints.iter().map(|checkpoint| checkpoint.events).sum::<i64>(), 21);
    assert_eq!(env.snapshot().await.products[0].units, 20);
    let said = worker.said().join("\n");
    assert!(passwords.iter().all(|password| !said.contains(password)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_password_that_changes_during_work_stops_nothing_for_good() {
    let Some((secured, env)) = env().await else { return };
    let login = Login::new(&env);
    login.at_the_broker("First-1");
    login.in_the_file("First-1");
    login.allow("Read", true);
    let mut worker = env.start("worker", login.settings(&secured));
    worker.ready().await;
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 100)).await;
    env.applied().await;
    login.at_the_broker("Second-2");
    worker.waits_for(&[&secured.sasl_ssl, "refuses the sign-in", "kafka.security.sasl"]).await;
    sell_twenty(&env).await;
    login.in_the_file("Second-2");
    counts_on(worker, &env, ["First-1", "Second-2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_that_are_needed_are_enough_and_each_that_is_missing_is_told() {
    let Some((secured, env)) = env().await else { return };
    let login = Login::new(&env);
    login.at_the_broker("Word-1");
    login.in_the_file("Word-1");
    let start = || env.start("worker", login.settings(&secured));
    let topic = env.setting("/kafka/topics/sales/name");
    let not_readable = ["does not let this user read topic", topic, "kafka-acls.sh"];
    start().refused(&not_readable).await;
    login.allow("Describe", false);
    start().refused(&not_readable).await;
    login.allow("Read", false);
    let mut worker = start();
    worker.waits_for(&["does not let this user read in group", env.name(), "kafka-acls.sh"]).await;
    login.allow("Read", true);
    worker.ready().await;
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 100)).await;
    let checkpoints = env.applied().await;
    assert_eq!(checkpoints.iter().map(|checkpoint| checkpoint.events).sum::<i64>(), 1);
    let import = || env.import_by(&sample("data/odd-rows.csv"), login.settings(&secured));
    import().refused(&["failed to send events", "kafka-acls.sh", "--operation Write", topic]).await;
    login.allow("Write", false);
    let (code, said) = import().outcome().await;
    assert_eq!(code, 3, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_password_that_changes_during_work_stops_nothing_for_good() {
    let Some((secured, env)) = env().await else { return };
    let admin = env.database.raw.client().database("admin");
    let roles =
        [doc! { "role": "clusterAdmin", "db": "admin" }, doc! { "role": "readWriteAnyDatabase", "db": "admin" }];
    let user = doc! { "createUser": env.name(), "pwd": "First-1234", "roles": roles.to_vec() };
    admin.run_command(user).await.unwrap();
    // A connection that stands is not asked for a password again: cut it.
    let relay = Relay::to(&secured.mongodb, true).await;
    let uri = |password: &str| env.file("uri", &secured.uri(&env, &relay.address, env.name(), password));
    let mongodb = json!({ "uriFile": uri("First-1234"), "tls": { "caFile": secured.file("ca.crt") } });
    let mut worker = env.start("worker", json!({ "mongodb": mongodb }));
    worker.ready().await;
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 100)).await;
    env.applied().await;
    admin.run_command(doc! { "updateUser": env.name(), "pwd": "Second-1234" }).await.unwrap();
    relay.set_open(false);
    relay.set_open(true);
    sell_twenty(&env).await;
    worker.waits_for(&[&relay.address, "refuses the sign-in", "mongodb.uri"]).await;
    uri("Second-1234");
    counts_on(worker, &env, ["First-1234", "Second-1234"]).await;
    admin.run_command(doc! { "dropUser": env.name() }).await.unwrap();
}
