//! What the tests stand on.

pub mod audit;
pub mod cluster;
pub mod http;
pub mod namespace;
pub mod operator;
pub mod relay;
pub mod role;

use std::{
    io::Write,
    time::{Duration, Instant},
};

pub use cluster::Cluster;
pub use namespace::TestNamespace;
pub use operator::Operator;
pub use relay::Relay;

/// After so long something that should come to pass is given up. Never a measure of speed.
const DEADLINE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(50);

/// Asks until the answer is good.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(why) => assert!(began.elapsed() < DEADLINE, "{what}: still not after {DEADLINE:?}: {why}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Nothing if it holds, else why not: for [`eventually`].
pub fn holds(condition: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(why()) }
}

/// An environment variable that a test needs. Says so where it is missing.
pub fn needed(variable: &str) -> Option<String> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        // Not `eprintln!`: what a test that passes prints is not shown.
        let _ = writeln!(std::io::stderr(), "{variable} is not set: {test} is skipped");
    }
    value
}
