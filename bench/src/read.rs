use std::time::{Duration, Instant};

use clap::Args;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use stockstream_kafka::client_config;
use stockstream_model::{event::Stream, settings::Settings};
use stockstream_store::{MongoStore, StateStore};

use crate::Result;

const PATIENCE: Duration = Duration::from_secs(10);

fn consumer(settings: &Settings) -> Result<BaseConsumer> {
    let mut config = client_config(&settings.kafka)?;
    config.set("group.id", "bench").set("enable.auto.commit", "false").set("fetch.queue.backoff.ms", "10");
    Ok(config.set("queued.max.messages.kbytes", "32768").create()?)
}

/// The ends of the sales topic's partitions, and how many offsets that is.
fn ends(consumer: &BaseConsumer, settings: &Settings) -> Result<(TopicPartitionList, i64)> {
    let topic = &settings.kafka.topics.of(Stream::Sales).name;
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let partitions = metadata.topics().first().map_or(0, |t| t.partitions().len() as i32);
    let (mut list, mut total) = (TopicPartitionList::new(), 0);
    for partition in 0..partitions {
        let (first, end) = consumer.fetch_watermarks(topic, partition, PATIENCE)?;
        list.add_partition_offset(topic, partition, Offset::Offset(first))?;
        total += end - first;
    }
    Ok((list, total))
}

/// Reads the sales topic from beginning to end and does nothing: the limit.
pub(crate) fn read(settings: &Settings) -> Result<()> {
    let consumer = consumer(settings)?;
    let (list, total) = ends(&consumer, settings)?;
    consumer.assign(&list)?;
    let (mut seen, mut began) = (0, None);
    while seen < total {
        if let Some(message) = consumer.poll(PATIENCE) {
            message?;
            began.get_or_insert_with(Instant::now);
            seen += 1;
        }
    }
    let seconds = began.map_or(0.0, |began| began.elapsed().as_secs_f64());
    println!("read-only: {seen} events in {seconds:.1} s: {:.0} events/s", seen as f64 / seconds);
    Ok(())
}

/// Waits for the worker.
#[derive(Args)]
pub(crate) struct Drain {
    /// How many sales were there before the worker started
    #[arg(long, default_value_t = 2_000_000)]
    sales: i64,
}

impl Drain {
    pub async fn run(&self, settings: &Settings) -> Result<()> {
        let store = MongoStore::connect(settings).await?;
        let mut began = None;
        loop {
            let sales = store.checkpoints().await?.into_iter().filter(|c| c.id.stream == Stream::Sales);
            let (applied, claimed) = sales.fold((0, false), |(n, any), c| (n + c.events, any || c.version > 0));
            if claimed {
                began.get_or_insert_with(Instant::now);
            }
            if applied >= self.sales {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let seconds = began.map_or(0.0, |began: Instant| began.elapsed().as_secs_f64());
        println!(
            "worker: {} sales applied in {seconds:.1} s from its first claim: {:.0} events/s",
            self.sales,
            self.sales as f64 / seconds
        );
        Ok(())
    }
}
