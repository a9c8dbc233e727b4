//! Settings from flags, environment and file, in this order of precedence.

use std::{env, fs, path::Path};

use clap::CommandFactory;
use stockstream_model::settings::{Settings, SettingsError, env::refuse_unknown};

use crate::{
    args::{Cli, Connect},
    exit::Failure,
};

/// Variables that the scripts in `hack/`, the tests and, in debug builds, the fail points read.
const OF_DEVELOPMENT: [&str; 8] = [
    "STOCKSTREAM_BINARY",
    "STOCKSTREAM_BROWSER",
    "STOCKSTREAM_CACHE",
    "STOCKSTREAM_DATA",
    "STOCKSTREAM_FAIL_AT",
    "STOCKSTREAM_KUBECONFIG",
    "STOCKSTREAM_PUBLICATIONS",
    "STOCKSTREAM_RUN",
];

/// Refuses variables with our prefix that no setting and no flag of any command has: whoever set one meant something by it.
pub(crate) fn refuse_unknown_variables() -> Result<(), Failure> {
    let mut of_flags = Vec::new();
    variables_of(&Cli::command(), &mut of_flags);
    let others: Vec<&str> = of_flags.iter().map(String::as_str).chain(OF_DEVELOPMENT).collect();
    Ok(refuse_unknown(env::vars_os().filter_map(|(name, _)| name.into_string().ok()), &others)?)
}

fn variables_of(command: &clap::Command, found: &mut Vec<String>) {
    let variables = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str());
    found.extend(variables.map(str::to_owned));
    command.get_subcommands().for_each(|command| variables_of(command, found));
}

/// Says which file was read, where what is wrong may be in it.
fn with_place(source: SettingsError, file: Option<&Path>) -> Failure {
    let Some(file) = file.map(Path::display) else { return source.into() };
    let place = match source {
        SettingsError::Variables { .. } | SettingsError::Field { origin: Some(_), .. } => return source.into(),
        // A bound may be broken by what was laid over the file.
        SettingsError::Invalid { .. } => format!("settings file {file}, with variables and flags over it"),
        SettingsError::Yaml { .. } | SettingsError::TooLong { .. } | SettingsError::Field { .. } => {
            format!("settings file {file}")
        }
    };
    Failure::SettingsIn { place, source }
}

/// The settings of a command that connects.
pub(crate) fn load(connect: &Connect) -> Result<Settings, Failure> {
    of(connect.config.as_deref(), connect.kafka.as_deref(), connect.mongodb.as_deref(), &[])
}

/// Settings from a file and the environment, with flags over them and defaults of a command's own under them.
pub(crate) fn of(
    config: Option<&Path>,
    kafka: Option<&str>,
    mongodb: Option<&str>,
    unless_set: &[(&str, &str)],
) -> Result<Settings, Failure> {
    let file = config.map(|path| {
        fs::read_to_string(path)
            .map_err(|source| Failure::Io { action: format!("read the settings file {}", path.display()), source })
    });
    let file = file.transpose()?;
    let flags = [("STOCKSTREAM_KAFKA_BOOTSTRAP_SERVERS", kafka), ("STOCKSTREAM_MONGODB_URI", mongodb)];
    let flag =
        |name: &str| flags.iter().find(|(flag, _)| *flag == name).and_then(|(_, value)| value.map(str::to_owned));
    refuse_unknown_variables()?;
    let given = |name: &str| flag(name).or_else(|| env::var(name).ok());
    Settings::load_over(unless_set, file.as_deref(), given).map_err(|error| with_place(error, config))
}
