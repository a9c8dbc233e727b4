use std::io::{Write, stdout};

use stockstream_operator::resource;

use crate::exit::{Failure, Outcome};

/// Prints the definition of the resource.
pub(crate) fn print() -> Result<Outcome, Failure> {
    let failed = |source| Failure::Io { action: "print the definition of AnalyticsPipeline".into(), source };
    let text = resource::crd().map_err(Into::into).map_err(failed)?;
    let text = serde_yaml_ng::to_string(&text).map_err(std::io::Error::other).map_err(failed)?;
    stdout().write_all(text.as_bytes()).map_err(failed)?;
    Ok(Outcome::Done)
}
