//! Where a new pipeline starts, and what becomes of partitions and topics that are made later, and of events that are lost.

use serde_json::{Value, json};
use stockstream_model::{documents::PartitionId, event::Stream};
use stockstream_store::StateStore;

use crate::harness::{Bed, events::sale, eventually, holds, http, kafka::Event};

/// A millisecond of the year 2026, for records that state when they were produced.
const TIME: i64 = 1_767_225_600_000;

fn sold(quantity: i64) -> Value {
    sale("1", "2026-01-01", "a", quantity, "1.00")
}

async fn bed(start_from: &str) -> Option<Bed> {
    Bed::new(json!({ "kafka": { "startFrom": start_from } })).await
}

async fn units(bed: &Bed) -> i64 {
    bed.applied().await;
    bed.snapshot().await.products.iter().map(|product| product.units).sum()
}

async fn sell(bed: &Bed, partition: i32, quantity: i64, timestamp: Option<i64>) {
    let payload = sold(quantity).to_string();
    let event = Event { payload: Some(payload.as_bytes()), partition: Some(partition), timestamp };
    bed.kafka.send(Stream::Sales, &event).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_counts_what_is_produced_after_ready_and_nothing_before() {
    let Some(bed) = bed("latest").await else { return };
    sell(&bed, 0, 1, None).await;
    sell(&bed, 1, 10, None).await;
    let mut worker = bed.worker();
    worker.ready().await;
    sell(&bed, 0, 100, None).await;
    sell(&bed, 1, 1_000, None).await;
    assert_eq!(units(&bed).await, 1_100);
    // Where it began is settled: what comes while no worker is there counts too, whatever the setting says.
    worker.kill();
    sell(&bed, 0, 10_000, None).await;
    let _worker = bed.start("worker", json!({ "kafka": { "startFrom": "earliest" } }));
    assert_eq!(units(&bed).await, 11_100);
}

#[tokio::test(flavor = "multi_thread")]
async fn earliest_counts_everything_there_is() {
    let Some(bed) = bed("earliest").await else { return };
    sell(&bed, 0, 1, None).await;
    sell(&bed, 1, 10, None).await;
    let _worker = bed.worker();
    assert_eq!(units(&bed).await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_counts_what_was_produced_then_and_later() {
    let Some(bed) = bed("2026-01-01T00:00:10Z").await else { return };
    for (second, quantity) in [(9, 1), (10, 10), (11, 100)] {
        sell(&bed, 0, quantity, Some(TIME + second * 1_000)).await;
    }
    sell(&bed, 1, 1_000, Some(TIME)).await;
    let mut worker = bed.worker();
    worker.ready().await;
    assert_eq!(units(&bed).await, 110);
    sell(&bed, 1, 10_000, Some(TIME)).await; // behind the log's end at the start: new, whatever its timestamp
    assert_eq!(units(&bed).await, 10_110);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_added_later_counts_from_its_beginning() {
    let Some(bed) = bed("latest").await else { return };
    let mut worker = bed.worker();
    worker.ready().await;
    bed.kafka.grow(Stream::Sales, 3).await;
    eventually("the partition is there", async || {
        let partitions = bed.kafka.partitions(Stream::Sales);
        holds(partitions == 3, || format!("{partitions} partitions"))
    })
    .await;
    sell(&bed, 2, 7, None).await; // the worker cannot know of it yet
    assert_eq!(units(&bed).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_topics_are_made_where_that_is_asked_for_and_others_stay_as_they_are() {
    let topics = json!({ "sales": { "partitions": 4, "replicationFactor": 1 }, "clients": { "partitions": 2 } });
    let Some(bed) = Bed::without_topics(json!({ "kafka": { "topicPolicy": "Create", "topics": topics } })).await else {
        return;
    };
    bed.kafka.create(Stream::Clients, 3, &[]).await;
    let mut worker = bed.worker();
    worker.ready().await;
    let partitions = Stream::ALL.map(|stream| bed.kafka.partitions(stream));
    assert_eq!(partitions, [4, 6, 3]);
    sell(&bed, 3, 7, None).await;
    assert_eq!(units(&bed).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_were_lost_stop_their_partition_by_name_until_somebody_lets_it_resume() {
    let Some(bed) = Bed::new(json!({ "kafka": { "onLostOffsets": "Fail" } })).await else { return };
    for (partition, quantity) in [(0, 1), (0, 10), (1, 100)] {
        sell(&bed, partition, quantity, None).await;
    }
    let mut worker = bed.worker();
    assert_eq!(units(&bed).await, 111);
    worker.signal("TERM");
    assert_eq!(worker.ended().await.code(), Some(0));
    for (partition, quantity) in [(0, 1_000), (0, 10_000), (0, 100_000), (1, 1_000_000)] {
        sell(&bed, partition, quantity, None).await;
    }
    bed.kafka.delete_before(PartitionId { stream: Stream::Sales, partition: 0 }, 4).await;

    let mut worker = bed.worker();
    let said = "Kafka has deleted the events [2, 4) of sales/0";
    assert!(worker.says(said).await.contains("onLostOffsets"));
    let address = worker.ready().await;
    eventually("the other partition goes on, and the status names what is lost", async || {
        let status = http::json(&address, "/status").await?;
        let sold: i64 = bed.snapshot().await.products.iter().map(|product| product.units).sum();
        holds(status["problems"].to_string().contains(said) && sold == 1_000_111, || format!("{sold}: {status}"))
    })
    .await;
    let checkpoints = bed.store.checkpoints().await.unwrap();
    let stopped = checkpoints.iter().find(|checkpoint| checkpoint.id.to_string() == "sales/0").unwrap();
    assert_eq!((stopped.next, stopped.pending), (2, None));

    worker.kill();
    let _worker = bed.start("worker", json!({ "kafka": { "onLostOffsets": "Resume" } }));
    assert_eq!(units(&bed).await, 1_100_111);
}
