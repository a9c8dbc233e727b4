//! A line of an invoice, from the fields of a record.

use std::borrow::Cow;

use csv::ByteRecord;
use stockstream_model::{
    Money, Timestamp,
    event::{Id, MAX_ID_BYTES},
};

/// The columns that are needed.
pub(super) const NAMES: [&str; 7] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"];
const INVOICE: usize = 0;
const PRODUCT: usize = 1;
const DESCRIPTION: usize = 2;
const QUANTITY: usize = 3;
const DATE: usize = 4;
const PRICE: usize = 5;
const CLIENT: usize = 6;

/// Where the columns are.
pub(super) struct Columns {
    /// The place of each of [`NAMES`].
    pub(super) places: [usize; NAMES.len()],
    /// How many columns the header has, with those that are not needed.
    pub(super) count: usize,
}

/// A line of an invoice. Whether it is allowed is not looked at.
pub(super) struct Row<'a> {
    pub(super) invoice: Id<'a>,
    pub(super) product: Id<'a>,
    /// May be empty. What is not UTF-8 in it was replaced by U+FFFD.
    pub(super) description: Cow<'a, str>,
    pub(super) quantity: i64,
    pub(super) at: Timestamp,
    pub(super) price: Money,
    pub(super) client: Option<Id<'a>>,
}

impl<'a> Row<'a> {
    /// The row, or why it can be part of no event.
    pub(super) fn of(record: &'a ByteRecord, columns: &Columns) -> Result<Self, String> {
        if record.len() != columns.count {
            let quote = if record.as_slice().contains(&b'\n') {
                "; it runs over several lines: is a quote left open?"
            } else {
                ""
            };
            return Err(format!("it has {} columns and the header {}{quote}", record.len(), columns.count));
        }
        let bytes = |column: usize| record.get(columns.places[column]).unwrap_or_default();
        let text =
            |column: usize| std::str::from_utf8(bytes(column)).map_err(|_| format!("{} is not UTF-8", NAMES[column]));
        Ok(Self {
            invoice: id(INVOICE, text(INVOICE)?)?,
            product: id(PRODUCT, text(PRODUCT)?)?,
            description: String::from_utf8_lossy(bytes(DESCRIPTION)),
            quantity: quantity(text(QUANTITY)?)?,
            at: text(DATE)?.parse().map_err(|error| format!("InvoiceDate {error}"))?,
            price: text(PRICE)?.parse().map_err(|error| format!("UnitPrice {error}"))?,
            client: client(text(CLIENT)?)?,
        })
    }
}

fn id(column: usize, text: &str) -> Result<Id<'_>, String> {
    Id::new(text).ok_or_else(|| match text {
        "" => format!("{} is empty", NAMES[column]),
        _ => format!("{} is longer than {MAX_ID_BYTES} bytes", NAMES[column]),
    })
}

/// A whole number, also when a program wrote it as `6.0`.
fn quantity(text: &str) -> Result<i64, String> {
    let problem = |what| format!("Quantity {:?} is {what}", shorten(text));
    let (whole, fraction) = number(text).ok_or_else(|| problem("not a whole number"))?;
    if fraction.bytes().any(|digit| digit != b'0') {
        return Err(problem("not a whole number"));
    }
    whole.parse().map_err(|_| problem("out of range"))
}

/// The digits before the point, as they are written: data frames write whole numbers as `17850.0` where some are absent.
fn client(text: &str) -> Result<Option<Id<'_>>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let (whole, _) = number(text).ok_or_else(|| format!("CustomerID {:?} is not a number", shorten(text)))?;
    id(CLIENT, whole).map(Some)
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
