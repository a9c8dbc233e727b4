//! What a worker, a dashboard and the operator are measured with; `hack/bench.sh`, `hack/pages.sh` and `hack/scale.sh` put the
//! parts together, each in one run.

mod apply;
mod backlog;
mod cardinality;
mod drain;
mod fleet;
mod fold;
mod handover;
mod history;
mod latency;
mod pages;
mod percentiles;
mod positions;
mod process;
mod read;

use std::{error::Error, process::ExitCode};

use clap::{Parser, Subcommand};
use mongodb::{Client, Database};
use stockstream_model::settings::Settings;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Measures workers, a dashboard and the operator against their limits.
#[derive(Parser)]
struct Cli {
    /// Kafka brokers
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS")]
    kafka: String,
    /// MongoDB address
    #[arg(long, env = "MONGODB_URI", default_value = "mongodb://127.0.0.1:27017/stock_management")]
    mongodb: String,
    /// Partitions of the topics, where they are made
    #[arg(long, default_value_t = 6)]
    partitions: i32,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Apply sales to products without a history, with one, and with one that moved
    Apply(apply::Apply),
    /// Make the topics and fill them with inventory records and sales
    Backlog(backlog::Backlog),
    /// Parse and fold sales in memory
    Fold(fold::Fold),
    /// Read the sales topic with librdkafka and do nothing
    Read(read::Read),
    /// Fill the sales topic with a history of every product
    History(history::History),
    /// Move the days that are to be moved, and print how long it takes
    Moved(history::Moved),
    /// Claim and complete flushes beside many partitions
    Positions(positions::PositionsOf),
    /// Wait until the worker has applied everything; print events per second of that
    Drain(drain::Drain),
    /// Count how many clients a flush changes, at a rate
    Spread(cardinality::KeyCardinality),
    /// Send events at a rate and measure when they are seen in MongoDB
    Latency(latency::Latency),
    /// Start, end and kill workers and measure when what is sold is counted
    Handover(handover::Handover),
    /// Ask a dashboard for its pages, one by one and at a rate
    Pages(pages::Pages),
    /// Give an operator many pipelines at once and measure what it makes of them
    Fleet(fleet::Fleet),
}

/// The database that workers write to, to look into.
async fn database(settings: &Settings) -> Result<Database> {
    let uri = settings.mongodb.uri.as_ref().ok_or("no MongoDB address")?;
    Ok(Client::with_uri_str(uri.reveal()).await?.default_database().ok_or("no database in the address")?)
}

/// The one that the product has.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("stockstream-bench: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(Cli::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stockstream-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<()> {
    let flags = [("STOCKSTREAM_KAFKA_BOOTSTRAP_SERVERS", cli.kafka), ("STOCKSTREAM_MONGODB_URI", cli.mongodb)];
    let mut settings =
        Settings::load(None, |name| flags.iter().find(|(flag, _)| *flag == name).map(|(_, value)| value.clone()))?;
    let topics = &mut settings.kafka.topics;
    for topic in [&mut topics.sales, &mut topics.inventory, &mut topics.clients] {
        topic.partitions = Some(cli.partitions);
    }
    match cli.command {
        Command::Apply(apply) => apply.run(&settings).await,
        Command::Backlog(backlog) => backlog.run(&settings).await,
        Command::Fold(fold) => fold.run(),
        Command::Spread(spread) => spread.run(),
        Command::Read(read) => read.run(&settings),
        Command::History(history) => history.run(&settings).await,
        Command::Moved(moved) => moved.run(&settings).await,
        Command::Positions(positions) => positions.run(&settings).await,
        Command::Drain(drain) => drain.run(&settings).await,
        Command::Latency(latency) => latency.run(&settings).await,
        Command::Handover(handover) => handover.run(&settings).await,
        Command::Pages(pages) => pages.run().await,
        Command::Fleet(fleet) => fleet.run(&settings).await,
    }
}
