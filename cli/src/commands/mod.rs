//! A command a file.

mod crd;
mod dashboard;
mod generate;
mod hash_password;
mod import;
mod listen;
mod operator;
mod pipeline;
mod runtime;
mod schema;
mod targets;
mod up;
mod worker;

use runtime::block_on;

use crate::{
    args::{Cli, Command, Pipeline},
    exit::{Failure, Outcome},
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
