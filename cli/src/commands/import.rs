use std::time::Instant;

use stockstream_input::{DeriveInventory, Encoding, Import, ImportOptions, Mapping, Summary};
use stockstream_kafka::Producer;
use stockstream_model::{Timestamp, settings::Sales};

use super::targets::prepare_targets;
use crate::{
    args::{self, Derive, Reading, YesNo},
    exit::{Failure, Outcome},
    feed::{FLUSH, KafkaSink, Sink},
    logging,
    say::say,
    settings,
};

/// Publishes a file to the topics, and says what was left out.
pub(crate) fn run(args: &args::Import) -> Result<Outcome, Failure> {
    logging::start("warn");
    let settings = settings::load(&args.connect)?;
    let options = import_options(&args.derive, &args.reading, &settings.sales, false)?;
    let import = Import::open(&args.file, options)?;
    if args.check {
        println!("{} events would be sent; nothing was sent", import.total_events());
        return Ok(left_out(&import));
    }
    prepare_targets(&settings, import.streams())?;
    let producer = Producer::new(&settings.kafka, |_| {})?;
    let began = Instant::now();
    let mut sink = KafkaSink { producer: &producer, topics: &settings.kafka.topics };
    let mut send = || -> Result<(), Failure> {
        for event in import.events()? {
            sink.send(&event?)?;
        }
        Ok(producer.flush(FLUSH)?)
    };
    if let Err(failure) = send() {
        // What was sent before is on its way.
        let _ = producer.flush(FLUSH);
        say!(
            "{} events of the file are in Kafka already; a second import sends them again, and they count twice unless \
             sales.deduplicate is set",
            producer.delivered()
        );
        return Err(failure);
    }
    let (sent, servers) = (producer.delivered(), settings.kafka.bootstrap_servers.join(","));
    println!("{sent} events sent to Kafka at {servers} in {:.1} s", began.elapsed().as_secs_f64());
    Ok(left_out(&import))
}

/// How many ids that look alike are listed.
const SHOWN_ALIKE: usize = 10;

/// Says what of a file is in no event: sheets and columns that were not read, and rows that cannot become events; and which
/// ids may be taken for one another.
pub(super) fn left_out(import: &Import) -> Outcome {
    let summary = import.summary();
    for sheet in &summary.unread {
        say!("sheet {} was not read: {}", sheet.name, sheet.reason);
    }
    for header in summary.headers.iter().filter(|header| !header.unread.is_empty()) {
        let of = header.sheet.as_ref().map_or_else(String::new, |sheet| format!(" of sheet {sheet}"));
        say!("columns{of} that hold nothing of an event: {}", header.unread.join(", "));
    }
    list_alike(summary);
    list_bad_rows(summary);
    if import.total_events() == 0 {
        say!("nothing was sent: no row of the file can become an event");
        return Outcome::InputLeftOut;
    }
    if summary.is_partial() { Outcome::InputLeftOut } else { Outcome::Done }
}

fn list_alike(summary: &Summary) {
    if summary.alike.is_empty() {
        return;
    }
    say!(
        "ids that differ only in case or spaces, or have spaces that are not seen, are taken as they stand, each by itself:"
    );
    for alike in summary.alike.iter().take(SHOWN_ALIKE) {
        let ids: Vec<_> = alike.ids.iter().map(|id| format!("{id:?}")).collect();
        say!("  {} {}", alike.field, ids.join(", "));
    }
    let more = summary.alike.len().saturating_sub(SHOWN_ALIKE) as u64 + summary.more_alike;
    if more > 0 {
        say!("  … and {more} more");
    }
}

fn list_bad_rows(summary: &Summary) {
    if summary.bad_rows == 0 {
        return;
    }
    say!(
        "{} of {} rows cannot become an event and were left out:",
        summary.bad_rows,
        summary.rows + summary.bad_rows + summary.held_rows
    );
    for row in &summary.bad {
        say!("  {}: {}", row.place(), row.reason());
    }
    let more = summary.bad_rows - summary.bad.len() as u64;
    if more > 0 {
        say!("  … and {more} more");
    }
    if summary.held_rows > 0 {
        say!("{} good rows of the same invoices were held back with them", summary.held_rows);
    }
}

/// How a file is read. What lies further in the future than workers take is refused before it is sent.
pub(super) fn import_options(
    derive: &Derive,
    reading: &Reading,
    sales: &Sales,
    by_default: bool,
) -> Result<ImportOptions, Failure> {
    let wanted = derive.derive_inventory.map_or(by_default, |answer| answer == YesNo::Yes);
    let shares = DeriveInventory { buy_share: derive.buy_share, stock_share: derive.stock_share };
    Ok(ImportOptions {
        derive_inventory: wanted.then_some(shares),
        mapping: Mapping::parse(&reading.mapping)?,
        encoding: reading.encoding.as_deref().map(Encoding::named).transpose()?,
        latest: Some(Timestamp::now().plus_millis(sales.future_tolerance.millis() as i64)),
        ..ImportOptions::default()
    })
}
