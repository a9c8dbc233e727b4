//! A line of an invoice, from the fields of a record.

use std::borrow::Cow;

use csv::ByteRecord;
use serde_json::{Value, json};
use stockstream_model::{
    Money, Timestamp,
    event::{Id, MAX_ID_BYTES, Stream},
};

use super::plan::Fault;
use crate::entry::{judge, two_meanings};

/// The columns that are needed, as the *Online Retail* data set calls them, and what `--map` calls what they hold.
pub(super) const NAMES: [(&str, &str); 7] = [
    ("InvoiceNo", "invoice_id"),
    ("StockCode", "product_id"),
    ("Description", "name"),
    ("Quantity", "quantity"),
    ("InvoiceDate", "timestamp"),
    ("UnitPrice", "unit_price"),
    ("CustomerID", "client_id"),
];
const INVOICE: usize = 0;
const PRODUCT: usize = 1;
pub(super) const DESCRIPTION: usize = 2;
const QUANTITY: usize = 3;
const DATE: usize = 4;
const PRICE: usize = 5;
pub(super) const CLIENT: usize = 6;

/// Where the columns are.
#[derive(Default)]
pub(super) struct Columns {
    /// The place of each of [`NAMES`]; none of one that the file has not.
    pub(super) places: [Option<usize>; NAMES.len()],
    /// All columns of the file, by name.
    pub(super) header: Vec<String>,
}

impl Columns {
    fn name(&self, column: usize) -> &str {
        self.places[column].and_then(|place| self.header.get(place)).map_or(NAMES[column].0, String::as_str)
    }

    fn fault(&self, column: usize, what: &str) -> Fault {
        Fault { column: self.places[column], reason: format!("{} {what}", self.name(column)) }
    }
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
    pub(super) fn of(record: &'a ByteRecord, columns: &Columns) -> Result<Self, Fault> {
        let (found, expected) = (record.len(), columns.header.len());
        if found != expected {
            let quote = if record.as_slice().contains(&b'\n') {
                "; it runs over several lines: is a quote left open?"
            } else {
                ""
            };
            return Err(Fault {
                column: None,
                reason: format!("it has {found} columns and the header {expected}{quote}"),
            });
        }
        let bytes = |column: usize| columns.places[column].and_then(|place| record.get(place)).unwrap_or_default();
        let text =
            |column: usize| std::str::from_utf8(bytes(column)).map_err(|_| columns.fault(column, "is not UTF-8"));
        let id = |column: usize, text: &'a str| id(text).map_err(|what| columns.fault(column, &what));
        Ok(Self {
            invoice: id(INVOICE, text(INVOICE)?)?,
            product: id(PRODUCT, text(PRODUCT)?)?,
            description: String::from_utf8_lossy(bytes(DESCRIPTION)),
            quantity: quantity(text(QUANTITY)?).map_err(|what| columns.fault(QUANTITY, &what))?,
            at: text(DATE)?.parse().map_err(|error| columns.fault(DATE, &format!("{error}")))?,
            price: text(PRICE)?.parse().map_err(|error| columns.fault(PRICE, &format!("{error}")))?,
            client: match client(text(CLIENT)?).map_err(|what| columns.fault(CLIENT, &what))? {
                Some(client) => Some(id(CLIENT, client)?),
                None => None,
            },
        })
    }

    /// The invoice of a row, whatever else is wrong with it.
    pub(super) fn invoice_of(record: &ByteRecord, columns: &Columns) -> Option<String> {
        let place = columns.places[INVOICE].filter(|_| record.len() == columns.header.len())?;
        std::str::from_utf8(record.get(place)?).ok().filter(|id| !id.is_empty()).map(str::to_owned)
    }

    /// Whether a worker would take it as a line of an invoice.
    pub(super) fn judged(self, columns: &Columns) -> Result<Self, Fault> {
        let line = json!({
            "product_id": self.product.as_str(), "quantity": self.quantity, "unit_price": self.price.to_string(),
        });
        let Value::Object(sale) = json!({
            "invoice_id": self.invoice.as_str(), "timestamp": self.at.to_string(), "items": [line],
        }) else {
            return Ok(self);
        };
        let Err(problems) = judge(Stream::Sales, sale) else { return Ok(self) };
        let Some(problem) = problems.into_iter().next() else { return Ok(self) };
        let column = match problem.path.as_str() {
            "items[0].quantity" => QUANTITY,
            "items[0].product_id" => PRODUCT,
            "timestamp" => DATE,
            "invoice_id" => INVOICE,
            _ => PRICE,
        };
        Err(columns.fault(column, &problem.message))
    }
}

fn id(text: &str) -> Result<Id<'_>, String> {
    Id::new(text).ok_or_else(|| match text {
        "" => "is empty".to_owned(),
        _ => format!("is longer than {MAX_ID_BYTES} bytes"),
    })
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

/// The digits before the point, as they are written: data frames write whole numbers as `17850.0` where some are absent.
fn client(text: &str) -> Result<Option<&str>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let (whole, _) = number(text).ok_or_else(|| format!("{:?} is not a number", shorten(text)))?;
    Ok(Some(whole))
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
