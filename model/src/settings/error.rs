//! Why settings cannot be used.

use std::fmt;

use snafu::Snafu;

/// Settings that cannot be used.
#[derive(Debug, Snafu)]
pub enum SettingsError {
    /// The file is not YAML.
    #[snafu(display("the settings file is not valid YAML: {message}"))]
    Yaml {
        /// The parser's words, with line and column.
        message: String,
    },
    /// The file is longer than any that means well.
    #[snafu(display(
        "the settings file has {bytes} bytes and may have {most}: leave out what is not a setting; is it the right file?"
    ))]
    TooLong {
        /// Its length.
        bytes: usize,
        /// What is allowed.
        most: usize,
    },
    /// A field cannot be read.
    #[snafu(display("setting {field}: {message}{}", origin.as_ref().map(|o| format!(" (from {o})")).unwrap_or_default()))]
    Field {
        /// Its path, as in the file.
        field: String,
        /// What is wrong and what is allowed.
        message: String,
        /// The environment variable it came from, if it did.
        origin: Option<String>,
    },
    /// Variables of the environment set nothing.
    #[snafu(display(
        "{}; correct or remove what is not meant for Stockstream: `stockstream settings` lists all settings with their variables, \
         and --help those of a command",
        unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    ))]
    Variables {
        /// All of them.
        unknown: Vec<UnknownVariable>,
    },
    /// Fields are out of bounds.
    #[snafu(display("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))]
    Invalid {
        /// All of them.
        problems: Vec<Problem>,
    },
}

/// A variable with our prefix that sets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVariable {
    /// Its name.
    pub name: String,
    /// The variable that is most likely meant.
    pub nearest: Option<String>,
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "variable {} sets nothing", self.name)?;
        self.nearest.as_ref().map_or(Ok(()), |nearest| write!(f, ", the nearest is {nearest}"))
    }
}

/// A field that is out of bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its path, as in the file.
    pub field: String,
    /// What it is set to.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "setting {} is {}: {}", self.field, self.value, self.allowed)
    }
}
