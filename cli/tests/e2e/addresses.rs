//! Addresses that cannot be used are refused at once with what to write; a port that refuses is told soon.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Process, TestEnv, sample};

/// A sentence about an address comes within 5 s; the machine may be busy. It was a minute once.
const SOON: Duration = Duration::from_secs(20);

/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:1";

async fn refused(arguments: &[&str], words: &[&str]) {
    let began = Instant::now();
    let said = Process::start(arguments).refused(words).await;
    assert!(!said.contains("hunter2"), "{said}");
    assert!(began.elapsed() < SOON, "{arguments:?}: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_kafka_that_cannot_be_used_is_refused_at_once_by_every_command() {
    let file = sample("data/odd-rows.csv");
    let import = ["import", file.to_str().unwrap()];
    let dashboard = ["dashboard", "--listen", "127.0.0.1:0", "--mongodb", "mongodb://127.0.0.1:1/db"];
    let worker = ["worker", "--listen", "127.0.0.1:0", "--mongodb", "mongodb://127.0.0.1:1/db"];
    let up = ["up", "--listen", "127.0.0.1:0"];
    for (address, words) in [
        (
            "SASL_SSL://127.0.0.1:19291",
            &["leave out SASL_SSL://", "write 127.0.0.1:19291", "kafka.security.protocol"][..],
        ),
        ("PLAINTEXT://127.0.0.1:19291", &["leave out PLAINTEXT://", "write 127.0.0.1:19291"]),
        ("kafka://127.0.0.1:19291", &["leave out kafka://", "write 127.0.0.1:19291"]),
        ("http://127.0.0.1:19291", &["leave out http://", "write 127.0.0.1:19291"]),
        ("127.0.0.1:19291;127.0.0.1:19292", &["by commas: 127.0.0.1:19291,127.0.0.1:19292"]),
        ("kafka", &["names no port", "kafka:9092"]),
        ("kafka://shop:hunter2@127.0.0.1:19291", &["leave out kafka://", "write 127.0.0.1:19291"]),
    ] {
        for command in [&import[..], &dashboard, &worker, &up] {
            let words = [&["kafka.bootstrapServers"][..], words].concat();
            refused(&[command, &["--kafka", address]].concat(), &words).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_mongodb_is_understood_or_refused_at_once() {
    for (address, words) in [
        ("mongodb://127.0.0.1:19292/db?compressors=zstd", ["MongoDB address", "leave compressors out"]),
        ("http://127.0.0.1:19292/db", ["http:// is not MongoDB's", "mongodb://host:27017/stock_management"]),
        ("mongodb://u:hunter2@127.0.0.1:1;127.0.0.1:2/db", ["';'", "commas"]),
    ] {
        refused(&["dashboard", "--listen", "127.0.0.1:0", "--mongodb", address], &words).await;
        refused(&["up", "--listen", "127.0.0.1:0", "--mongodb", address], &words).await;
    }
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let uri = env.setting("/mongodb/uri");
    let (address, query) = uri.split_once('?').map_or((uri, String::new()), |(a, q)| (a, format!("&{q}")));
    let understood = format!(" {address}?authMechanism=DEFAULT{query}\n");
    let mut worker = env.start("worker", json!({ "mongodb": { "uri": understood } }));
    worker.ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_is_unknown_is_named_with_the_nearest_wherever_it_is_given() {
    let file = std::env::temp_dir().join(format!("stockstream-snake-{}.yaml", std::process::id()));
    std::fs::write(&file, "kafka:\n  bootstrap_servers: [127.0.0.1:19290]\n").unwrap();
    let config = file.to_str().unwrap();
    refused(&["worker", "--config", config], &["kafka.bootstrap_servers", "kafka.bootstrapServers", config]).await;
    std::fs::write(&file, "kafka:\n  bootstrapServers: 127.0.0.1:19290\n").unwrap();
    refused(&["worker", "--config", config], &["kafka.bootstrapServers", "expected a list, such as", config]).await;
    std::fs::write(&file, "limits:\n  batchKeys: 0\n").unwrap();
    refused(&["worker", "--config", config], &["limits.batchKeys is 0", config, "variables and flags"]).await;
    let unknown = [("STOCKSTREAM_KAFKA_BOOTSTRAP_SERVER", "127.0.0.1:1"), ("STOCKSTREAM_FROBNICATE", "1")];
    let words = ["STOCKSTREAM_KAFKA_BOOTSTRAP_SERVER sets nothing", "_BOOTSTRAP_SERVERS", "STOCKSTREAM_FROBNICATE"];
    let worker = ["worker", "--listen", "127.0.0.1:0"];
    for command in [&worker[..], &["operator", "--image", "x"], &["generate", "--stdout"], &["up"]] {
        Process::start_in(command, &unknown).refused(&words).await;
    }
    std::fs::remove_file(file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_services_and_of_every_command_keep_none_from_its_work() {
    let variables = [
        ("STOCKSTREAM_DB_SERVICE_HOST", "10.0.0.1"),
        ("STOCKSTREAM_DB_SERVICE_PORT", "5432"),
        ("STOCKSTREAM_DB_PORT", "tcp://10.0.0.1:5432"),
        ("STOCKSTREAM_DB_PORT_5432_TCP_ADDR", "10.0.0.1"),
        ("STOCKSTREAM_LISTEN", "127.0.0.1:0"),
        ("STOCKSTREAM_WATCH_NAMESPACES", "shop"),
        ("STOCKSTREAM_DATA", "/data"),
    ];
    let (code, said) = Process::start_in(["generate", "--stdout", "--count", "3"], &variables).outcome().await;
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_in_the_environment_that_are_not_used_are_named() {
    let variables = [("MONGODB_URI", "mongodb://127.0.0.1:1/db"), ("KAFKA_BOOTSTRAP_SERVERS", NOBODY)];
    let mut up = Process::start_in(["up", "--listen", "127.0.0.1:0"], &variables);
    assert!(up.says("MONGODB_URI is not used").await.contains("--mongodb URI"));
    assert!(up.says("KAFKA_BOOTSTRAP_SERVERS is not used").await.contains("--kafka HOST:PORT"));
    up.says("a made-up shop").await;
    up.signal("TERM");
    assert_eq!(up.outcome().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_a_person_waits_for_ends_where_the_database_does_not_answer() {
    let reset = |uri: &str| Process::start(["pipeline", "reset", "sales/0", "--to", "latest", "--mongodb", uri]);
    let closed = reset("mongodb://127.0.0.1:1/db");
    closed.refused(&["failed to reach MongoDB", "127.0.0.1:1", "nothing was changed"]).await;
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let uri = env.setting("/mongodb/uri");
    let other = format!("{uri}{}replicaSet=another", if uri.contains('?') { '&' } else { '?' });
    reset(&other).refused(&["no member of the replica set \"another\"", "correct replicaSet"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_missing_is_named_with_what_makes_it_before_anything_is_sent() {
    let Some(env) = TestEnv::without_topics(json!({})).await else { return };
    let settings = env.settings(json!({}));
    let file = sample("data/odd-rows.csv");
    let import = ["import", file.to_str().unwrap(), "--config", settings.to_str().unwrap()];
    let generate = ["generate", "--config", settings.to_str().unwrap()];
    let topic = |stream: &str| env.setting(&format!("/kafka/topics/{stream}/name"));
    let names = ["sales", "inventory", "clients"].map(topic);
    refused(&import, &[names[0], "does not exist", "kafka-topics.sh", "--create"]).await;
    let all = [&names[..], &["do not exist", "make them with: kafka-topics.sh", "--create"]].concat();
    refused(&generate, &all).await;
    // Of the others nothing is wanted.
    env.kafka.create(stockstream_model::event::EventKind::Sales, 1, &[]).await;
    let (_, said) = Process::start(import).outcome().await;
    assert!(said.contains("events sent to Kafka"), "{said}");
    // Where the settings say so, the others are made.
    let made = env.settings(json!({ "kafka": { "topicPolicy": "Create" } }));
    let generate = ["generate", "--count", "3", "--config", made.to_str().unwrap()];
    let (code, said) = Process::start(generate).outcome().await;
    assert!(code == 0 && said.contains(&format!("topics made: {}, {}", names[1], names[2])), "{said}");
}

/// Waits for what a process says, and that it comes soon.
async fn says_soon(mut process: Process, words: &str) {
    let began = Instant::now();
    let said = process.says(words).await;
    assert!(began.elapsed() < SOON, "{said}: {:?}", began.elapsed());
    assert!(said.contains("refused") && said.contains(NOBODY), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_refuses_is_told_soon_by_every_command_that_connects() {
    let listen = ["--listen", "127.0.0.1:0"];
    let nowhere = "mongodb://127.0.0.1:1/db";
    let file = sample("data/odd-rows.csv");
    let words = ["failed to reach Kafka", NOBODY, "refused", "kafka.bootstrapServers"];
    refused(&["import", file.to_str().unwrap(), "--kafka", NOBODY], &words).await;
    refused(&["generate", "--kafka", NOBODY], &words).await;
    let start = |arguments: &[&str]| Process::start([arguments, &listen].concat());
    says_soon(start(&["worker", "--kafka", NOBODY, "--mongodb", nowhere]), "failed to reach Kafka").await;
    says_soon(start(&["up", "--kafka", NOBODY]), "failed to reach Kafka").await;
    says_soon(start(&["up", "--mongodb", nowhere]), "failed to reach MongoDB").await;
    says_soon(start(&["dashboard", "--mongodb", nowhere]), "failed to reach MongoDB").await;
    let enter = ["dashboard", "--enter", "--kafka", NOBODY, "--mongodb", nowhere];
    says_soon(start(&enter), "failed to reach Kafka").await;
}
