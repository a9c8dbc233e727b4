//! The `stockstream` command.

mod args;
mod auth_args;
mod commands;
mod exit;
mod feed;
mod kafka_sender;
mod logging;
mod say;
mod settings;
mod signals;
mod waiting;

use std::process::ExitCode;

use clap::Parser;

/// Gives memory back that was needed for a while: an operator of many pipelines takes less than half of what it takes with
/// the C library's (docs/performance.md).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    exit::report(commands::run(args::Cli::parse()))
}
