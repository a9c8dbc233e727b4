//! The real data set, where it is there: `STOCKSTREAM_DATA` names the file.

use std::{collections::HashMap, path::PathBuf, time::Instant};

use stockstream_input::{DeriveInventory, Import, ImportOptions};
use stockstream_model::event::{Stream, decode_inventory, decode_sale};

#[test]
fn every_line_of_the_real_file_is_in_a_sale() {
    let Some(path) = std::env::var_os("STOCKSTREAM_DATA").map(PathBuf::from) else {
        eprintln!("skipped: set STOCKSTREAM_DATA to the Online Retail file (December 2010 to July 2011)");
        return;
    };
    let started = Instant::now();
    let options = ImportOptions { derive_inventory: Some(DeriveInventory::default()), ..ImportOptions::default() };
    let import = Import::open(&path, options).unwrap();
    let first_pass = started.elapsed();
    let summary = import.summary();
    assert_eq!((summary.rows, summary.invoices, summary.bad_rows), (285_421, 14_722, 0), "{:?}", summary.bad);

    let (mut counts, mut lines, mut refused) = (HashMap::new(), 0, 0);
    for event in import.events().unwrap() {
        let event = event.unwrap();
        *counts.entry(event.stream).or_insert(0_u64) += 1;
        if event.stream == Stream::Sales {
            let json: serde_json::Value = serde_json::from_slice(&event.payload).unwrap();
            lines += json["items"].as_array().unwrap().len();
            refused += u64::from(decode_sale(&event.payload).is_err());
        } else {
            decode_inventory(&event.payload).unwrap();
        }
    }
    eprintln!("first pass {first_pass:?}, in all {:?}; {counts:?}, {refused} sales to be refused", started.elapsed());
    assert_eq!((counts[&Stream::Sales], counts[&Stream::Inventory]), (14_722, summary.products));
    assert_eq!(lines, 285_421);
    assert_eq!(import.total_events(), counts.values().sum::<u64>());
}
