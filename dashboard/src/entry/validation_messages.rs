//! What is wrong with a field or a cell, in the language of the reader. The decoder and the import say it in English, as
//! they do to programs; the commonest of their sentences are known here by their shapes.

use crate::locale::translate::{key, t, tf};

/// Each `{}` stands for what was found, or a number.
const SHAPES: &[&str] = &[
    key("is needed"),
    key("is empty"),
    key("is not UTF-8"),
    key("is longer than {} bytes"),
    key("must be at most {} bytes long"),
    key("must be from {} to {}, not {}"),
    key("must be a whole number from 1 to {}, or negative for a return, not {}"),
    key("together amount to {}; at most {} is taken"),
    key("together cost {}; at most {} is taken"),
    key("together are {} units; at most {} are taken"),
    key("{} is not a whole number"),
    key("{} is not a number"),
    key("{} is not a decimal number such as 12.50"),
    key("{} is out of range"),
    key("{} may mean {} or {}: write it without a point"),
    key(
        "{} is not a time: write RFC 3339 (2026-05-01T12:30:00Z), or a date-time or date without a zone (UTC), years 1900 to 9999",
    ),
    key("it has {} columns and the header {}; it runs over several lines: is a quote left open?"),
    key("it has {} columns and the header {}; it holds the end of a line: are the ends of lines mixed?"),
    key("it has {} columns and the header {}"),
    key("is that of row {} too: give each invoice a number of its own, or leave one of the rows"),
    key("is that of row {} too: leave one of them, or give each its own updated_at"),
    key("{} is in no row of Invoices, but {} is: write both alike"),
    key("{} is in no row of Invoices"),
    key("has no row in Invoice_Details"),
    key(
        "{} has no column {}; its first line must name the columns, separated by commas, or other names be mapped to fields \
         (--map 'Order No=invoice_id', or on the page), and it reads: {}",
    ),
    key(
        "sheet {} of {} has no column {}; its first row must name the columns, or other names be mapped to fields (--map \
         'Order No=invoice_id', or on the page), and it reads: {}",
    ),
    key("{} has two columns {}; rename or remove one"),
    key("{} has {}, which is more than is read at once; split it"),
    key("a cell of it holds what looks like another line of the file: is a quote left open?"),
    key("{} is an error cell: mend its formula, or write what is meant"),
    key("holds a NUL character: the file is damaged, or in another encoding"),
    key("{} is a logical value, not an id: format the column as text and write it again"),
    key("{} is a date, not an id: format the column as text and write it again"),
    key("{} is a number with decimals, not an id: format the column as text and write it again"),
    key(
        "{} is a number of more digits than the 15 that a spreadsheet keeps: format the column as text and write it again",
    ),
    key("{} is a rounded number, not an id: format the column as text and write it again"),
    key("{} is what programs write for nothing: write the id, or leave the cell empty"),
    key("{} holds a currency: write the number alone, such as 1200.50"),
    key("{} is in brackets: write an amount below zero with a minus sign"),
    key("{} holds a comma, a space or an apostrophe: write 1200.50, with a point before the decimals only"),
    key("{} does not say which number is the month: write the year first, such as 2026-12-31 08:26"),
    key("{} lies in the future: check the year"),
    key("is empty: it may be a line of the invoice above, which is held back"),
    key("is needed: it may be a line of the invoice above, which is held back"),
    key(
        "{} is not the client of the same invoice in line {}: write one client in all of its rows, or give each client's \
         invoice a number of its own",
    ),
    key(
        "{} is not the client of the same invoice in row {}: write one client in all of its rows, or give each client's \
         invoice a number of its own",
    ),
    key(
        "{} is more than 12 hours from {}, the time of the same invoice in line {}: if they are two invoices, give each a \
         number of its own; if they are one, write one time in all of its rows",
    ),
    key(
        "{} is more than 12 hours from {}, the time of the same invoice in row {}: if they are two invoices, give each a \
         number of its own; if they are one, write one time in all of its rows",
    ),
    key("its invoice's lines up to this one together amount to {}; at most {} is taken"),
    key("its invoice's lines up to this one together are {} units; at most {} are taken"),
    key("an invoice has 1 to {} lines, not {}"),
    key("times quantity {} is beyond {}"),
    key("{} is what spreadsheets write for a row of totals: remove the row"),
    key("column {} is mapped to {} and to {}: map it to one field, or write a second column into the file"),
    key("has rows in sheet {} too: move them into one"),
    key(
        "{} is in the old Excel format (.xls), or has a password: open it in a spreadsheet and save it as .xlsx, without a password",
    ),
    key("{} is a PDF: export the list itself as CSV or .xlsx"),
    key("{} is compressed by other means than gzip: unpack it first"),
    key("{} is HTML or XML: open it in a spreadsheet and save it as .xlsx"),
    key("{} is JSON: save it as CSV or .xlsx; what is an event already, produce to Kafka"),
    key("{} is a binary workbook (.xlsb): save it as .xlsx"),
    key("{} is an OpenDocument spreadsheet (.ods): save it as .xlsx"),
    key("{} is a Numbers spreadsheet: save it as .xlsx"),
    key("{} is a ZIP archive and no workbook: unpack it first"),
    key("{} is not in {} at line {}, where windows-1252 would read {}; save it as CSV in UTF-8, or name its encoding \
         (--encoding, or on the page), which is windows-1252 for what Excel writes in Western Europe and the Americas"),
    key("{} is not in {} (near line {}): it is damaged, or its encoding is another; save it as CSV in UTF-8"),
    key(
        "{} separates its columns by {}, not by commas: save it as CSV with commas and with points before decimals, or as .xlsx",
    ),
    key(
        "{} is a list that Stockstream exported, as {} shows: its figures are computed from events and would be counted \
         again; send what you correct in a file without them (docs/import.md, Our own exports)",
    ),
    key("{} holds no row in any sheet that can be seen"),
    key("{} has the sheets {} and {}, which hold the same: leave one of them in the file"),
    key(
        "{} has the sheets {}; it must have sheets of invoice lines, whose other names of columns are mapped to fields (--map \
         'Order No=invoice_id', or on the page), or sheets of the names Products, Clients, Invoices, Invoice_Details",
    ),
    key("it is hidden: show it, or delete it"),
    key("it is hidden"),
    key("it has no rows below the names of its columns"),
    key("its first row names no columns of invoice lines; it reads: {}"),
];

/// What is wrong, translated where it is known; otherwise as it was said.
pub(crate) fn fault(text: &str) -> String {
    let known = SHAPES.iter().find_map(|shape| Some((shape, taken(shape, text)?)));
    known.map_or_else(|| t(text).into_owned(), |(shape, others)| tf(shape, &others))
}

/// The same of a cell, behind the name of its column, and what stands in it where that was said apart.
pub(crate) fn fault_of(column: &str, text: &str) -> String {
    let Some(rest) = text.strip_prefix(column).and_then(|rest| rest.strip_prefix(' ')) else { return fault(text) };
    match rest.split_once("\": ") {
        Some((cell, what)) if cell.starts_with('"') && taken_by_none(rest) => {
            format!("{column} {cell}\": {}", fault(what))
        }
        _ => format!("{column} {}", fault(rest)),
    }
}

fn taken_by_none(text: &str) -> bool {
    SHAPES.iter().all(|shape| taken(shape, text).is_none())
}

/// What stands in the places of a shape, if a text has it.
fn taken<'a>(shape: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = shape.split("{}").peekable();
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut others = Vec::new();
    while let Some(part) = parts.next() {
        let at = match (parts.peek(), part) {
            (None, end) => rest.strip_suffix(end)?.len(),
            (Some(_), part) => rest.find(part)?,
        };
        others.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    rest.is_empty().then_some(others)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stockstream_input::{Import, ImportOptions, entry::validate};
    use stockstream_model::event::EventKind;

    use super::*;

    #[test]
    fn a_shape_takes_what_stands_in_its_places() {
        assert_eq!(taken("{} is out of range", "\"9\" is out of range"), Some(vec!["\"9\""]));
        assert_eq!(taken("must be from {} to {}, not {}", "must be from 0 to 9, not -1"), Some(vec!["0", "9", "-1"]));
        assert_eq!(taken("is needed", "is needed"), Some(Vec::new()));
        for other in ["", "is out of range?", "x is needed", "is neededx"] {
            assert!(taken("is needed", other).is_none() && taken("{} is out of range", other).is_none(), "{other}");
        }
    }

    /// What is really said, so that a sentence that changes there is missed here.
    #[test]
    fn what_the_decoder_says_of_fields_is_known() {
        let sale = json!({"timestamp": "yesterday", "items": [
            {"product_id": "a", "quantity": "ten", "unit_price": "2,50"},
            {"product_id": "b", "quantity": 0, "unit_price": "-1"},
            {"product_id": "c", "quantity": "1.000", "unit_price": "1"},
        ]});
        let stock = json!({"product_id": "a", "quantity": 1, "name": "x".repeat(5_000)});
        let mut count = 0;
        for (stream, event) in [(EventKind::Sales, sale), (EventKind::Inventory, stock)] {
            for problem in validate(stream, event.as_object().unwrap().clone()).unwrap_err() {
                assert!(!taken_by_none(&problem.message), "{}: {}", problem.path, problem.message);
                count += 1;
            }
        }
        assert_eq!(count, 8);
    }

    #[test]
    fn what_an_import_says_of_rows_and_columns_is_known() {
        let latest = Some("2026-12-31".parse().unwrap());
        let read = |text: &str| {
            let options = ImportOptions { latest, ..ImportOptions::default() };
            Import::read("a.csv".as_ref(), text.as_bytes().into(), options)
        };
        let head = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n";
        let rows = [
            "1,A,,ten,2026-05-01,1,",
            "1,A,,1,yesterday,1,",
            "1,A,,1,01/05/2026,1,",
            "1,A,,1,2226-05-01,1,",
            "1,A,,1,2026-05-01,1e3,",
            "1,A,,1,2026-05-01,$1,",
            "1,A,,1,2026-05-01,(1),",
            "1,A,,1,2026-05-01,\"1,50\",",
            ",A,,1,2026-05-01,1,",
            "1,,,1,2026-05-01,1,",
            "1,#N/A,,1,2026-05-01,1,",
            "1,5.01E+12,,1,2026-05-01,1,",
            "1,null,,1,2026-05-01,1,",
            "1,Total,,1,2026-05-01,1,",
            "1,A,,0,2026-05-01,1,",
            "1,A,,1,2026-05-01,-1,",
            "1,A,,1000000000,2026-05-01,100,",
            "1,\0,,1,2026-05-01,1,",
            "1,A,,1,2026-05-01,1,1.5",
            "1,A,,1,2026-05-01,1",
            "1,A,,1,2026-05-01,1,\rx,",
            "1,A,,1.000,2026-05-01,1,",
            "2,A,,1,2026-05-01,1,7\n2,A,,1,2026-05-01,1,8",
            "5,A,,1,2026-05-01,1,\n5,A,,1,2026-05-02,1,",
            "6,A,,1000000000,2026-05-01,10,\n6,A,,1,2026-05-01,1,",
            "7,A,,1000000000,2026-05-01,0,\n7,A,,1000000000,2026-05-01,0,\n7,A,,1000000000,2026-05-01,0,\n\
             7,A,,1000000000,2026-05-01,0,\n7,A,,1000000000,2026-05-01,0,\n7,A,,1000000000,2026-05-01,0,\n\
             7,A,,1000000000,2026-05-01,0,\n7,A,,1000000000,2026-05-01,0,\n7,A,,1000000000,2026-05-01,0,\n\
             7,A,,1000000000,2026-05-01,0,\n7,A,,1,2026-05-01,0,",
            "3,\"A,,1,2026-05-01,1,\n3,\"B,,1,2026-05-01,1,",
            "4,A,\"x",
        ];
        let import = read(&format!("{head}{}\ny", rows.join("\n"))).unwrap();
        let bad = &import.summary().bad;
        assert_eq!(bad.len(), rows.len());
        for fault in bad.iter().flat_map(|row| &row.faults) {
            let column = fault.column.map_or("", |column| import.summary().headers[0].columns[column].as_str());
            let what = fault.reason.strip_prefix(column).unwrap().trim_start();
            assert!(!taken_by_none(what), "{}", fault.reason);
        }
        for file in [
            "InvoiceNo,StockCode\n",
            &head.replace("CustomerID", "InvoiceNo,CustomerID"),
            &head.replace(',', ";"),
            "client_id,loyalty_tier,eligible_promo\n",
            "{}",
            "<html>",
            "%PDF-1.7",
            "BZh9",
            "\u{d0}",
        ] {
            let said = read(file).unwrap_err().to_string();
            assert!(!taken_by_none(&said), "{said}");
        }
        let western = Import::read("a.csv".as_ref(), b"Caf\xe9"[..].into(), ImportOptions::default());
        let said = western.unwrap_err().to_string();
        assert!(!taken_by_none(&said), "{said}");
        let old = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
        let said = Import::read("a.xls".as_ref(), old[..].into(), ImportOptions::default()).unwrap_err().to_string();
        assert!(!taken_by_none(&said), "{said}");
    }
}
