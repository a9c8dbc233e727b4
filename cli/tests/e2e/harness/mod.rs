//! What the tests stand on.

pub mod compare;
pub mod database;
pub mod events;
pub mod http;
pub mod kafka;
pub mod oracle;
pub mod playwright;
pub mod ports;
pub mod process;
pub mod provider;
pub mod recorder;
pub mod relay;
pub mod rng;
pub mod scripts;
pub mod secantusdb;
pub mod secrets;
pub mod secured;
pub mod session;
pub mod test_env;
pub mod users;

use std::{
    io::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

pub use process::Process;
pub use rng::SeededRng;
use serde_json::Value;
pub use stockstream_model::event::EventKind;
pub use test_env::TestEnv;

/// After so long something that should come to pass is given up. Never a measure of speed.
const DEADLINE: Duration = Duration::from_secs(420);
const PAUSE: Duration = Duration::from_millis(20);

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

/// The real data set.
pub fn data_set() -> Option<PathBuf> {
    needed("STOCKSTREAM_DATA").map(PathBuf::from)
}

/// A file that is checked in beside the tests.
pub fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Two parts of settings as one.
pub fn both(mut one: Value, other: Value) -> Value {
    test_env::merge(&mut one, other);
    one
}

/// Host and port of the test environment's database.
pub fn database_host(env: &TestEnv) -> String {
    let uri = env.setting("/mongodb/uri");
    let (_, rest) = uri.split_once("://").unwrap();
    let host = rest.split('/').next().unwrap();
    host.rsplit('@').next().unwrap().to_owned()
}
