//! A command a file.

mod crd;
mod dashboard;
mod generate;
mod hash_password;
mod import;
mod operator;
mod pipeline;
mod schema;
mod up;
mod worker;

use std::{
    future::Future,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::{net::TcpListener, runtime::Runtime};

use crate::{
    args::{Cli, Command, Derive, Pipeline, Reading, YesNo},
    exit::{Failure, Outcome},
    say::say,
};
use stockstream_input::{DeriveInventory, Encoding, ImportOptions, Mapping};
use stockstream_kafka::{KafkaError, admin, check_targets, make_topics};
use stockstream_model::{
    Timestamp,
    event::Stream,
    settings::{Sales, Settings, TopicPolicy},
};

/// Runs the command that was asked for.
pub(crate) fn run(cli: Cli) -> Result<Outcome, Failure> {
    match cli.command {
        Command::Up(args) => block_on(up::run(args))?,
        Command::Worker(args) => block_on(worker::run(args))?,
        Command::Dashboard(args) => block_on(dashboard::run(args))?,
        Command::Operator(args) => block_on(operator::run(args))?,
        Command::Crd => crd::print(),
        Command::Import(args) => import::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Schema(args) => schema::print(args.stream),
        Command::HashPassword(args) => hash_password::print(&args),
        Command::Settings => schema::settings(),
        Command::Pipeline(Pipeline::Reset(args)) => block_on(pipeline::reset(args))?,
    }
}

fn block_on<F: Future>(work: F) -> Result<F::Output, Failure> {
    let runtime = Runtime::new().map_err(|source| Failure::Io { action: "start the runtime".into(), source })?;
    Ok(runtime.block_on(work))
}

/// `[::]` takes connections of both families, and where there is no IPv6 those of the other.
async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let mut bound = TcpListener::bind(address).await;
    let is_every_address = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    if let Err(error) = &bound
        && is_every_address
        && error.kind() != ErrorKind::AddrInUse
        && let Ok(other) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
    {
        tracing::info!(%error, "there is no IPv6 here: listening at 0.0.0.0 instead of [::]");
        bound = Ok(other);
    }
    bound.map_err(|source| {
        let why = match source.kind() {
            ErrorKind::AddrNotAvailable => "is it of this machine?",
            _ => "is it in use?",
        };
        Failure::Io { action: format!("listen on {address} ({why} --listen moves it)"), source }
    })
}

/// Finds out whether the topics of these streams are there, and makes those that are not where the settings say so.
fn prepare_targets(settings: &Settings, streams: impl IntoIterator<Item = Stream>) -> Result<(), Failure> {
    let kafka = &settings.kafka;
    let missing = match check_targets(kafka, streams) {
        Err(KafkaError::MissingTopics { topics, .. }) if kafka.topic_policy == TopicPolicy::Create => topics,
        checked => return Ok(checked?),
    };
    let streams: Vec<Stream> = missing.iter().map(|topic| topic.stream).collect();
    block_on(async { make_topics(&admin(kafka)?, kafka, &streams).await })??;
    let names: Vec<&str> = missing.iter().map(|topic| topic.name.as_str()).collect();
    say!("topics made: {}", names.join(", "));
    Ok(())
}

/// How a file is read. What lies further in the future than workers take is refused before it is sent.
fn import_options(
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
