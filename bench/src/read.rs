use std::time::{Duration, Instant};

use clap::Args;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use stockstream_kafka::client_config;
use stockstream_model::{event::Stream, settings::Settings};

use crate::Result;

const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the sales topic from beginning to end and does nothing: the limit.
#[derive(Args)]
pub(crate) struct Read {
    /// How many threads, with a client and a share of the partitions each
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

fn consumer(settings: &Settings) -> Result<BaseConsumer> {
    let mut config = client_config(&settings.kafka)?;
    config.set("group.id", "bench").set("enable.auto.commit", "false").set("fetch.queue.backoff.ms", "10");
    Ok(config.set("queued.max.messages.kbytes", "32768").create()?)
}

impl Read {
    pub fn run(&self, settings: &Settings) -> Result<()> {
        let topic = &settings.kafka.topics.of(Stream::Sales).name;
        let asker = consumer(settings)?;
        let metadata = asker.fetch_metadata(Some(topic), PATIENCE)?;
        let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len() as i32);
        let mut shares: Vec<(TopicPartitionList, i64)> = vec![Default::default(); self.threads];
        for partition in 0..partitions {
            let (first, end) = asker.fetch_watermarks(topic, partition, PATIENCE)?;
            let (list, total) = &mut shares[partition as usize % self.threads];
            list.add_partition_offset(topic, partition, Offset::Offset(first))?;
            *total += end - first;
        }
        let total: i64 = shares.iter().map(|(_, total)| total).sum();
        let times = std::thread::scope(|scope| {
            let threads: Vec<_> =
                shares.iter().map(|(list, total)| scope.spawn(|| read(&consumer(settings)?, list, *total))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| "a reader ended badly")?)
                .collect::<Result<Vec<_>>>()
        })?;
        let (first, last) = (times.iter().map(|(began, _)| began).min(), times.iter().map(|(_, ended)| ended).max());
        let seconds = first.zip(last).map_or(0.0, |(first, last)| (*last - *first).as_secs_f64());
        println!(
            "librdkafka doing nothing, threads: {}: {total} events in {seconds:.2} s, {:.0} events/s",
            self.threads,
            total as f64 / seconds
        );
        Ok(())
    }
}

/// When the first event came, and when the last.
fn read(consumer: &BaseConsumer, list: &TopicPartitionList, total: i64) -> Result<(Instant, Instant)> {
    consumer.assign(list)?;
    let (mut seen, mut began) = (0, None);
    while seen < total {
        if let Some(message) = consumer.poll(PATIENCE) {
            message?;
            began.get_or_insert_with(Instant::now);
            seen += 1;
        }
    }
    let now = Instant::now();
    Ok((began.unwrap_or(now), now))
}
