//! How the command ends, for the shell and for a person.

use std::process::ExitCode;

use snafu::Snafu;
use stockstream_input::ImportError;
use stockstream_kafka::KafkaError;
use stockstream_model::settings::SettingsError;
use stockstream_operator::OperatorError;
use stockstream_store::StoreError;
use stockstream_worker::WorkerError;

use crate::say::say;

/// Why a command could not do its work. All of these are wrong by themselves: another try alone does not help.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
pub(crate) enum Failure {
    #[snafu(transparent)]
    Settings { source: SettingsError },
    #[snafu(display("{source} ({place})"))]
    SettingsIn { place: String, source: SettingsError },
    #[snafu(transparent)]
    Worker { source: WorkerError },
    #[snafu(transparent)]
    Store { source: StoreError },
    #[snafu(transparent)]
    Kafka { source: KafkaError },
    #[snafu(transparent)]
    Operator { source: OperatorError },
    #[snafu(transparent)]
    Import { source: ImportError },
    #[snafu(display("failed to {action}: {source}"))]
    Io { action: String, source: std::io::Error },
    #[snafu(display("{message}"))]
    Usage { message: String },
}

/// How a command ended when nothing was wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was done.
    Done,
    /// Done, but a part of the input was left out, or all of it, and said.
    InputLeftOut,
}

/// Exit codes: 0 done, 2 wrong by itself, 3 done with a part of the input, or all of it, left out.
pub(crate) fn report(result: Result<Outcome, Failure>) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::InputLeftOut) => ExitCode::from(3),
        Err(failure) => {
            say!("stockstream: {failure}");
            ExitCode::from(2)
        }
    }
}
