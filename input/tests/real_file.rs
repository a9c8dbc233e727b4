//! Whole files, against what the oracle of imports counts in them: any Online Retail file that `STOCKSTREAM_DATA` names, and
//! the odd rows that the tests of end to end import.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use serde_json::Value;
use stockstream_input::{DeriveInventory, Import, ImportOptions};
use stockstream_model::event::{EventKind, decode_inventory, decode_sale};

fn tests_of_end_to_end(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/tests").join(name)
}

/// What is in a file, counted by a program that shares nothing with ours.
fn counted(file: &Path) -> Value {
    let oracle = tests_of_end_to_end("oracle/oracle.py");
    let output = Command::new("python3").arg(oracle).arg(file).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn every_line_is_in_a_sale(file: &Path) {
    let wanted = counted(file);
    let number = |field: &str| wanted[field].as_u64().unwrap_or_else(|| panic!("the oracle counts no {field}"));
    let products = wanted["products"].as_object().unwrap().len() as u64;
    let invoices = number("accepted") + number("rejected");
    let started = Instant::now();
    let options = ImportOptions { derive_inventory: Some(DeriveInventory::default()), ..ImportOptions::default() };
    let import = Import::open(file, options).unwrap();
    let first_pass = started.elapsed();
    let summary = import.summary();
    let found = (summary.rows, summary.bad_rows, summary.invoices, summary.products);
    assert_eq!(found, (number("rows"), number("bad_rows"), invoices, products), "{:?}", summary.bad);

    let (mut counts, mut lines, mut refused) = (HashMap::new(), 0, 0);
    for event in import.events().unwrap() {
        let event = event.unwrap();
        *counts.entry(event.stream).or_insert(0_u64) += 1;
        if event.stream == EventKind::Sales {
            let json: Value = serde_json::from_slice(&event.payload).unwrap();
            lines += json["items"].as_array().unwrap().len() as u64;
            refused += u64::from(decode_sale(&event.payload).is_err());
        } else {
            decode_inventory(&event.payload).unwrap();
        }
    }
    eprintln!("first pass {first_pass:?}, in all {:?}; {counts:?}, {refused} sales to be refused", started.elapsed());
    assert_eq!((counts[&EventKind::Sales], counts[&EventKind::Inventory]), (invoices, products));
    assert_eq!((lines, refused), (number("rows"), number("rejected")));
    assert_eq!(import.total_events(), counts.values().sum::<u64>());
}

#[test]
fn every_line_of_the_real_file_is_in_a_sale() {
    let Some(file) = std::env::var_os("STOCKSTREAM_DATA").map(PathBuf::from) else {
        eprintln!("skipped: set STOCKSTREAM_DATA to an Online Retail file");
        return;
    };
    every_line_is_in_a_sale(&file);
}

#[test]
fn every_odd_row_is_in_a_sale_or_named() {
    every_line_is_in_a_sale(&tests_of_end_to_end("data/odd-rows.csv"));
}
