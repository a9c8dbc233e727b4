use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};
use serde_json::Value;

use super::{
    super::{Limits, Mapping},
    *,
};

fn read(bytes: Vec<u8>, options: ImportOptions) -> Result<Import, ImportError> {
    Import::read(Path::new("shop.xlsx"), bytes.into(), options)
}

fn payloads(import: &Import) -> Vec<Value> {
    import.events().unwrap().map(|event| serde_json::from_slice(&event.unwrap().payload).unwrap()).collect()
}

fn bad(import: &Import) -> Vec<String> {
    import.summary().bad.iter().map(|row| format!("{}: {}", row.place(), row.reason())).collect()
}

fn names(sheet: &mut Worksheet, names: &[&str]) {
    sheet.write_row(0, 0, names.iter().copied()).unwrap();
}

const LINES: [&str; 7] =
    ["Invoice No", "stock_code", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"];

/// Numbers as numbers, dates as dates, as a person's spreadsheet has them; with a note to the side and an empty row.
fn invoice_lines() -> Workbook {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    names(sheet, &LINES);
    let date = Format::new().set_num_format("dd/mm/yyyy hh:mm");
    let at = ExcelDateTime::from_ymd(2026, 5, 1).unwrap().and_hms(8, 26, 0).unwrap();
    for (row, (product, quantity, price)) in [(1, (85_123.0, 6.0, 2.55)), (3, (22.0, -1.0, 0.1 + 0.2))] {
        sheet.write(row, 0, 536_365).unwrap();
        sheet.write(row, 1, product).unwrap();
        sheet.write(row, 2, "Lantern").unwrap();
        sheet.write(row, 3, quantity).unwrap();
        sheet.write_with_format(row, 4, &at, &date).unwrap();
        sheet.write(row, 5, price).unwrap();
        sheet.write(row, 6, 17_850).unwrap();
    }
    sheet.write(1, 9, "checked by Ann").unwrap();
    book
}

#[test]
fn the_only_sheet_is_read_as_a_csv_file_of_that_layout() {
    let import = read(invoice_lines().save_to_buffer().unwrap(), ImportOptions::default()).unwrap();
    assert_eq!(bad(&import), [""; 0]);
    let expected = r#"{"invoice_id":"536365","client_id":"17850","timestamp":"2026-05-01T08:26:00Z","items":[{"product_id":"85123","quantity":6,"unit_price":"2.55"},{"product_id":"22","quantity":-1,"unit_price":"0.3"}]}"#;
    assert_eq!(payloads(&import), [serde_json::from_str::<Value>(expected).unwrap()]);
    let summary = import.summary();
    assert_eq!((summary.rows, summary.invoices, import.total_events()), (2, 1, 1));
}

#[test]
fn dates_are_read_whatever_way_a_program_writes_them() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name("Products").unwrap();
    names(sheet, &["product_id", "quantity", "expiry_date"]);
    let iso = Format::new().set_num_format("yyyy-mm-dd");
    let long = Format::new().set_num_format("[$-407]d. mmmm yyyy;@");
    for row in 1..=4 {
        sheet.write(row, 0, format!("p{row}")).unwrap();
        sheet.write(row, 1, row).unwrap();
    }
    sheet.write_with_format(1, 2, ExcelDateTime::from_ymd(2026, 2, 28).unwrap(), &iso).unwrap();
    sheet.write_with_format(2, 2, 46_081.25, &long).unwrap(); // as LibreOffice in German shows it
    sheet.write(3, 2, "2026-02-28T06:00:00+01:00").unwrap();
    sheet.write(4, 2, 46_081).unwrap(); // a date whose format was lost
    let import = read(book.save_to_buffer().unwrap(), ImportOptions::default()).unwrap();
    let dates: Vec<_> = payloads(&import).iter().map(|event| event["expiry_date"].clone()).collect();
    assert_eq!(dates, ["2026-02-28T00:00:00Z", "2026-02-28T06:00:00Z", "2026-02-28T05:00:00Z"]);
    let bad = bad(&import);
    assert!(
        bad[0].starts_with("sheet Products, row 5: expiry_date \"46081\" is not a time: write RFC 3339"),
        "{bad:?}"
    );
}

/// The four sheets of the replaced system, with a person's spelling, and one fault of each kind.
fn four_sheets() -> Workbook {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name("Products").unwrap();
    names(sheet, &["Product ID", "Product Name", "Purchase Price", "SELLING_PRICE", "Stock Quantity", "Batch Number"]);
    sheet.write_row(1, 0, ["P1", "Lamp", "2.5", "4", "10", "7"]).unwrap();
    sheet.write_row(2, 0, ["P2", "Card", "-1", "1", "many", ""]).unwrap();
    let sheet = book.add_worksheet();
    sheet.set_name("clients").unwrap();
    names(sheet, &["client_id", "name", "loyalty_tier"]);
    sheet.write_row(1, 0, ["C1", "Ann", "Gold"]).unwrap();
    sheet.write_row(2, 0, ["C2", "Bob", "Platinum"]).unwrap();
    let sheet = book.add_worksheet();
    sheet.set_name("Invoices").unwrap();
    names(sheet, &["invoice_id", "client_id", "invoice_date", "total_amount"]);
    for (row, id) in ["I1", "I2", "I3", "I4", "I4"].into_iter().enumerate() {
        sheet.write_row(row as u32 + 1, 0, [id, "C1", "2026-05-01 10:00:00", "8"]).unwrap();
    }
    let sheet = book.add_worksheet();
    sheet.set_name("Invoice Details").unwrap();
    names(sheet, &["invoice_id", "product_id", "quantity", "unit_price"]);
    let lines = [("I1", "2"), ("I2", "1"), ("I2", "0"), ("I9", "1"), ("I1", "1"), ("I4", "1")];
    for (row, (id, quantity)) in lines.into_iter().enumerate() {
        sheet.write_row(row as u32 + 1, 0, [id, "P1", quantity, "4"]).unwrap();
    }
    book
}

#[test]
fn four_sheets_become_records_and_whole_invoices() {
    let import = read(four_sheets().save_to_buffer().unwrap(), ImportOptions::default()).unwrap();
    let sent = payloads(&import);
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert_eq!((sent[0]["product_id"].as_str(), sent[0]["buy_price"].as_str()), (Some("P1"), Some("2.5")));
    assert_eq!((sent[0]["batch_no"].as_str(), sent[0]["quantity"].as_i64()), (Some("7"), Some(10)));
    assert_eq!((sent[1]["client_id"].as_str(), sent[1]["loyalty_tier"].as_str()), (Some("C1"), Some("Gold")));
    assert_eq!(sent[2]["invoice_id"], "I1");
    assert_eq!(sent[2]["items"].as_array().unwrap().len(), 2, "lines that are apart are one invoice");
    assert_eq!(
        (import.summary().rows, import.summary().held_rows),
        (5, 4),
        "I2, I4 and their good lines are held back"
    );
}

#[test]
fn a_bad_row_is_told_with_sheet_row_columns_values_and_what_is_allowed() {
    let import = read(four_sheets().save_to_buffer().unwrap(), ImportOptions::default()).unwrap();
    let told = bad(&import).join("\n");
    for expected in [
        "sheet Products, row 3: Stock Quantity \"many\" is not a whole number; Purchase Price must be from 0 to 1000000000, not -1",
        "sheet clients, row 3: loyalty_tier `Platinum` is not one of",
        "sheet Invoices, row 4: invoice_id \"I3\": has no row in Invoice_Details",
        "sheet Invoices, row 6: invoice_id \"I4\": is that of row 5 too: give each invoice a number of its own",
        "sheet Invoice Details, row 4: quantity must be a whole number from 1 to",
        "sheet Invoice Details, row 5: invoice_id \"I9\" is in no row of Invoices",
    ] {
        assert!(told.contains(expected), "{expected}\nis not in\n{told}");
    }
    assert_eq!(import.summary().bad_rows, 6, "{told}");
    let card = &import.summary().bad[0];
    assert_eq!((card.cells[4].as_str(), card.faults[0].column, card.faults[1].column), ("many", Some(4), Some(2)));
}

#[test]
fn columns_of_other_names_are_mapped() {
    let csv = "Order;x,Article,Pieces,Sold on,Each\n1,A,2,2026-05-01,3.5\n";
    let mapping =
        ["Order;x=invoice_id", "article = product_id", "Pieces=quantity", "Sold on=timestamp", "Each=unit_price"];
    let options = ImportOptions { mapping: Mapping::parse(mapping).unwrap(), ..ImportOptions::default() };
    let import = Import::read(Path::new("x.csv"), csv.as_bytes().into(), options).unwrap();
    assert_eq!(payloads(&import)[0]["items"][0]["unit_price"], "3.5");
    let options = ImportOptions { mapping: Mapping::parse(["Nothing=name"]).unwrap(), ..ImportOptions::default() };
    let refused = Import::read(Path::new("x.csv"), csv.as_bytes().into(), options).unwrap_err().to_string();
    assert!(refused.contains("has no column Nothing, which was mapped"), "{refused}");
    for wrong in ["Each", "Each=prize", "=name"] {
        let refused = Mapping::parse([wrong]).unwrap_err().to_string();
        assert!(refused.contains("write COLUMN=FIELD") && refused.contains("unit_price"), "{refused}");
    }
}

#[test]
fn an_invoice_with_a_line_that_workers_would_refuse_is_held_back_as_a_whole() {
    let csv = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n\
        1,A,x,1,2026-05-01,1,\n1,B,x,1,2026-05-01,-1,\n2,A,x,1,2026-05-01,1,\n3,A,x,ten,2026-05-01,1,\n3,A,x,1,2026-05-01,1,\n";
    let import = Import::read(Path::new("x.csv"), csv.as_bytes().into(), ImportOptions::default()).unwrap();
    let summary = import.summary();
    assert_eq!((summary.rows, summary.bad_rows, summary.held_rows, import.total_events()), (1, 2, 2, 1));
    assert_eq!(payloads(&import)[0]["invoice_id"], "2");
    assert_eq!(
        bad(&import),
        ["line 3: UnitPrice must be from 0 to 1000000000, not -1", "line 5: Quantity \"ten\" is not a whole number"]
    );
}

#[test]
fn what_is_too_large_is_refused_before_it_fills_the_memory() {
    let refused = |bytes: Vec<u8>, limits| {
        let options = ImportOptions { limits, ..ImportOptions::default() };
        read(bytes, options).err().map_or_else(String::new, |error| error.to_string())
    };
    // 64 MiB of spaces in a few KiB, as a sheet of the archive.
    let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let deflated = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("xl/worksheets/sheet1.xml", deflated).unwrap();
    (0..64).for_each(|_| archive.write_all(&vec![b' '; 1 << 20]).unwrap());
    let bomb = archive.finish().unwrap().into_inner();
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    let limits = Limits { unpacked: 16 << 20, ..Limits::default() };
    assert!(refused(bomb, limits).contains("more than 16 MiB when it is unpacked"));

    let book = invoice_lines().save_to_buffer().unwrap();
    assert!(refused(book.clone(), Limits { rows: 1, ..Limits::default() }).contains("more than 1 rows"));
    assert_eq!(refused(book, Limits { rows: 3, ..Limits::default() }), "");
}

#[test]
fn what_is_no_workbook_or_has_other_sheets_is_refused_with_what_to_do() {
    let refused = |bytes: Vec<u8>| read(bytes, ImportOptions::default()).unwrap_err().to_string();
    assert!(refused(b"PK\x03\x04rest".to_vec()).contains("failed to read the workbook shop.xlsx"));
    let mut book = Workbook::new();
    for name in ["May", "June"] {
        book.add_worksheet().set_name(name).unwrap().write(0, 0, "x").unwrap();
    }
    assert!(
        refused(book.save_to_buffer().unwrap())
            .contains("has the sheets May, June; it must have sheets of invoice lines")
    );
    let mut book = Workbook::new();
    names(book.add_worksheet().set_name("Clients").unwrap(), &["name"]);
    let message = refused(book.save_to_buffer().unwrap());
    assert!(message.contains("sheet Clients of shop.xlsx has no column client_id"), "{message}");
}

#[test]
fn a_workbook_on_disk_is_read_like_one_in_memory() {
    let path = std::env::temp_dir().join(format!("stockstream-{}.xlsx", std::process::id()));
    std::fs::write(&path, invoice_lines().save_to_buffer().unwrap()).unwrap();
    let import = Import::open(&path, ImportOptions::default());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(Arc::new(import.unwrap()).total_events(), 1);
}
