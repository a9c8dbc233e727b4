use std::io::{BufWriter, stdout};

use stockstream_kafka::Producer;
use stockstream_model::event::EventKind;
use tokio_util::sync::CancellationToken;

use super::targets::prepare_targets;
use crate::{
    args,
    exit::{Failure, Outcome},
    feed::{FLUSH, KafkaSink, WriterSink, generate},
    logging, settings, signals,
};

/// Writes the made-up shop's events until a signal or the count ends it.
pub(crate) fn run(args: &args::Generate) -> Result<Outcome, Failure> {
    logging::start("warn");
    let settings = settings::load(&args.connect)?;
    let topics = &settings.kafka.topics;
    if args.stdout {
        let mut sink = WriterSink { writer: BufWriter::new(stdout().lock()), topics };
        generate(&args.shop, &mut sink, args.count, &CancellationToken::new())?;
        return Ok(Outcome::Done);
    }
    let runtime =
        tokio::runtime::Runtime::new().map_err(|source| Failure::Io { action: "start the runtime".into(), source })?;
    let stop = runtime.block_on(async { signals::shutdown() })?;
    prepare_targets(&settings, EventKind::ALL)?;
    let producer = Producer::new(&settings.kafka, |_| {})?;
    let sent = generate(&args.shop, &mut KafkaSink { producer: &producer, topics }, args.count, &stop);
    producer.flush(FLUSH)?;
    println!("{} events sent to Kafka at {}", sent?, settings.kafka.bootstrap_servers.join(","));
    Ok(Outcome::Done)
}
