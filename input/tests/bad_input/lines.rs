//! Invoice lines: rows whose cells are known to be good or bad, written as CSV, plain and compressed.

use std::{collections::HashSet, io::Write};

use flate2::{Compression, write::GzEncoder};
use proptest::{prelude::*, sample::select};
use stockstream_input::ImportOptions;

use super::{HEADER, cases, damage::damaged, is_consistent, read, sent};

/// A cell and whether a worker would take it.
type Cell = (Vec<u8>, bool);

/// A row, in the order of the header.
type Row = Vec<Cell>;

fn cell(good: &[&str], bad: &[&str]) -> BoxedStrategy<Cell> {
    let of = |cells: &[&str], is_good| cells.iter().map(|cell| (cell.as_bytes().to_vec(), is_good)).collect::<Vec<_>>();
    let (good, bad) = (of(good, true), of(bad, false));
    prop_oneof![40 => select(good), 1 => select(bad)].boxed()
}

fn row() -> impl Strategy<Value = Row> {
    let (long, longer) = ("x".repeat(512), "x".repeat(513));
    vec![
        cell(
            &["536365", "A1", "a.b", "$where", "é", "=1+1", "a\nb", "\"", "#1001", &long],
            &["", &longer, "#N/A", "NaN"],
        ),
        cell(&["85123A", "a,b", "'", "\u{feff}", "12E5", &long], &["", &longer, "\0", "#REF!", "5.01E+12", "null"]),
        cell(&["Lamp", "", "\"\n", "#1"], &["#VALUE!"]),
        cell(
            &["1", "-1", "6.0", "1000000000", "007"],
            &["", "0", "1.5", "ten", "1.000", "1000000001", "99999999999999999999", "-9223372036854775808", " 1", "+1"],
        ),
        cell(
            &["2026-05-01", "2026-05-01 11:30:00", "2026-05-01T12:00:00Z"],
            &["", "01/05/2026", "2026-02-30", "46143"],
        ),
        cell(
            &["2.55", "0", "1.0000", "-0"],
            &["", "-1", "2,55", "1e2", "NaN", "1000000001", "12345678901234567890123"],
        ),
        cell(&["", "17850", "17850.0"], &["17850.5", "1,2", "NaN", "#N/A"]),
    ]
}

fn written(rows: &[Row]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER).unwrap();
    rows.iter().for_each(|row| writer.write_record(row.iter().map(|(cell, _)| cell)).unwrap());
    writer.into_inner().unwrap()
}

/// How many rows are good, bad and held back, and the lines that must be sent.
fn expected(rows: &[Row]) -> ([u64; 3], Vec<String>) {
    let is_good = |row: &Row| row.iter().all(|(_, good)| *good);
    let (good, bad): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| is_good(row));
    // A bad row without an invoice may be a line of the one above.
    let (mut spoiled, mut above) = (HashSet::new(), &[][..]);
    for row in rows {
        above = if row[0].0.is_empty() { above } else { &row[0].0 };
        spoiled.extend((!is_good(row)).then_some(above));
    }
    let (held, good): (Vec<&Row>, Vec<&Row>) = good.into_iter().partition(|row| spoiled.contains(&row[0].0[..]));
    let line = |row: &&Row| {
        let text = |place: usize| std::str::from_utf8(&row[place].0).unwrap();
        let quantity: f64 = text(3).parse().unwrap();
        let price = ["2.55", "0", "1"][["2.55", "0", "1.0000"].iter().position(|price| *price == text(5)).unwrap_or(1)];
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        format!("{} {} {quantity} {}", quoted(text(0)), quoted(text(1)), quoted(price))
    };
    let mut lines: Vec<_> = good.iter().map(line).collect();
    lines.sort();
    ([good.len() as u64, bad.len() as u64, held.len() as u64], lines)
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_row_is_sent_or_told_as_bad_or_held_back(rows in prop::collection::vec(row(), 0..12), is_packed in any::<bool>()) {
        let file = written(&rows);
        let import = read(&if is_packed { packed(&file) } else { file }, ImportOptions::default()).unwrap();
        let (counts, lines) = expected(&rows);
        let summary = import.summary();
        prop_assert_eq!([summary.rows, summary.bad_rows, summary.held_rows], counts, "{:?}", summary.bad);
        prop_assert_eq!(sent(&import), lines);
        is_consistent(&import).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn a_damaged_file_is_read_or_refused_with_a_sentence(
        (file, is_packed) in (
            prop::collection::vec(row(), 0..8).prop_flat_map(|rows| damaged(written(&rows))), any::<bool>(),
        ),
    ) {
        match read(&if is_packed { packed(&file) } else { file }, ImportOptions::default()) {
            Ok(import) => is_consistent(&import).map_err(TestCaseError::fail)?,
            Err(error) => prop_assert!(error.to_string().len() > 20, "{}", error),
        }
    }

    #[test]
    fn a_damaged_archive_is_read_or_refused_with_a_sentence(
        file in prop::collection::vec(row(), 0..8).prop_flat_map(|rows| damaged(packed(&written(&rows)))),
    ) {
        match read(&file, ImportOptions::default()) {
            Ok(import) => is_consistent(&import).map_err(TestCaseError::fail)?,
            Err(error) => prop_assert!(error.to_string().len() > 20, "{}", error),
        }
    }
}
