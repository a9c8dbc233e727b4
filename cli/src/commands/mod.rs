//! A command a file.

mod crd;
mod dashboard;
mod generate;
mod hash_password;
mod import;
mod operator;
mod schema;
mod up;
mod worker;

use std::future::Future;

use tokio::{net::TcpListener, runtime::Runtime};

use crate::{
    args::{Cli, Command, Derive, YesNo},
    exit::{Failure, Outcome},
};
use stockstream_input::{DeriveInventory, ImportOptions};

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
    }
}

fn block_on<F: Future>(work: F) -> Result<F::Output, Failure> {
    let runtime = Runtime::new().map_err(|source| Failure::Io { action: "start the runtime".into(), source })?;
    Ok(runtime.block_on(work))
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|source| Failure::Io {
        action: format!("listen on {address} (is it in use? --listen moves it)"),
        source,
    })
}

fn import_options(derive: &Derive, by_default: bool) -> ImportOptions {
    let wanted = derive.derive_inventory.map_or(by_default, |answer| answer == YesNo::Yes);
    let shares = DeriveInventory { buy_share: derive.buy_share, stock_share: derive.stock_share };
    ImportOptions { derive_inventory: wanted.then_some(shares), ..ImportOptions::default() }
}
