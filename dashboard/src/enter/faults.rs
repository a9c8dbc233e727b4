//! What is wrong with a field or a cell, in the language of the reader. The decoder and the import say it in English, as
//! they do to programs; the commonest of their sentences are known here by their shapes.

use crate::words::{key, t, tf};

/// Each `{}` stands for what was found, or a number.
const SHAPES: &[&str] = &[
    key("is needed"),
    key("is empty"),
    key("is not UTF-8"),
    key("is longer than {} bytes"),
    key("must be at most {} bytes long"),
    key("must be from {} to {}, not {}"),
    key("must be a whole number from 1 to {}, or negative for a return, not {}"),
    key("{} is not a whole number"),
    key("{} is not a number"),
    key("{} is not a decimal number such as 12.50"),
    key("{} is out of range"),
    key("{} may mean {} or {}: write it without a point"),
    key(
        "{} is not a time: write RFC 3339 (2026-05-01T12:30:00Z), or a date-time or date without a zone (UTC), years 1900 to 9999",
    ),
    key("it has {} columns and the header {}"),
    key("is that of a row before"),
    key("{} is in no row of Invoices"),
    key("has no row in Invoice_Details"),
    key("{} has no column {}; its first line must name the columns, separated by commas, and it reads: {}"),
    key("sheet {} of {} has no column {}; its first row must name the columns, and it reads: {}"),
    key("{} has two columns {}; rename or remove one"),
    key("{} has {}, which is more than is read at once; split it"),
];

/// What is wrong, translated where it is known; otherwise as it was said.
pub(super) fn fault(text: &str) -> String {
    let known = SHAPES.iter().find_map(|shape| Some((shape, taken(shape, text)?)));
    known.map_or_else(|| t(text).into_owned(), |(shape, others)| tf(shape, &others))
}

/// The same of a cell, behind the name of its column, and what stands in it where that was said apart.
pub(super) fn fault_of(column: &str, text: &str) -> String {
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
    use stockstream_input::{Import, ImportOptions, entry::judge};
    use stockstream_model::event::Stream;

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
        for (stream, event) in [(Stream::Sales, sale), (Stream::Inventory, stock)] {
            for problem in judge(stream, event.as_object().unwrap().clone()).unwrap_err() {
                assert!(!taken_by_none(&problem.message), "{}: {}", problem.path, problem.message);
                count += 1;
            }
        }
        assert_eq!(count, 8);
    }

    #[test]
    fn what_an_import_says_of_rows_and_columns_is_known() {
        let read = |text: &str| Import::read("a.csv".as_ref(), text.as_bytes().into(), ImportOptions::default());
        let head = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n";
        let rows = "1,A,,ten,2026-05-01,1,\n1,A,,1,01/05/2026,1,\n1,A,,1,2026-05-01,1e3,\n,A,,1,2026-05-01,1,\n\
                    1,A,,1,2026-05-01,1,guest\n1,A,,1,2026-05-01,1\n1,A,,1.000,2026-05-01,1,\n";
        let import = read(&format!("{head}{rows}")).unwrap();
        let bad = &import.summary().bad;
        assert_eq!(bad.len(), 7);
        for fault in bad.iter().flat_map(|row| &row.faults) {
            let column = fault.column.map_or("", |column| import.summary().headers[0].columns[column].as_str());
            let what = fault.reason.strip_prefix(column).unwrap().trim_start();
            assert!(!taken_by_none(what), "{}", fault.reason);
        }
        for file in ["InvoiceNo,StockCode\n", &head.replace("CustomerID", "InvoiceNo,CustomerID")] {
            let said = read(file).unwrap_err().to_string();
            assert!(!taken_by_none(&said), "{said}");
        }
    }
}
