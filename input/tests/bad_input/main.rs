//! Whatever stands in a file or a form, it becomes events or is told as bad; no row is lost, and memory is bound.
//!
//! `PROPTEST_CASES` sets how many cases each property is tried with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod damage;
mod forms;
mod lines;
mod memory;
mod workbook;

use std::path::Path;

use proptest::test_runner::Config;
use serde_json::Value;
use stockstream_input::{Import, ImportError, ImportOptions};

/// Few enough for a few seconds in a debug build.
const CASES: u32 = 300;

const HEADER: [&str; 7] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"];

fn cases() -> Config {
    let usual = Config { max_local_rejects: u32::MAX, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { usual } else { Config { cases: CASES, ..usual } }
}

fn read(bytes: &[u8], options: ImportOptions) -> Result<Import, ImportError> {
    Import::read(Path::new("shop"), bytes.into(), options)
}

/// The lines of all sales: invoice, product, quantity, price; in order of their text.
fn sent(import: &Import) -> Vec<String> {
    let mut lines = Vec::new();
    for event in import.events().unwrap() {
        let event = event.unwrap();
        assert!(event.refusal().is_none(), "{:?}: {}", event.refusal(), String::from_utf8_lossy(&event.payload));
        let sale: Value = serde_json::from_slice(&event.payload).unwrap();
        for item in sale["items"].as_array().into_iter().flatten() {
            let [invoice, product, quantity, price] =
                [&sale["invoice_id"], &item["product_id"], &item["quantity"], &item["unit_price"]];
            lines.push(format!("{invoice} {product} {quantity} {price}"));
        }
    }
    lines.sort();
    lines
}

/// What holds of a file that could be read, whatever it is: as many lines and events as are said, each bad row explained.
fn is_consistent(import: &Import) -> Result<(), String> {
    let summary = import.summary();
    let told = summary.bad.iter().all(|row| !row.faults.is_empty() && !row.reason().trim().is_empty() && row.line > 0);
    let count = import.events().map_err(|error| error.to_string())?.filter(Result::is_ok).count() as u64;
    match () {
        () if !told => Err(format!("a bad row without a reason or a place: {:?}", summary.bad)),
        () if (summary.bad.len() as u64) < summary.bad_rows.min(1_000) => Err("a bad row is not told".into()),
        () if count != import.total_events() => Err(format!("{count} events, not {}", import.total_events())),
        () => Ok(()),
    }
}
