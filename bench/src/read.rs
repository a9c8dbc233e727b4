use std::time::{Duration, Instant};

use clap::Args;
use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
};
use stockstream_kafka::{HasRecords, Reader, Records, client_config, forward};
use stockstream_model::{event::EventKind, settings::Settings};

use crate::Result;

const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the sales topic from beginning to end and does nothing: the limit.
#[derive(Args)]
pub(crate) struct Read {
    /// How many threads, with a client and a share of the partitions each
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// By batches, as a worker does, instead of one by one
    #[arg(long)]
    batches: bool,
}

/// How many records a batch has at most.
const AT_ONCE: usize = 100;

/// Where the records of a reader by batches go.
#[derive(Default)]
struct Forwarding(Records);

impl ClientContext for Forwarding {}
impl ConsumerContext for Forwarding {}
impl HasRecords for Forwarding {
    fn records(&self) -> &Records {
        &self.0
    }
}

fn config(settings: &Settings) -> Result<ClientConfig> {
    let mut config = client_config(&settings.kafka)?;
    config.set("group.id", "bench").set("enable.auto.commit", "false").set("fetch.queue.backoff.ms", "10");
    config.set("queued.max.messages.kbytes", "32768");
    Ok(config)
}

impl Read {
    pub fn run(&self, settings: &Settings) -> Result<()> {
        let topic = &settings.kafka.topics.of(EventKind::Sales).name;
        let metadata_client: BaseConsumer = config(settings)?.create()?;
        let metadata = metadata_client.fetch_metadata(Some(topic), PATIENCE)?;
        let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len() as i32);
        let mut shares: Vec<(TopicPartitionList, i64)> = vec![Default::default(); self.threads];
        for partition in 0..partitions {
            let (first, end) = metadata_client.fetch_watermarks(topic, partition, PATIENCE)?;
            let (list, total) = &mut shares[partition as usize % self.threads];
            list.add_partition_offset(topic, partition, Offset::Offset(first))?;
            *total += end - first;
        }
        let total: i64 = shares.iter().map(|(_, total)| total).sum();
        let times = std::thread::scope(|scope| {
            let threads: Vec<_> =
                shares.iter().map(|(list, total)| scope.spawn(|| self.read(settings, list, *total))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| "a reader ended badly")?)
                .collect::<Result<Vec<_>>>()
        })?;
        let (first, last) = (times.iter().map(|(began, _)| began).min(), times.iter().map(|(_, ended)| ended).max());
        let seconds = first.zip(last).map_or(0.0, |(first, last)| (*last - *first).as_secs_f64());
        println!(
            "librdkafka doing nothing{}, threads: {}: {total} events in {seconds:.2} s, {:.0} events/s",
            if self.batches { ", by batches" } else { "" },
            self.threads,
            total as f64 / seconds
        );
        Ok(())
    }

    fn read(&self, settings: &Settings, list: &TopicPartitionList, total: i64) -> Result<(Instant, Instant)> {
        let config = config(settings)?;
        if self.batches {
            read_batches(&Reader::new(config.create_with_context(Forwarding::default())?)?, list, total)
        } else {
            read(&config.create()?, list, total)
        }
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

/// The same, by batches.
fn read_batches(reader: &Reader<Forwarding>, list: &TopicPartitionList, total: i64) -> Result<(Instant, Instant)> {
    forward(reader, list);
    reader.assign(list)?;
    let (mut seen, mut began) = (0, None);
    while seen < total {
        while reader.has_events() {
            reader.poll(Duration::ZERO).transpose()?;
        }
        let batch = reader.read(PATIENCE, AT_ONCE);
        for record in batch.iter() {
            record.map_err(|failure| failure.words)?;
            began.get_or_insert_with(Instant::now);
            seen += 1;
        }
    }
    let now = Instant::now();
    Ok((began.unwrap_or(now), now))
}
