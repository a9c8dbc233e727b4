use std::io::{Write, stdout};

use stockstream_model::{
    event::{Stream, json_schema},
    settings::env::variables,
};

use crate::exit::{Failure, Outcome};

/// Prints the JSON Schema of a stream's events.
pub(crate) fn print(stream: Stream) -> Result<Outcome, Failure> {
    say(&format!("{:#}\n", json_schema(stream).to_value()))
}

/// Prints every setting: path, variable, what it is for.
pub(crate) fn settings() -> Result<Outcome, Failure> {
    let line =
        |v: &stockstream_model::settings::env::Variable| format!("{}\n    {}\n    {}\n", v.path, v.name, v.about);
    say(&variables().iter().map(line).collect::<String>())
}

fn say(text: &str) -> Result<Outcome, Failure> {
    stdout()
        .write_all(text.as_bytes())
        .map_err(|source| Failure::Io { action: "write to standard output".into(), source })?;
    Ok(Outcome::Done)
}
