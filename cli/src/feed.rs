//! Sending events to Kafka: as fast as it takes them, at a rate, or at the pace of consumption.

use std::{
    collections::VecDeque,
    io::{self, Write},
    time::{Duration, Instant},
};

use stockstream_input::{Generator, GeneratorOptions, OutboundEvent};
use stockstream_kafka::Producer;
use stockstream_model::{Timestamp, settings::Topics};
use tokio_util::sync::CancellationToken;

use crate::{args::GeneratorArgs, exit::Failure};

/// How long the last events may take to be acknowledged.
pub(crate) const FLUSH: Duration = Duration::from_secs(60);

/// Where events go.
pub(crate) trait Sink {
    /// Takes an event; may wait.
    fn send(&mut self, event: &OutboundEvent) -> Result<(), Failure>;
}

/// To Kafka.
pub(crate) struct KafkaSink<'a> {
    pub producer: &'a Producer,
    pub topics: &'a Topics,
}

impl Sink for KafkaSink<'_> {
    fn send(&mut self, event: &OutboundEvent) -> Result<(), Failure> {
        Ok(self.producer.send(&self.topics.of(event.stream).name, &event.key, &event.payload)?)
    }
}

/// To a writer: topic, key and event, separated by tabs.
pub(crate) struct WriterSink<'a, W> {
    pub writer: W,
    pub topics: &'a Topics,
}

impl<W: Write> Sink for WriterSink<'_, W> {
    fn send(&mut self, event: &OutboundEvent) -> Result<(), Failure> {
        let written = (|| {
            write!(self.writer, "{}\t{}\t", self.topics.of(event.stream).name, event.key)?;
            self.writer.write_all(&event.payload)?;
            writeln!(self.writer)
        })();
        written.map_err(|source: io::Error| Failure::Io { action: "write the event".into(), source })
    }
}

/// Keeps what was sent and not yet counted below a bound: a broker that forgets its oldest data must be fed at the pace
/// of consumption.
pub(crate) struct ThrottledSink<S, F> {
    sink: S,
    /// How many of the events sent were counted.
    counted: F,
    known: u64,
    under_way: VecDeque<usize>,
    bytes: usize,
    bound: usize,
    stop: CancellationToken,
}

impl<S: Sink, F: Fn() -> u64> ThrottledSink<S, F> {
    pub fn new(sink: S, bound: usize, counted: F, stop: CancellationToken) -> Self {
        Self { sink, counted, known: 0, under_way: VecDeque::new(), bytes: 0, bound, stop }
    }

    fn settle(&mut self) {
        let counted = (self.counted)();
        for _ in self.known..counted {
            self.bytes -= self.under_way.pop_front().unwrap_or(0);
        }
        self.known = counted;
    }
}

impl<S: Sink, F: Fn() -> u64> Sink for ThrottledSink<S, F> {
    fn send(&mut self, event: &OutboundEvent) -> Result<(), Failure> {
        while self.bytes > 0 && self.bytes + event.payload.len() > self.bound && !self.stop.is_cancelled() {
            self.settle();
            if self.bytes + event.payload.len() > self.bound {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        self.under_way.push_back(event.payload.len());
        self.bytes += event.payload.len();
        self.sink.send(event)
    }
}

/// The made-up shop's events at a rate, its first records at once; until told to stop or so many are sent. Returns how
/// many.
pub(crate) fn generate(
    shop: &GeneratorArgs,
    sink: &mut impl Sink,
    count: Option<u64>,
    stop: &CancellationToken,
) -> Result<u64, Failure> {
    let options = GeneratorOptions {
        products: shop.products,
        clients: shop.clients,
        ..GeneratorOptions::new(shop.seed, Timestamp::now())
    };
    let mut generator = Generator::new(options);
    let at_once = generator.initial_events();
    let began = Instant::now();
    let mut sent = 0;
    while !stop.is_cancelled() && count.is_none_or(|count| sent < count) {
        let due = match sent.checked_sub(at_once) {
            Some(later) => Duration::from_secs_f64(later as f64 / f64::from(shop.rate.max(1))),
            None => Duration::ZERO,
        };
        if let Some(early) = due.checked_sub(began.elapsed()) {
            std::thread::sleep(early.min(Duration::from_millis(100)));
            continue;
        }
        sink.send(&generator.next(Timestamp::now()))?;
        sent += 1;
    }
    Ok(sent)
}
