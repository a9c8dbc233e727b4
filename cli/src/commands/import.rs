use std::time::Instant;

use stockstream_input::{Import, ImportOptions, Mapping, Summary};
use stockstream_kafka::Producer;

use super::import_options;
use crate::{
    args,
    exit::{Failure, Outcome},
    feed::{FLUSH, Sink, ToKafka},
    logging, settings,
};

/// Publishes a file to the topics, and says what was left out.
pub(crate) fn run(args: &args::Import) -> Result<Outcome, Failure> {
    logging::start("warn");
    let settings = settings::load(&args.connect)?;
    let options = ImportOptions { mapping: Mapping::parse(&args.mapping)?, ..import_options(&args.derive, false) };
    let import = Import::open(&args.file, options)?;
    let producer = Producer::new(&settings.kafka, |_| {})?;
    let began = Instant::now();
    let mut sink = ToKafka { producer: &producer, topics: &settings.kafka.topics };
    for event in import.events()? {
        sink.send(&event?)?;
    }
    producer.flush(FLUSH)?;
    let (sent, servers) = (producer.delivered(), settings.kafka.bootstrap_servers.join(","));
    println!("{sent} events sent to Kafka at {servers} in {:.1} s", began.elapsed().as_secs_f64());
    Ok(left_out(import.summary()))
}

/// Lists the rows that cannot become events.
pub(super) fn left_out(summary: &Summary) -> Outcome {
    if summary.bad_rows == 0 {
        return Outcome::Done;
    }
    eprintln!(
        "{} of {} rows cannot become an event and were left out:",
        summary.bad_rows,
        summary.rows + summary.bad_rows + summary.held_rows
    );
    for row in &summary.bad {
        eprintln!("  {}: {}", row.place(), row.reason());
    }
    let more = summary.bad_rows - summary.bad.len() as u64;
    if more > 0 {
        eprintln!("  … and {more} more");
    }
    if summary.held_rows > 0 {
        eprintln!("{} good rows of the same invoices were held back with them", summary.held_rows);
    }
    Outcome::InputLeftOut
}
