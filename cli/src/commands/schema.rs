use std::io::{Write, stdout};

use stockstream_model::{
    event::{EventKind, json_schema},
    settings::env::{Variable, variables},
};

use crate::exit::{Failure, Outcome};

/// Prints the JSON Schema of a stream's events.
pub(crate) fn print(stream: EventKind) -> Result<Outcome, Failure> {
    say(&format!("{:#}\n", json_schema(stream).to_value()))
}

/// Prints every setting: path, variable, default, what it is for.
pub(crate) fn settings() -> Result<Outcome, Failure> {
    let line = |v: &Variable| {
        let default = v.default.as_ref().map(|value| format!(" (default {value})")).unwrap_or_default();
        let values = if v.values.is_empty() { String::new() } else { format!(" One of {}.", v.values.join(", ")) };
        format!("{}{default}\n    {}\n    {}{values}\n", v.path, v.name, v.about)
    };
    say(&variables().iter().map(line).collect::<String>())
}

fn say(text: &str) -> Result<Outcome, Failure> {
    stdout()
        .write_all(text.as_bytes())
        .map_err(|source| Failure::Io { action: "write to standard output".into(), source })?;
    Ok(Outcome::Done)
}
