//! Logs: for a person on a terminal, as JSON otherwise.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::say::say;

/// Begins logging to standard error. `RUST_LOG` decides how much; the given level is the default of our own crates.
pub(crate) fn start(level: &str) {
    start_with(level, "librdkafka=error");
}

/// As [`start`], with more to say of how much others log.
pub(crate) fn start_with(level: &str, others: &str) {
    let parts = ["", "_worker", "_store", "_kafka", "_dashboard", "_operator"];
    let default = parts.map(|part| format!("stockstream{part}={level}")).join(",");
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("warn,audit=info,{default},{others}")));
    let registry = tracing_subscriber::registry().with(filter);
    // Where nobody reads them any more, work goes on; a complaint about that would go to the same place.
    let started = if stderr().is_terminal() {
        registry.with(fmt::layer().with_writer(stderr).with_target(false).log_internal_errors(false)).try_init()
    } else {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(stderr).log_internal_errors(false)).try_init()
    };
    if let Err(error) = started {
        say!("stockstream: logs cannot be written: {error}");
    }
}
