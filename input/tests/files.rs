//! Files that people have, which were once imported wrongly without a word: each is taken right, or refused by name.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::path::{Path, PathBuf};

use rust_xlsxwriter::{Chart, ChartType, ExcelDateTime, Format, Formula, Workbook, Worksheet};
use serde_json::{Value, json};
use stockstream_input::{DeriveInventory, Encoding, Import, ImportError, ImportOptions, Mapping};
use stockstream_model::Decimal;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

fn open(name: &str, options: ImportOptions) -> Result<Import, ImportError> {
    Import::open(&case(name), options)
}

/// As the command reads a file, and as the page does.
fn ways() -> [ImportOptions; 2] {
    [false, true].map(|judged| ImportOptions { judged, ..ImportOptions::default() })
}

fn mapped(columns: &[&str]) -> ImportOptions {
    ImportOptions { mapping: Mapping::parse(columns).unwrap(), ..ImportOptions::default() }
}

fn events(import: &Import) -> Vec<Value> {
    import.events().unwrap().map(|event| serde_json::from_slice(&event.unwrap().payload).unwrap()).collect()
}

/// Each sale with its time, its client and the amount of its lines, in the order of their invoices.
fn sales(import: &Import) -> Vec<(String, String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut sales: Vec<_> = events(import)
        .iter()
        .filter(|event| event["items"].is_array())
        .map(|sale| {
            let lines = sale["items"].as_array().unwrap().iter();
            let units = lines.map(|line| {
                line["unit_price"].as_str().unwrap().parse::<Decimal>().unwrap().units()
                    * line["quantity"].as_i64().unwrap()
            });
            let amount = Decimal::from_units(units.sum()).to_string();
            (text(&sale["invoice_id"]), text(&sale["timestamp"]), text(&sale["client_id"]), amount)
        })
        .collect();
    sales.sort();
    sales
}

/// The invoices and their amounts.
fn amounts(import: &Import) -> Vec<(String, String)> {
    sales(import).into_iter().map(|(invoice, _, _, amount)| (invoice, amount)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(invoice, amount)| ((*invoice).to_owned(), (*amount).to_owned())).collect()
}

fn bad(import: &Import) -> Vec<String> {
    import.summary().bad.iter().map(|row| format!("{}: {}", row.place(), row.reason())).collect()
}

/// Each bad row is told with these words, and no other is.
fn are_told(import: &Import, expected: &[&str]) {
    let told = bad(import);
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (row, words) in told.iter().zip(expected) {
        assert!(row.contains(words), "{words:?} is not in {row:?}");
    }
    assert_eq!(import.summary().is_partial(), !expected.is_empty() || import.summary().held_rows > 0);
}

fn is_refused(result: Result<Import, ImportError>, words: &[&str]) {
    let said = result.err().unwrap_or_else(|| panic!("it is read, without {words:?}")).to_string();
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} are not all in {said:?}");
}

#[test]
fn a_list_that_was_exported_is_not_counted_again() {
    for options in ways() {
        is_refused(
            open("clients_roundtrip.xlsx", options),
            &["sheet clients of", "exported", "eligible_promo", "counted again"],
        );
    }
}

#[test]
fn sheets_of_sales_and_of_records_are_both_read() {
    for derive_inventory in [None, Some(DeriveInventory::default())] {
        let import =
            open("sales_plus_products.xlsx", ImportOptions { derive_inventory, ..ImportOptions::default() }).unwrap();
        are_told(&import, &[]);
        assert_eq!(amounts(&import), pairs(&[("536365", "15.3"), ("536366", "11.1"), ("C536379", "-27.5")]));
        let records: Vec<_> = events(&import).into_iter().filter(|event| event["items"].is_null()).collect();
        let of_hearts: Vec<_> = records.iter().filter(|record| record["product_id"] == "85123A").collect();
        assert_eq!(of_hearts.len(), 1, "what the workbook says is not made up as well: {records:?}");
        assert_eq!((&of_hearts[0]["quantity"], &of_hearts[0]["buy_price"]), (&json!(40), &json!("1.2")));
        assert_eq!(records.len(), if derive_inventory.is_some() { 3 } else { 1 });
        assert_eq!(import.total_events(), events(&import).len() as u64);
    }
}

#[test]
fn every_sheet_of_invoice_lines_is_read() {
    let import = open("retail2_two_sheets.xlsx", mapped(&["Invoice=invoice_id", "Price=unit_price"])).unwrap();
    are_told(&import, &[]);
    assert_eq!(amounts(&import), pairs(&[("800001", "83.4"), ("800101", "34.75"), ("C800002", "-13.9")]));
    is_refused(
        open("retail2_two_sheets.xlsx", ImportOptions::default()),
        &["sheet Year 2009-2010", "InvoiceNo, UnitPrice"],
    );
    is_refused(
        open("retail2_two_sheets.xlsx", mapped(&["Invoice=invoice_id", "Price=unit_price", "Prize=name"])),
        &["no column Prize, which was mapped"],
    );
}

#[test]
fn a_hidden_sheet_is_named_and_keeps_nothing_from_being_read() {
    let import = open("hidden_sheet.xlsx", ImportOptions::default()).unwrap();
    are_told(&import, &[]);
    assert_eq!(amounts(&import), pairs(&[("536365", "15.3"), ("536366", "11.1"), ("C536379", "-27.5")]));
    let unread = &import.summary().unread[0];
    assert_eq!((unread.name.as_str(), unread.reason.as_str(), unread.is_left_out), ("Lists", "it is hidden", false));
}

#[test]
fn an_invoice_with_a_broken_row_is_held_back_as_a_whole() {
    for options in ways() {
        let import = open("broken_line.csv", options).unwrap();
        are_told(&import, &["line 3: it has 8 columns and the header 7"]);
        assert_eq!(amounts(&import), pairs(&[("950002", "2.1")]));
        assert_eq!(import.summary().held_rows, 1);
    }
}

#[test]
fn a_text_in_windows_1252_is_refused_by_name_and_read_when_it_is_named() {
    is_refused(
        open("latin1.csv", ImportOptions::default()),
        &["not in UTF-8 at line 2", "windows-1252 would read \"Café crème mug £5 size\""],
    );
    let options = ImportOptions {
        encoding: Some(Encoding::named("Windows-1252").unwrap()),
        derive_inventory: Some(DeriveInventory::default()),
        ..ImportOptions::default()
    };
    let events = events(&open("latin1.csv", options).unwrap());
    let names: Vec<_> = events.iter().filter_map(|event| event["name"].as_str()).collect();
    assert_eq!(names, ["Café crème mug £5 size", "Jam “Mûre” – 370g"]);
}

#[test]
fn utf_16_and_lone_cr_are_read_as_what_they_are() {
    let text = std::fs::read_to_string(case("base.csv")).unwrap();
    let expected = sales(&open("base.csv", ImportOptions::default()).unwrap());
    assert_eq!(expected.len(), 2);
    let old = text.replace('\n', "\r");
    for text in [&text, &old, &text.replace('\n', "\r\n"), &text.replace('\n', "\r\r\n")] {
        for (mark, bytes) in [
            ("", u16::to_le_bytes as fn(u16) -> [u8; 2]),
            ("\u{feff}", u16::to_le_bytes),
            ("\u{feff}", u16::to_be_bytes),
        ] {
            let file: Vec<u8> = format!("{mark}{text}").encode_utf16().flat_map(bytes).collect();
            let import = Import::read(Path::new("x.csv"), file.into(), ImportOptions::default()).unwrap();
            assert_eq!(sales(&import), expected);
        }
        let import = Import::read(Path::new("x.csv"), text.as_bytes().into(), ImportOptions::default()).unwrap();
        assert_eq!(sales(&import), expected);
    }
    assert_eq!(amounts(&open("cr_only.csv", ImportOptions::default()).unwrap()), pairs(&[("300001", "4.2")]));
    let mixed = text.replacen('\n', "\r\n", 1).replacen("UK\n", "UK\r", 1);
    let import = Import::read(Path::new("x.csv"), mixed.as_bytes().into(), ImportOptions::default()).unwrap();
    are_told(&import, &["are the ends of lines mixed?"]);
    assert_eq!(amounts(&import), pairs(&[("C900002", "-2.5")]), "two lines became one, and their invoice is held back");
}

#[test]
fn an_error_cell_is_no_id_and_no_name() {
    let import = open("errors.xlsx", ImportOptions::default()).unwrap();
    are_told(
        &import,
        &[
            "row 2: Description #REF! is an error cell",
            "row 3: CustomerID #N/A is an error cell",
            "row 4: StockCode #N/A is an error cell",
        ],
    );
    assert_eq!(import.total_events(), 0);
}

#[test]
fn a_client_is_any_name_but_half_a_number() {
    let import = open("alnum_client.csv", ImportOptions::default()).unwrap();
    are_told(&import, &[]);
    let clients: Vec<_> = sales(&import).into_iter().map(|(_, _, client, _)| client).collect();
    assert_eq!(clients, ["AB-12001", "anna@example.org", "17003"]);
    let import = open("decimal_client.csv", ImportOptions::default()).unwrap();
    are_told(&import, &["line 2: CustomerID \"17850.5\" is not a whole number"]);
    let clients: Vec<_> = sales(&import).into_iter().map(|(_, _, client, _)| client).collect();
    assert_eq!(clients, ["007", "-5"]);
}

#[test]
fn what_shops_export_is_read_or_told_how_to_write_it() {
    let shopify = [
        "Name=invoice_id",
        "Lineitem sku=product_id",
        "Lineitem name=name",
        "Lineitem quantity=quantity",
        "Created at=timestamp",
        "Lineitem price=unit_price",
        "Email=client_id",
    ];
    let import = open("shopify.csv", mapped(&shopify)).unwrap();
    are_told(&import, &["Lineitem sku is empty"]);
    let sale =
        |invoice: &str, at: &str, client: &str, amount: &str| (invoice.into(), at.into(), client.into(), amount.into());
    assert_eq!(
        sales(&import),
        [
            sale("#1001", "2026-04-03T14:14:00Z", "anna@example.org", "52"),
            sale("#1003", "2026-04-10T14:00:00Z", "cy@example.org", "16"),
        ]
    );
    let square = [
        "Transaction ID=invoice_id",
        "SKU=product_id",
        "Item=name",
        "Qty=quantity",
        "Date=timestamp",
        "Gross Sales=unit_price",
        "Customer ID=client_id",
    ];
    let import = open("square.csv", mapped(&square)).unwrap();
    let currency = "holds a currency: write the number alone";
    are_told(&import, &[currency, currency, currency]);
    assert_eq!(import.total_events(), 0);
    is_refused(
        open("square.csv", mapped(&["Gross Sales=total_amount"])),
        &["total_amount", "no field of them", "unit_price"],
    );
    let month = "does not say which number is the month: write the year first";
    are_told(&open("retail1_us.csv", ImportOptions::default()).unwrap(), &[month, month]);
    is_refused(open("semicolon.csv", ImportOptions::default()), &["separates its columns by ';'", "with commas"]);
    is_refused(open("old.xls", ImportOptions::default()), &["old Excel format (.xls)", "save it as .xlsx"]);
}

#[test]
fn a_year_that_has_not_come_is_told() {
    let latest = Some("2026-12-31".parse().unwrap());
    for options in ways() {
        let import = open("year_typo.csv", ImportOptions { latest, ..options }).unwrap();
        are_told(&import, &["line 4: InvoiceDate \"2206-05-02\" lies in the future: check the year"]);
        assert_eq!(amounts(&import), pairs(&[("1", "5"), ("2", "3")]));
    }
}

const LINES: [&str; 7] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"];

/// A sheet of that name, with a header and rows of text.
fn sheet<'a>(book: &'a mut Workbook, name: &str, header: &[&str], rows: &[&[&str]]) -> &'a mut Worksheet {
    let sheet = book.add_worksheet().set_name(name).unwrap();
    sheet.write_row(0, 0, header.iter().copied()).unwrap();
    for (line, row) in (1..).zip(rows) {
        for (column, cell) in (0..).zip(*row) {
            sheet.write(line, column, *cell).unwrap();
        }
    }
    sheet
}

fn read(mut book: Workbook) -> Result<Import, ImportError> {
    Import::read(Path::new("shop.xlsx"), book.save_to_buffer().unwrap().into(), ImportOptions::default())
}

const MAY: &[&[&str]] =
    &[&["1", "A", "x", "2", "2026-05-01", "1.5", "7"], &["2", "A", "x", "1", "2026-05-01", "1.5", "7"]];

#[test]
fn no_sheet_is_left_out_without_a_word() {
    let mut book = Workbook::new();
    sheet(&mut book, "May", &LINES, MAY);
    sheet(&mut book, "Notes", &["Remember", "Quantity"], &[&["call Ann", "1"]]);
    sheet(&mut book, "Old", &LINES, MAY).set_very_hidden(true);
    sheet(&mut book, "Clients", &["client_id", "name"], &[&["7", "Ann"]]).set_hidden(true);
    book.add_worksheet().set_name("Empty").unwrap();
    let mut chart = Chart::new(ChartType::Line);
    chart.add_series().set_values(("May", 1, 3, 2, 3));
    book.add_chartsheet().set_name("Chart").unwrap().insert_chart(0, 0, &chart).unwrap();
    let import = read(book).unwrap();
    assert_eq!(amounts(&import), pairs(&[("1", "3"), ("2", "1.5")]));
    assert_eq!(import.total_events(), 2);
    let unread: Vec<_> = import.summary().unread.iter().map(|s| (s.name.as_str(), s.is_left_out)).collect();
    assert_eq!(unread, [("Notes", true), ("Old", true), ("Clients", true)]);
    assert!(import.summary().unread[0].reason.contains("it reads: Remember,Quantity"));
    assert!(import.summary().is_partial());
}

#[test]
fn a_sheet_that_lacks_a_column_of_sales_is_refused_and_nothing_is_sent() {
    let mut book = Workbook::new();
    sheet(&mut book, "May", &LINES, MAY);
    sheet(
        &mut book,
        "June",
        &["InvoiceNo", "StockCode", "Description", "Qty", "InvoiceDate", "UnitPrice", "CustomerID"],
        MAY,
    );
    is_refused(read(book), &["sheet June of shop.xlsx has no column Quantity"]);
}

#[test]
fn an_invoice_is_in_one_sheet() {
    let mut book = Workbook::new();
    sheet(&mut book, "May", &LINES, MAY);
    sheet(
        &mut book,
        "June",
        &LINES,
        &[&["2", "B", "x", "1", "2026-06-01", "1", "7"], &["3", "B", "x", "1", "2026-06-01", "1", "7"]],
    );
    let import = read(book).unwrap();
    are_told(&import, &["sheet June, row 2: InvoiceNo has rows in sheet May too"]);
    assert_eq!(amounts(&import), pairs(&[("1", "3"), ("3", "1")]));

    let mut book = Workbook::new();
    sheet(&mut book, "May", &LINES, MAY);
    sheet(&mut book, "Invoices", &["invoice_id", "timestamp"], &[]);
    is_refused(read(book), &["the sheets Invoices and May", "leave one of them"]);
    let mut book = Workbook::new();
    sheet(&mut book, "Invoice Details", &["invoice_id", "product_id", "quantity"], &[]);
    sheet(&mut book, "Invoice_Details", &["invoice_id", "product_id", "quantity"], &[]);
    is_refused(read(book), &["Invoice Details and Invoice_Details", "leave one of them"]);
}

#[test]
fn cells_of_other_types_are_no_ids() {
    let mut book = Workbook::new();
    let date = Format::new().set_num_format("d-mmm");
    let row = |price: &'static str| ["", "", "x", "1", "2026-05-01", price, ""];
    let of = sheet(&mut book, "May", &LINES, &[&row("1"), &row("1"), &row("1"), &row("1"), &row("1"), &row("1")]);
    for line in 1..=6 {
        of.write(line, 0, line).unwrap();
    }
    of.write(1, 1, true).unwrap();
    of.write_with_format(2, 1, ExcelDateTime::from_ymd(2026, 3, 1).unwrap(), &date).unwrap();
    of.write(3, 1, 1_234_567_890_123_456.0).unwrap();
    of.write(4, 1, 10.5).unwrap();
    of.write(5, 1, "5.01E+12").unwrap();
    of.write(6, 1, 5_010_000_000_000.0).unwrap();
    let import = read(book).unwrap();
    are_told(
        &import,
        &[
            "StockCode TRUE is a logical value",
            "StockCode 2026-03-01 is a date",
            "of more digits than the 15",
            "StockCode 10.5 is a number with decimals",
            "StockCode 5.01E+12 is a rounded number",
        ],
    );
    assert_eq!(events(&import)[0]["items"][0]["product_id"], "5010000000000");
}

#[test]
fn the_same_holds_of_records() {
    let mut book = Workbook::new();
    let products = sheet(
        &mut book,
        "Products",
        &["SKU", "Stock", "Price", "name", "expiry_date", "updated_at"],
        &[
            &["A", "1", "$5", "x", "", ""],
            &["B", "1", "5", "x", "3/4/2026", ""],
            &["C", "1", "5", "x", "2199-01-01", "2026-05-01 10:00:00 +0200"],
            &["", "1", "5", "x", "", ""],
            &["E", "1", "5", "x", "", "2206-05-01"],
        ],
    );
    products.write_formula(1, 3, Formula::new("=VLOOKUP(1,A1:B2,2)").set_result("#N/A")).unwrap();
    products.write(4, 0, true).unwrap();
    sheet(&mut book, "Clients", &["client_id", "name"], &[&["17850.0", "Ann"], &["17850.5", "Bob"], &["NaN", "Cy"]]);
    let options = ImportOptions { latest: Some("2026-12-31".parse().unwrap()), ..ImportOptions::default() };
    let import = Import::read(Path::new("shop.xlsx"), book.save_to_buffer().unwrap().into(), options).unwrap();
    are_told(
        &import,
        &[
            "Price \"$5\" holds a currency",
            "expiry_date \"3/4/2026\" does not say which number is the month",
            "SKU TRUE is a logical value",
            "updated_at \"2206-05-01\" lies in the future",
            "client_id \"17850.5\" is not a whole number",
            "client_id \"NaN\" is what programs write for nothing",
        ],
    );
    assert!(bad(&import)[0].contains("name #N/A is an error cell"), "{:?}", bad(&import));
    let sent = events(&import);
    assert_eq!((&sent[0]["product_id"], &sent[0]["updated_at"]), (&json!("C"), &json!("2026-05-01T08:00:00Z")));
    assert_eq!((&sent[1]["client_id"], sent.len()), (&json!("17850"), 2));
}

#[test]
fn a_line_in_merged_cells_holds_the_invoice_above_back() {
    let mut book = Workbook::new();
    sheet(&mut book, "Invoices", &["invoice_id", "timestamp"], &[&["1", "2026-05-01"], &["2", "2026-05-01"]]);
    let details = ["invoice_id", "product_id", "quantity", "unit_price"];
    let rows: [&[&str]; 3] = [&["1", "A", "1", "1"], &["", "B", "1", "1"], &["2", "A", "1", "1"]];
    sheet(&mut book, "Invoice_Details", &details, &rows);
    let import = read(book).unwrap();
    are_told(&import, &["row 3: invoice_id is needed: it may be a line of the invoice above"]);
    assert_eq!(amounts(&import), pairs(&[("2", "1")]));
    assert_eq!((import.summary().rows, import.summary().held_rows), (2, 2));
}

#[test]
fn two_columns_of_one_meaning_are_refused_and_others_are_named() {
    let mut book = Workbook::new();
    sheet(&mut book, "Products", &["SKU", "Stock", "Price", "Unit Price"], &[&["A", "1", "5", "6"]]);
    is_refused(read(book), &["sheet Products of shop.xlsx has two columns sell_price (Price, Unit Price)"]);
    let mut book = Workbook::new();
    sheet(&mut book, "Products", &["id", "PRODUCT ID", "Stock", "Shelf", "Cost Price"], &[&["9", "A", "1", "x", "2"]]);
    let import = read(book).unwrap();
    assert_eq!(events(&import), [json!({"product_id": "A", "quantity": 1})]);
    assert_eq!(import.summary().headers[0].unread, ["id", "Shelf", "Cost Price"]);
    let import = open("base.csv", ImportOptions::default()).unwrap();
    assert_eq!(import.summary().headers[0].unread, ["Country"]);
}

#[test]
fn other_kinds_of_files_are_named() {
    for (file, words) in [
        (&b"%PDF-1.7 x"[..], "a PDF"),
        (b"<html><table>", "HTML or XML"),
        (b"[{\"a\": 1}]", "JSON"),
        (b"BZh91AY", "compressed by other means"),
        (b"InvoiceNo\tStockCode\tDescription\tQuantity", "'\\t'"),
        (b"sep=;\r\nInvoiceNo;StockCode", "';'"),
        (b"\xff\xfe\0\0I\0\0\0", "UTF-32"),
        (b"ranking,product_id,total_profit\n1,A,5\n", "exported, as total_profit shows"),
    ] {
        is_refused(Import::read(Path::new("x.csv"), file.into(), ImportOptions::default()), &["x.csv", words]);
    }
    for (part, words) in [
        ("xl/workbook.bin", ".xlsb"),
        ("content.xml", ".ods"),
        ("Index/Document.iwa", "Numbers"),
        ("may.csv", "unpack it"),
    ] {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for name in [part, "META-INF/manifest.xml"] {
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        }
        let file = archive.finish().unwrap().into_inner();
        is_refused(Import::read(Path::new("x"), file.into(), ImportOptions::default()), &[words]);
    }
}

#[test]
fn a_nul_in_a_text_is_told() {
    let text = std::fs::read_to_string(case("base.csv")).unwrap().replace("P-2", "P-\0");
    let import = Import::read(Path::new("x.csv"), text.as_bytes().into(), ImportOptions::default()).unwrap();
    are_told(&import, &["line 3: StockCode holds a NUL character"]);
}
