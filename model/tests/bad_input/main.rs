//! Whatever bytes come, they are an event that keeps the contract, or they are refused with reason, path and message.
//!
//! `PROPTEST_CASES` sets how many cases each property is tried with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod agreement;
mod contract;
mod corpus;
mod hostile;
mod json;
mod memory;
mod settings;
mod spelling;
mod verdict;
mod wild;

use proptest::test_runner::Config;
use stockstream_model::event::{
    ClientRecord, EventKind, InventoryRecord, Rejection, Sale, decode_client, decode_inventory, decode_sale,
};

/// Few enough for a few seconds in a debug build.
const CASES: u32 = 1_000;

fn cases() -> Config {
    let usual = Config { max_local_rejects: u32::MAX, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { usual } else { Config { cases: CASES, ..usual } }
}

/// An event of any stream.
#[derive(Clone, Debug, PartialEq)]
enum Event<'a> {
    Sale(Sale<'a>),
    Stock(InventoryRecord<'a>),
    Client(ClientRecord<'a>),
}

fn decode(stream: EventKind, payload: &[u8]) -> Result<Event<'_>, Rejection> {
    match stream {
        EventKind::Sales => decode_sale(payload).map(Event::Sale),
        EventKind::Inventory => decode_inventory(payload).map(Event::Stock),
        EventKind::Clients => decode_client(payload).map(Event::Client),
    }
}

/// As much of a payload as a failure shows.
fn shown(payload: &[u8]) -> String {
    String::from_utf8_lossy(&payload[..payload.len().min(2_000)]).into_owned()
}
