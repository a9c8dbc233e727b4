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
    is_refused(
        open("clients_roundtrip.xlsx", ImportOptions::default()),
        &["sheet clients of", "exported", "eligible_promo", "counted again"],
    );
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
    let import = open("broken_line.csv", ImportOptions::default()).unwrap();
    are_told(&import, &["line 3: it has 8 columns and the header 7"]);
    assert_eq!(amounts(&import), pairs(&[("950002", "2.1")]));
    assert_eq!(import.summary().held_rows, 1);
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
    let import = open("year_typo.csv", ImportOptions { latest, ..ImportOptions::default() }).unwrap();
    are_told(&import, &["line 4: InvoiceDate \"2206-05-02\" lies in the future: check the year"]);
    assert_eq!(amounts(&import), pairs(&[("1", "5"), ("2", "3")]));
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

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID";

fn read_lines(rows: &[&str]) -> Import {
    let file = format!("{HEADER}\n{}\n", rows.join("\n"));
    Import::read(Path::new("x.csv"), file.as_bytes().into(), ImportOptions::default()).unwrap()
}

/// What is named as looking alike, and how.
fn alike(import: &Import) -> Vec<String> {
    import.summary().alike.iter().map(|alike| format!("{} {:?}", alike.field, alike.ids)).collect()
}

#[test]
fn a_shop_that_begins_its_numbers_anew_has_no_invoices_of_two_years() {
    let import = read_lines(&[
        "17,A,x,2,2025-01-05 10:00:00,1.5,",
        "17,B,x,1,2025-01-05 10:01:00,1,",
        "18,A,x,1,2025-01-06,1,",
        "17,A,x,9,2026-01-05 10:00:00,1.5,",
        "18,A,x,9,2025-01-07,1,",
        "19,A,x,1,2026-01-06,1,",
    ]);
    let told = |row: &str, first: &str, line: u64| {
        format!(
            "InvoiceDate {row} is more than 12 hours from {first}, the time of the same invoice in line {line}: if they are \
             two invoices, give each a number of its own; if they are one, write one time in all of its rows"
        )
    };
    are_told(
        &import,
        &[
            &told("2026-01-05T10:00:00Z", "2025-01-05T10:00:00Z", 2),
            &told("2025-01-07T00:00:00Z", "2025-01-06T00:00:00Z", 4),
        ],
    );
    assert_eq!((bad(&import)[0].split(": ").next(), import.summary().held_rows), (Some("line 5"), 3));
    assert_eq!(amounts(&import), pairs(&[("19", "1")]));

    let mut book = Workbook::new();
    sheet(&mut book, "May", &LINES, &[MAY[0], &["1", "A", "x", "2", "2026-05-03", "1.5", "7"]]);
    are_told(&read(book).unwrap(), &["the time of the same invoice in row 2"]);
}

#[test]
fn an_id_counts_as_it_stands_and_what_looks_alike_is_named() {
    let import = read_lines(&[
        "1,A1,x,1,2026-05-01,1,anna",
        "2, A1,x,2,2026-05-01,1,Anna",
        "3,A1\u{a0},x,3,2026-05-01,1,",
        "4,b 1,x,1,2026-05-01,1, ",
        " 4,B1,x,1,2026-05-01,1,",
        "5,c,x,1,2026-05-01,1,7",
    ]);
    are_told(&import, &[]);
    assert_eq!(import.summary().products, 6, "none is taken for another");
    assert_eq!(
        alike(&import),
        [
            r#"invoice_id [" 4", "4"]"#,
            r#"product_id [" A1", "A1", "A1\u{a0}"]"#,
            r#"product_id ["B1", "b 1"]"#,
            r#"client_id ["Anna", "anna"]"#,
        ]
    );
    let found = events(&import);
    let of = |invoice: &str| found.iter().find(|sale| sale["invoice_id"] == invoice).unwrap();
    assert_eq!(of("2")["items"][0]["product_id"], " A1");
    assert!(of("4")["client_id"].is_null(), "spaces are no client");

    let import = read_lines(&[
        "1,A,x,1,2026-05-01,1,",
        " ,B,x,1,2026-05-01,1,",
        "2, ,x,1,2026-05-01,1,",
        "3,A,x,1,2026-05-01,1,",
    ]);
    are_told(
        &import,
        &["line 3: InvoiceNo is empty: it may be a line of the invoice above", "line 4: StockCode is empty"],
    );
    assert_eq!(amounts(&import), pairs(&[("3", "1")]));
}

#[test]
fn ids_of_records_count_as_they_stand_too() {
    let mut book = Workbook::new();
    sheet(
        &mut book,
        "Products",
        &["SKU", "Stock", "name"],
        &[&[" A1 ", "1", " Lamp "], &["A1", " 2 ", "Lamp"], &["C", "1", ""]],
    );
    sheet(&mut book, "Clients", &["client_id", "name"], &[&["anna", "Ann"], &["Anna", "Ann"]]);
    sheet(&mut book, "May", &LINES, &[&["1", "c", "x", "2", "2026-05-01", "1.5", "ANNA"]]);
    let import = read(book).unwrap();
    are_told(&import, &[]);
    let found = events(&import);
    assert_eq!(found[0], json!({"product_id": " A1 ", "quantity": 1, "name": "Lamp"}));
    assert_eq!(found[1], json!({"product_id": "A1", "quantity": 2, "name": "Lamp"}));
    assert_eq!(
        alike(&import),
        [r#"product_id [" A1 ", "A1"]"#, r#"product_id ["C", "c"]"#, r#"client_id ["ANNA", "Anna", "anna"]"#]
    );
}

#[test]
fn of_many_ids_that_look_alike_some_are_named_and_all_are_counted() {
    let rows: Vec<_> = (0..150).map(|n| format!("i{n},a{n},x,1,2026-05-01,1,\nj{n},A{n},x,1,2026-05-01,1,")).collect();
    let import = read_lines(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((import.summary().alike.len(), import.summary().more_alike), (100, 50));
}

#[test]
fn what_workers_would_refuse_is_left_out_and_named() {
    let import = read_lines(&[
        "1,A,x,0,2026-05-01,1,",
        "1,B,x,1,2026-05-01,1,",
        "2,A,x,1,2026-05-01,-1,",
        "3,A,x,1000000001,2026-05-01,1,",
        "4,A,x,1,2026-05-01,1000000001,",
        "5,A,x,1000000000,2026-05-01,11,",
        "6,A,x,1,2026-05-01,1,",
    ]);
    are_told(
        &import,
        &[
            "line 2: Quantity must be a whole number from 1 to 1000000000, or negative for a return, not 0",
            "line 4: UnitPrice must be from 0 to 1000000000, not -1",
            "line 5: Quantity must be a whole number from 1 to 1000000000",
            "line 6: UnitPrice must be from 0 to 1000000000, not 1000000001",
            "line 7: UnitPrice times quantity 1000000000 is beyond 10000000000",
        ],
    );
    assert_eq!((import.summary().held_rows, amounts(&import)), (1, pairs(&[("6", "1")])));
}

const DETAILS: [&str; 4] = ["invoice_id", "product_id", "quantity", "unit_price"];

#[test]
fn an_invoice_that_two_rows_are_of_is_held_back_with_all_of_its_lines() {
    let mut book = Workbook::new();
    let rows: [&[&str]; 4] = [&["1", "2025-01-05"], &["2", "2026-01-05"], &["1", "2026-01-05"], &["3", "2026-01-05"]];
    sheet(&mut book, "Invoices", &["invoice_id", "timestamp"], &rows);
    let rows: [&[&str]; 4] =
        [&["1", "A", "1", "1"], &["1", "B", "1", "1"], &["2", "A", "1", "2"], &["3", "A", "1", "3"]];
    sheet(&mut book, "Invoice_Details", &DETAILS, &rows);
    let import = read(book).unwrap();
    are_told(
        &import,
        &["sheet Invoices, row 4: invoice_id \"1\": is that of row 2 too: give each invoice a number of its own"],
    );
    assert_eq!(amounts(&import), pairs(&[("2", "2"), ("3", "3")]));
    assert_eq!((import.summary().rows, import.summary().held_rows), (4, 3));
}

#[test]
fn a_row_of_invoices_that_names_none_holds_the_one_above_back() {
    let mut book = Workbook::new();
    let rows: [&[&str]; 3] = [&["1", "2026-01-05", "5"], &["", "2026-01-05", "7"], &["2", "2026-01-05", "2"]];
    sheet(&mut book, "Invoices", &["invoice_id", "timestamp", "total_amount"], &rows);
    sheet(&mut book, "Invoice_Details", &DETAILS, &[&["1", "A", "1", "1"], &["2", "A", "1", "2"]]);
    let import = read(book).unwrap();
    are_told(
        &import,
        &["sheet Invoices, row 3: invoice_id is needed: it may be a line of the invoice above, which is held back"],
    );
    assert_eq!(amounts(&import), pairs(&[("2", "2")]));
    assert_eq!(import.summary().held_rows, 2);
}

#[test]
fn a_line_whose_invoice_is_written_otherwise_holds_it_back() {
    let mut book = Workbook::new();
    sheet(&mut book, "Invoices", &["invoice_id", "timestamp"], &[&["R1", "2026-01-05"], &["R2", "2026-01-05"]]);
    let rows: [&[&str]; 4] =
        [&["R1", "A", "1", "1"], &["R1 ", "B", "1", "1"], &["R2", "A", "1", "2"], &["R9", "A", "1", "2"]];
    sheet(&mut book, "Invoice_Details", &DETAILS, &rows);
    let import = read(book).unwrap();
    are_told(
        &import,
        &[
            "sheet Invoice_Details, row 3: invoice_id \"R1 \" is in no row of Invoices, but \"R1\" is: write both alike",
            "sheet Invoice_Details, row 5: invoice_id \"R9\" is in no row of Invoices",
        ],
    );
    assert_eq!((amounts(&import), import.summary().held_rows), (pairs(&[("R2", "2")]), 2));
}

#[test]
fn of_two_records_without_an_order_neither_is_sent() {
    let mut book = Workbook::new();
    let columns = ["product_id", "batch_no", "quantity", "updated_at"];
    let rows: [&[&str]; 7] = [
        &["A", "", "10", ""],
        &["B", "1", "1", ""],
        &["A", "", "5", ""],
        &["B", "2", "1", ""],
        &["C", "", "1", "2026-05-01"],
        &["C", "", "2", "2026-05-02"],
        &["A", "", "many", ""],
    ];
    sheet(&mut book, "Products", &columns, &rows);
    let rows: [&[&str]; 3] = [&["17850", "Ann"], &["17850.0", "Bob"], &["17851", "Cy"]];
    sheet(&mut book, "Clients", &["client_id", "name"], &rows);
    let import = read(book).unwrap();
    let what = "is that of row 2 too: leave one of them, or give each its own updated_at";
    are_told(
        &import,
        &[
            &format!("sheet Products, row 4: product_id \"A\": {what}"),
            "sheet Products, row 8: quantity \"many\" is not a whole number; product_id \"A\": is that of row 2 too",
            &format!("sheet Clients, row 3: client_id \"17850.0\": {what}"),
        ],
    );
    assert_eq!((import.summary().rows, import.summary().held_rows), (5, 2));
    let sent: Vec<_> = import.events().unwrap().map(|event| event.unwrap().key).collect();
    assert_eq!(sent, ["B", "B", "C", "C", "17851"]);
}

#[test]
fn a_row_of_totals_is_no_product() {
    let mut book = Workbook::new();
    let rows: [&[&str]; 2] = [&["A", "10"], &["Total:", "10"]];
    sheet(&mut book, "Products", &["product_id", "quantity"], &rows);
    let import = read(book).unwrap();
    are_told(&import, &["row 3: product_id \"Total:\" is what spreadsheets write for a row of totals: remove the row"]);
    assert_eq!(import.total_events(), 1);
}

#[test]
fn a_sheet_without_rows_is_named() {
    let mut book = Workbook::new();
    sheet(&mut book, "May", &LINES, MAY);
    sheet(&mut book, "June", &LINES, &[]);
    sheet(&mut book, "Products", &["product_id", "quantity"], &[]);
    let import = read(book).unwrap();
    let unread: Vec<_> = import.summary().unread.iter().map(|s| (s.name.as_str(), s.reason.as_str())).collect();
    let reason = "it has no rows below the names of its columns";
    assert_eq!(unread, [("June", reason), ("Products", reason)]);
    assert!(!import.summary().is_partial(), "nothing is left out");
}

#[test]
fn a_column_holds_one_field() {
    let refused = Mapping::parse(["Ref=invoice_id", "Item=name", "item = product_id"]).unwrap_err().to_string();
    assert!(refused.starts_with("column item is mapped to name and to product_id: map it to one field"), "{refused}");
    assert!(Mapping::parse(["Item=name", "ITEM=name"]).is_ok());
}
