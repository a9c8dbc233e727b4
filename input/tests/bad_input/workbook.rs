//! Workbooks: sheets of odd cells, and archives whose parts were damaged.

use std::io::{Cursor, Read, Write};

use proptest::{prelude::*, sample::select};
use rust_xlsxwriter::{Format, Workbook};
use stockstream_input::ImportOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{HEADER, cases, damage::damaged, is_consistent, read};

/// What a cell may hold.
#[derive(Clone, Debug)]
enum Cell {
    Text(String),
    Number(f64),
    Date(f64),
    Truth(bool),
    Formula(&'static str),
    Nothing,
}

fn cell() -> impl Strategy<Value = Cell> {
    let odd = vec![0.0, -0.0, 1.0, -1.0, 0.5, 2.55, 1e15, -1e15, 9.3e18, 1e300, 5e-324, 46_143.5, 2_958_466.0];
    prop_oneof![
        4 => select(vec!["536365", "A1", "", " ", "1", "2.55", "2026-05-01", "\n", "é", "<&>\"", "_x0000_"]).prop_map(|text| Cell::Text(text.into())),
        4 => select(odd.clone()).prop_map(Cell::Number),
        2 => select(odd).prop_map(Cell::Date),
        1 => any::<bool>().prop_map(Cell::Truth),
        1 => select(vec!["=1/0", "=NOW()", "=A1"]).prop_map(Cell::Formula),
        1 => Just(Cell::Nothing),
    ]
}

/// A sheet's name, its header and rows.
type Table = (&'static str, &'static [&'static str], Vec<Vec<Cell>>);

const SHEETS: [(&str, &[&str]); 5] = [
    ("Products", &["product_id", "name", "quantity", "buy_price", "expiry_date", "batch_no"]),
    ("Clients", &["client_id", "name", "loyalty_tier", "updated_at"]),
    ("Invoices", &["invoice_id", "client_id", "timestamp", "total_amount"]),
    ("Invoice Details", &["invoice_id", "product_id", "quantity", "unit_price"]),
    ("Lines", &HEADER),
];

fn table(which: usize) -> impl Strategy<Value = Table> {
    let (name, header) = SHEETS[which];
    let row = prop::collection::vec(cell(), header.len());
    prop::collection::vec(row, 0..6).prop_map(move |rows| (name, header, rows))
}

/// The four sheets, or one of invoice lines.
fn tables() -> impl Strategy<Value = Vec<Table>> {
    let four = (0..4).map(table).collect::<Vec<_>>();
    prop_oneof![four, table(4).prop_map(|lines| vec![lines])]
}

fn book(tables: &[Table]) -> Vec<u8> {
    let mut book = Workbook::new();
    let date = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
    for (name, header, rows) in tables {
        let sheet = book.add_worksheet().set_name(*name).unwrap();
        sheet.write_row(0, 0, header.iter().copied()).unwrap();
        for (row, cells) in (1..).zip(rows) {
            for (column, cell) in (0..).zip(cells) {
                match cell {
                    Cell::Text(text) => _ = sheet.write(row, column, text).unwrap(),
                    Cell::Number(number) => _ = sheet.write(row, column, *number).unwrap(),
                    Cell::Date(day) => _ = sheet.write_with_format(row, column, *day, &date).unwrap(),
                    Cell::Truth(is) => _ = sheet.write(row, column, *is).unwrap(),
                    Cell::Formula(formula) => _ = sheet.write_formula(row, column, *formula).unwrap(),
                    Cell::Nothing => {}
                }
            }
        }
    }
    book.save_to_buffer().unwrap()
}

/// The parts of an archive.
fn parts(book: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(book)).unwrap();
    let mut parts = Vec::new();
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).unwrap();
        parts.push((part.name().unwrap().into_owned(), bytes));
    }
    parts
}

pub fn archive(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in parts {
        archive.start_file(name.as_str(), deflated).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// An archive of which one part was damaged before it was packed.
fn with_a_damaged_part() -> impl Strategy<Value = Vec<u8>> {
    (tables(), any::<prop::sample::Index>()).prop_flat_map(|(tables, which)| {
        let parts = parts(book(&tables));
        // Mostly a sheet, which is where most is read.
        let sheets: Vec<_> = (0..parts.len()).filter(|at| parts[*at].0.contains("sheets/")).collect();
        let which = if which.index(3) > 0 { sheets[which.index(sheets.len())] } else { which.index(parts.len()) };
        damaged(parts[which].1.clone()).prop_map(move |bytes| {
            let mut parts = parts.clone();
            parts[which].1 = bytes;
            archive(&parts)
        })
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_row_of_a_workbook_is_part_of_an_event_or_told_as_bad(tables in tables()) {
        let import = read(&book(&tables), ImportOptions::default()).unwrap();
        // What is a row that says nothing is for the reader to say: a cell of spaces may or may not be empty.
        let says = |cell: &Cell| !matches!(cell, Cell::Nothing) && !matches!(cell, Cell::Text(text) if text.is_empty());
        let given = tables.iter().flat_map(|(_, _, rows)| rows).filter(|row| row.iter().any(says)).count() as u64;
        let summary = import.summary();
        prop_assert_eq!(summary.rows + summary.bad_rows + summary.held_rows, given, "{:?}", summary);
        for event in import.events().unwrap() {
            let event = event.unwrap();
            prop_assert!(event.refusal().is_none(), "{:?}", event.refusal());
        }
        is_consistent(&import).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn a_damaged_workbook_is_read_or_refused_with_a_sentence(
        inside in with_a_damaged_part(),
        outside in tables().prop_flat_map(|tables| damaged(book(&tables))),
    ) {
        for file in [inside, outside] {
            match read(&file, ImportOptions::default()) {
                Ok(import) => is_consistent(&import).map_err(TestCaseError::fail)?,
                Err(error) => prop_assert!(error.to_string().len() > 20, "{}", error),
            }
        }
    }
}
