//! The `stockstream` command.

mod access;
mod args;
mod commands;
mod exit;
mod feed;
mod kafka_sender;
mod logging;
mod settings;
mod signals;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    exit::report(commands::run(args::Cli::parse()))
}
