//! A line of an invoice, from the fields of a record.

use csv::ByteRecord;
use stockstream_model::{
    Money, Timestamp,
    event::{Id, Item, MAX_ID_BYTES},
};

use super::{
    cell::{self, CellType},
    columns::{CLIENT, Columns, DATE, DESCRIPTION, INVOICE, NAMES, PRICE, PRODUCT, QUANTITY},
    summary::RowError,
};
use crate::entry::two_meanings;

/// In merged cells, only the first one has the invoice.
const NO_INVOICE: &str = "is empty: it may be a line of the invoice above, which is held back";

/// A line of an invoice that workers take.
pub(super) struct Row<'a> {
    pub(super) invoice: Id<'a>,
    pub(super) product: Id<'a>,
    /// May be empty.
    pub(super) description: &'a str,
    pub(super) quantity: i64,
    pub(super) at: Timestamp,
    pub(super) price: Money,
    pub(super) client: Option<Id<'a>>,
}

impl<'a> Row<'a> {
    /// The row, or why it can be part of no event. A cell beyond `types` is text; a row later than `latest` is refused.
    pub(super) fn of(
        record: &'a ByteRecord,
        columns: &Columns,
        types: &[CellType],
        latest: Option<Timestamp>,
    ) -> Result<Self, RowError> {
        let (found, expected) = (record.len(), columns.header.len());
        let whole = |reason| RowError { column: None, reason };
        if found != expected {
            let hint = match record.as_slice() {
                text if text.contains(&b'\n') => "; it runs over several lines: is a quote left open?",
                text if text.contains(&b'\r') => "; it holds the end of a line: are the ends of lines mixed?",
                _ => "",
            };
            return Err(whole(format!("it has {found} columns and the header {expected}{hint}")));
        }
        if swallows_a_line(record) {
            return Err(whole(
                "a cell of it holds what looks like another line of the file: is a quote left open?".into(),
            ));
        }
        let text = |column: usize| -> Result<&'a str, RowError> {
            let place = columns.places[column];
            let bytes = place.and_then(|place| record.get(place)).unwrap_or_default();
            let text = std::str::from_utf8(bytes).map_err(|_| columns.fault(column, "is not UTF-8"))?;
            let cell = place.and_then(|place| types.get(place)).copied().unwrap_or_default();
            match cell::fault(cell, text, NAMES[column].kind) {
                Some(what) => Err(columns.fault(column, &what)),
                None => Ok(text),
            }
        };
        let id = |column: usize, text: &'a str| id(text).map_err(|what| columns.fault(column, &what));
        let invoice = text(INVOICE)?;
        if is_blank(invoice.as_bytes()) {
            return Err(columns.fault(INVOICE, NO_INVOICE));
        }
        let client = match text(CLIENT)? {
            client if is_blank(client.as_bytes()) => None,
            client => Some(cell::client(client).map_err(|what| columns.fault(CLIENT, &what))?),
        };
        let row = Self {
            invoice: id(INVOICE, invoice)?,
            product: id(PRODUCT, text(PRODUCT)?)?,
            description: text(DESCRIPTION)?,
            quantity: quantity(text(QUANTITY)?).map_err(|what| columns.fault(QUANTITY, &what))?,
            at: cell::zoned(text(DATE)?).parse().map_err(|error| columns.fault(DATE, &format!("{error}")))?,
            price: text(PRICE)?.parse().map_err(|error| columns.fault(PRICE, &format!("{error}")))?,
            client: client.map(|client| id(CLIENT, client)).transpose()?,
        };
        if latest.is_some_and(|latest| row.at > latest) {
            return Err(columns.fault(DATE, &cell::future(text(DATE)?)));
        }
        row.item().verify().map_err(|refused| {
            let column = if refused.path == "quantity" { QUANTITY } else { PRICE };
            columns.fault(column, &refused.message)
        })?;
        Ok(row)
    }

    /// The same as a line of an event.
    pub(super) fn item(&self) -> Item<'a> {
        Item {
            product_id: self.product.clone(),
            quantity: self.quantity,
            unit_price: Some(self.price),
            unit_cost: None,
        }
    }
}

/// The invoice of a row, whatever else is wrong with it.
pub(super) fn invoice_of<'a>(record: &'a ByteRecord, columns: &Columns) -> Option<&'a [u8]> {
    let place = columns.places[INVOICE].filter(|_| record.len() == columns.header.len())?;
    record.get(place).filter(|id| !is_blank(id))
}

/// Whether a cell of an id says nothing: spaces alone are no id.
fn is_blank(cell: &[u8]) -> bool {
    std::str::from_utf8(cell).is_ok_and(|text| text.trim().is_empty())
}

/// The invoices that a bad row may be a line of, as far as it can be told: none of them is sent without it. `above` is
/// the invoice of the row above.
pub(super) fn suspects(record: &ByteRecord, columns: &Columns, above: &[u8]) -> Vec<String> {
    let Some(place) = columns.places[INVOICE] else { return Vec::new() };
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().filter(|id| !id.trim().is_empty()).map(str::to_owned);
    let moved = record.len().abs_diff(columns.header.len());
    let runs_on = record.as_slice().iter().any(|byte| matches!(byte, b'\n' | b'\r'));
    if runs_on && (moved > 0 || swallows_a_line(record)) {
        // The lines that it took in: any part of them may be an invoice.
        return record.iter().flat_map(|cell| cell.split(|byte| b",\r\n\"".contains(byte))).filter_map(text).collect();
    }
    // With a cell too many or too few, the invoice may have moved.
    let around = record.iter().skip(place.saturating_sub(moved)).take(place.min(moved) + 1 + moved);
    let found: Vec<_> = around.filter_map(text).collect();
    if found.is_empty() { text(above).into_iter().collect() } else { found }
}

/// Whether a cell runs over several lines, the first and the last of which, with the cells beside it, have as many columns
/// as the row: a quote that was left open took other rows in.
fn swallows_a_line(record: &ByteRecord) -> bool {
    let commas = |text: &[u8]| text.iter().filter(|byte| **byte == b',').count();
    record.as_slice().contains(&b'\n')
        && record.iter().enumerate().any(|(at, cell)| {
            let mut lines = cell.split(|byte| *byte == b'\n');
            let (first, last) = (lines.next().unwrap_or_default(), lines.next_back());
            record.len() > 1 && commas(first) == record.len() - 1 - at && last.is_some_and(|last| commas(last) == at)
        })
}

fn id(text: &str) -> Result<Id<'_>, String> {
    if is_blank(text.as_bytes()) {
        return Err("is empty".to_owned());
    }
    Id::new(text).ok_or_else(|| format!("is longer than {MAX_ID_BYTES} bytes"))
}

/// A whole number, also when a program wrote it as `6.0`.
fn quantity(text: &str) -> Result<i64, String> {
    if let Some(twofold) = two_meanings(text) {
        return Err(twofold);
    }
    let problem = |what| format!("{:?} is {what}", shorten(text));
    let (whole, fraction) = number(text).ok_or_else(|| problem("not a whole number"))?;
    if fraction.bytes().any(|digit| digit != b'0') {
        return Err(problem("not a whole number"));
    }
    whole.parse().map_err(|_| problem("out of range"))
}

/// The part with the sign before the point and the digits after it, if this is a decimal number.
fn number(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(fraction)).then_some((whole, fraction))
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}
