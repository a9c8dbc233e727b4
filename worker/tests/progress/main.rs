//! A partition that does not move is seen: a whole worker on librdkafka's in-process broker, which speaks the real protocol
//! and stores whatever batches it is given.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod batch;
mod memory;
mod test_env;

use batch::{Batch, Broken};
use rdkafka::types::RDKafkaRespErr;
use stockstream_model::documents::Heartbeat;
use test_env::TestEnv;

/// What is broken stops its partition at its place: what came before counts, nothing behind it does, others go on.
async fn stops(broken: Broken, words: &[&str]) {
    let env = TestEnv::new().await;
    env.produce(0, &[Batch::sale("before")]).await;
    env.applied("sales/0", 1).await;
    // In one request, so that a client that fetches the broken batch fetches the one behind it, too.
    env.produce(0, &[Batch::sale("broken").broken(broken), Batch::sale("behind")]).await;
    env.is_told(&[&["sales/0 stopped at offset 1", "kafka.onLostOffsets"][..], words].concat()).await;
    env.produce(1, &[Batch::sale("other")]).await;
    env.applied("sales/1", 1).await;
    assert_eq!(env.clients().await, ["before", "other"]);
    assert_eq!(env.next("sales/0").await, 1);
    env.stays_ready().await;
    env.measures(r#"stockstream_stalled{stream="sales",partition="0"} 1"#).await;
    env.measures(r#"stockstream_stalled{stream="sales",partition="1"} 0"#).await;
    // What waits behind it is still counted, so that an alert on it goes off.
    env.measures(r#"stockstream_stopped{stream="sales",partition="0"} 1"#).await;
    env.measures(r#"stockstream_stopped{stream="sales",partition="1"} 0"#).await;
    env.measures(r#"stockstream_lag{stream="sales",partition="0"} 2"#).await;
    env.produce(0, &[Batch::sale("later")]).await;
    env.measures(r#"stockstream_lag{stream="sales",partition="0"} 3"#).await;
    env.measures(r#"stockstream_position{stream="sales",partition="0"} 1"#).await;
    let is_told = |heartbeat: &Heartbeat| heartbeat.problems.iter().any(|told| told.starts_with("sales/0 stopped"));
    // It does not pass by itself, so it is no stall.
    env.heartbeat_with(|heartbeat| is_told(heartbeat) && heartbeat.stalls.is_empty()).await;
    env.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_checksum_does_not_fit_stops_its_partition_and_nothing_is_left_out() {
    stops(Broken::Checksum, &["CRC32C"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_an_unknown_codec_stops_its_partition() {
    stops(Broken::Codec, &["codec 0x7"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_says_an_offset_behind_the_log_stops_its_partition() {
    stops(Broken::Offset, &["its offset is 65", "the log ends at"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_batch_at_the_end_of_a_log_is_seen_too() {
    let env = TestEnv::new().await;
    env.produce(0, &[Batch::sale("broken").broken(Broken::Checksum)]).await;
    env.is_told(&["sales/0 stopped at offset 0", "CRC32C"]).await;
    env.stays_ready().await;
    env.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_away_is_told_until_it_is_back_and_nothing_of_partitions_that_others_lead() {
    let env = TestEnv::new().await;
    // The first broker leads all others, and the group.
    env.cluster().partition_leader(env.topic(), 0, Some(2)).unwrap();
    env.produce(0, &[Batch::sale("before")]).await;
    env.applied("sales/0", 1).await;
    env.cluster().broker_down(2).unwrap();
    env.is_told(&["sales/0 does not move", "broker 2, which leads it, does not answer"]).await;
    let heartbeat = env.heartbeat_with(|heartbeat| !heartbeat.stalls.is_empty()).await;
    assert_eq!(heartbeat.stalls, heartbeat.problems);
    assert_eq!(heartbeat.problems.len(), 1, "{heartbeat:?}");
    env.stays_ready().await;
    env.produce(1, &[Batch::sale("other")]).await;
    env.applied("sales/1", 1).await;
    env.cluster().broker_up(2).unwrap();
    env.is_well().await;
    env.produce(0, &[Batch::sale("behind")]).await;
    env.applied("sales/0", 2).await;
    env.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_without_a_leader_at_a_start_is_told_and_keeps_no_other_waiting() {
    let mut env = TestEnv::new().await;
    env.produce(0, &[Batch::sale("before")]).await;
    env.applied("sales/0", 1).await;
    env.restart(|env| env.cluster().partition_leader(env.topic(), 0, None).unwrap()).await;
    env.is_told(&["sales/0 is not read until its leader answers"]).await;
    env.produce(1, &[Batch::sale("other")]).await;
    env.applied("sales/1", 1).await;
    env.measures(r#"stockstream_stalled{stream="sales",partition="0"} 1"#).await;
    env.measures(r#"stockstream_stopped{stream="sales",partition="0"} 1"#).await;
    env.cluster().partition_leader(env.topic(), 0, Some(1)).unwrap();
    env.produce(0, &[Batch::sale("behind")]).await;
    env.applied("sales/0", 2).await;
    env.is_well().await;
    env.measures(r#"stockstream_stopped{stream="sales",partition="0"} 0"#).await;
    env.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_told_until_it_is_back() {
    let env = TestEnv::new().await;
    env.produce(0, &[Batch::sale("before")]).await;
    env.applied("sales/0", 1).await;
    env.cluster().broker_down(-1).unwrap();
    env.is_told(&["sales/0", "failed to reach Kafka", "kafka.bootstrapServers"]).await;
    env.cluster().broker_up(-1).unwrap();
    env.is_well().await;
    env.produce(0, &[Batch::sale("behind")]).await;
    env.applied("sales/0", 2).await;
    env.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_may_not_be_read_any_more_is_told() {
    let env = TestEnv::new().await;
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    env.cluster().topic_error(env.topic(), refusal).unwrap();
    env.is_told(&["does not let this user read topic", env.topic(), "kafka-acls.sh"]).await;
    env.cluster().topic_error(env.topic(), RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    env.is_well().await;
    env.end().await;
}
