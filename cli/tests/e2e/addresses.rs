//! Addresses that cannot be used are refused at once with what to write; a port that refuses is told soon.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Bed, Process, sample};

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
    let Some(bed) = Bed::new(json!({})).await else { return };
    let uri = bed.setting("/mongodb/uri");
    let (address, query) = uri.split_once('?').map_or((uri, String::new()), |(a, q)| (a, format!("&{q}")));
    let understood = format!(" {address}?authMechanism=DEFAULT{query}\n");
    let mut worker = bed.start("worker", json!({ "mongodb": { "uri": understood } }));
    worker.ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_is_unknown_is_named_with_the_nearest_wherever_it_is_given() {
    let file = std::env::temp_dir().join(format!("stockstream-snake-{}.yaml", std::process::id()));
    std::fs::write(&file, "kafka:\n  bootstrap_servers: [127.0.0.1:19290]\n").unwrap();
    let config = file.to_str().unwrap();
    refused(&["worker", "--config", config], &["kafka.bootstrap_servers", "kafka.bootstrapServers"]).await;
    let misspelt = [("STOCKSTREAM_KAFKA_BOOTSTRAP_SERVER", "127.0.0.1:1")];
    let words = ["STOCKSTREAM_KAFKA_BOOTSTRAP_SERVER:", "STOCKSTREAM_KAFKA_BOOTSTRAP_SERVERS"];
    Process::start_in(["worker", "--listen", "127.0.0.1:0"], &misspelt).refused(&words).await;
    std::fs::remove_file(file).unwrap();
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
