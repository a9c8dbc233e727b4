//! From the bytes of a Kafka record to an event, or to the reason why it is none.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use snafu::Snafu;

use super::{
    ClientRecord, InventoryRecord, Sale,
    depth::{DEEPEST, is_too_deep},
    escape,
};

/// The kind of a rejection: few and fixed, fit for a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The record has no value (a tombstone) or an empty one.
    Empty,
    /// The value is not JSON in UTF-8.
    NotJson,
    /// A field the contract asks for is not there.
    MissingField,
    /// A field has another type than the contract says.
    WrongType,
    /// A field has the right type and a value that is not allowed.
    BadValue,
    /// A time lies too far ahead of when the event was produced.
    Future,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Empty, Self::NotJson, Self::MissingField, Self::WrongType, Self::BadValue, Self::Future];

    /// The name as stored and as a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotJson => "not_json",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::BadValue => "bad_value",
            Self::Future => "future",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a record is no event.
#[derive(Clone, Debug, PartialEq, Eq, Snafu)]
#[snafu(display("{}{}{message}", path, if path.is_empty() { "" } else { ": " }))]
pub struct Rejection {
    /// Its kind.
    pub reason: Reason,
    /// The field, as `items[2].quantity`; empty for the whole document.
    pub path: String,
    /// What is wrong, for a person.
    pub message: String,
}

/// What a check beyond the types found.
pub(super) struct Problem {
    reason: Reason,
    path: String,
    message: String,
}

impl Problem {
    pub(super) fn value(path: &str, message: String) -> Self {
        Self { reason: Reason::BadValue, path: path.to_owned(), message }
    }

    pub(super) fn missing(path: &str, message: String) -> Self {
        Self { reason: Reason::MissingField, path: path.to_owned(), message }
    }

    pub(super) fn within(mut self, parent: &str) -> Self {
        self.path = format!("{parent}.{}", self.path);
        self
    }
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self { reason: problem.reason, path: problem.path, message: problem.message }
    }
}

/// A sale from the value of a record on the sales topic.
pub fn decode_sale(payload: &[u8]) -> Result<Sale<'_>, Rejection> {
    let Object(sale) = parse::<Object<Sale<'_>>>(payload)?;
    sale.check()?;
    Ok(sale)
}

/// An inventory record from the value of a record on the inventory topic.
pub fn decode_inventory(payload: &[u8]) -> Result<InventoryRecord<'_>, Rejection> {
    let Object(record) = parse::<Object<InventoryRecord<'_>>>(payload)?;
    record.check()?;
    Ok(record)
}

/// A client record from the value of a record on the clients topic.
pub fn decode_client(payload: &[u8]) -> Result<ClientRecord<'_>, Rejection> {
    let Object(record) = parse::<Object<ClientRecord<'_>>>(payload)?;
    record.check()?;
    Ok(record)
}

/// A struct that JSON must write as an object; serde's derive would also read an array of its fields in order.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Visitor(std::marker::PhantomData))
    }
}

fn parse<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Rejection> {
    let whole = |reason, message| Rejection { reason, path: String::new(), message };
    if payload.is_empty() {
        return Err(whole(Reason::Empty, "the record has no value".into()));
    }
    if is_too_deep(payload) {
        return Err(whole(Reason::NotJson, format!("it is nested deeper than {DEEPEST}")));
    }
    // sonic-rs is the fast way; only for what it refuses is the slow one asked where and why.
    match sonic_rs::from_slice(payload) {
        Ok(event) if escape::are_whole(payload) => Ok(event),
        Ok(_) => Err(explain::<T>(payload, &"an escape is not whole").explained(payload)),
        Err(fast) => Err(explain::<T>(payload, &fast).explained(payload)),
    }
}

fn explain<'a, T: Deserialize<'a>>(payload: &'a [u8], fast: &dyn fmt::Display) -> Rejection {
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let read = serde_path_to_error::deserialize::<_, T>(&mut deserializer);
    let (path, error) = match read.map(|_| deserializer.end()) {
        Err(error) => (error.path().to_string(), error.into_inner()),
        Ok(Err(trailing)) => (String::new(), trailing),
        Ok(Ok(())) => return unexplained(fast),
    };
    let message = shorten(error.to_string());
    let reason = match error.classify() {
        // It is JSON by its grammar, only no number that anybody can read.
        serde_json::error::Category::Syntax if message.starts_with("number out of range") => Reason::BadValue,
        serde_json::error::Category::Data if message.starts_with("missing field") => Reason::MissingField,
        serde_json::error::Category::Data if message.starts_with("invalid type") => Reason::WrongType,
        serde_json::error::Category::Data => Reason::BadValue,
        _ => Reason::NotJson,
    };
    let path = if reason == Reason::NotJson || path == "." { String::new() } else { path };
    Rejection { reason, path, message }
}

/// What the slow way would take: it reads some numbers of many digits as a neighbour of the nearest double, and that may be
/// a whole number.
fn unexplained(fast: &dyn fmt::Display) -> Rejection {
    let message = shorten(fast.to_string().lines().next().unwrap_or_default().to_owned());
    let reason = if message.starts_with("invalid type") { Reason::WrongType } else { Reason::NotJson };
    Rejection { reason, path: String::new(), message }
}

/// Both ends of a message that repeats a long value: what it is, and what was expected.
fn shorten(message: String) -> String {
    const SIDE: usize = 200;
    let (head, tail) = (message.char_indices().nth(SIDE), message.char_indices().nth_back(SIDE - 1));
    match (head, tail) {
        (Some((head, _)), Some((tail, _))) if head < tail => format!("{}…{}", &message[..head], &message[tail..]),
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sale(json: &str) -> Result<Sale<'_>, Rejection> {
        decode_sale(json.as_bytes())
    }

    fn refused(json: &str) -> (Reason, String) {
        let rejection = sale(json).expect_err(json);
        (rejection.reason, rejection.path)
    }

    #[test]
    fn tolerates_numbers_as_ids_money_as_text_times_without_zone_and_unknown_fields() {
        let event = sale(
            r#"{"invoice_id": 536365, "client_id": 17850, "timestamp": "2010-12-01 08:26:00", "till": {"no": 3},
                "items": [{"product_id": "85123A", "quantity": 6, "unit_price": "2.55"}, {"product_id": 7, "quantity": -2.0, "unit_price": 1}]}"#,
        )
        .unwrap();
        assert_eq!((event.invoice_id.as_str(), event.items[1].product_id.as_str()), ("536365", "7"));
        assert_eq!(event.amount().to_string(), "13.3");
        assert_eq!(event.timestamp.to_string(), "2010-12-01T08:26:00Z");
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let line = r#"{"product_id":"a","quantity":1,"unit_price":1}"#;
        let of = |items: &str| format!(r#"{{"invoice_id":"1","timestamp":"2026-01-01","items":[{items}]}}"#);
        for (json, reason, path) in [
            (String::new(), Reason::Empty, ""),
            ("{".into(), Reason::NotJson, ""),
            ("hello".into(), Reason::NotJson, ""),
            (format!("{} x", of(line)), Reason::NotJson, ""),
            ("[]".into(), Reason::WrongType, ""),
            ("[".repeat(1_000_000), Reason::NotJson, ""),
            (
                of(&line.replacen('{', &format!(r#"{{"deep":{}0{},"#, "[".repeat(9_999), "]".repeat(9_999)), 1)),
                Reason::NotJson,
                "",
            ),
            ("{}".into(), Reason::MissingField, ""),
            (of(r#"["a",1,1]"#), Reason::WrongType, "items[0]"),
            (of(""), Reason::BadValue, "items"),
            (
                of(&format!(r#"{line},{{"product_id":"a","quantity":0,"unit_price":1}}"#)),
                Reason::BadValue,
                "items[1].quantity",
            ),
            (of(r#"{"product_id":"a","quantity":1.5,"unit_price":1}"#), Reason::WrongType, "items[0].quantity"),
            (of(r#"{"product_id":"a","quantity":"1","unit_price":1}"#), Reason::WrongType, "items[0].quantity"),
            (of(r#"{"product_id":"","quantity":1,"unit_price":1}"#), Reason::BadValue, "items[0].product_id"),
            (of(r#"{"product_id":"a","quantity":1,"unit_price":-1}"#), Reason::BadValue, "items[0].unit_price"),
            (of(r#"{"product_id":"a","quantity":1,"unit_price":"ten"}"#), Reason::BadValue, "items[0].unit_price"),
            (of(r#"{"product_id":"a","quantity":1}"#), Reason::MissingField, "total_amount"),
            (of(line).replace("2026-01-01", "2026-02-30"), Reason::BadValue, "timestamp"),
            (of(line).replace(r#""2026-01-01""#, "20260101"), Reason::WrongType, "timestamp"),
            (of(line).replace(r#""invoice_id":"1""#, r#""invoice_id":"1","invoice_id":"2""#), Reason::BadValue, ""),
        ] {
            assert_eq!(refused(&json), (reason, path.to_owned()), "{json}");
        }
        assert_eq!(decode_sale(b"{\"invoice_id\": \"\xff\"}").unwrap_err().reason, Reason::NotJson);
    }

    #[test]
    fn a_record_of_stock_or_of_a_client_is_checked_too() {
        let stock =
            decode_inventory(br#"{"product_id":"a","quantity":5,"expiry_date":"2026-05-01","batch_no":7}"#).unwrap();
        assert_eq!(stock.batch_no.unwrap().as_str(), "7");
        for json in [
            r#"{"product_id":"a"}"#,
            r#"{"product_id":"a","quantity":1,"buy_price":-1}"#,
            r#"{"product_id":"a","quantity":1e12}"#,
        ] {
            assert!(decode_inventory(json.as_bytes()).is_err(), "{json}");
        }
        let client =
            decode_client(br#"{"client_id":1,"loyalty_tier":"Gold","total_revenue_generated":"99.5"}"#).unwrap();
        assert_eq!(client.total_revenue_generated.unwrap().to_string(), "99.5");
        for json in [r#"{"name":"x"}"#, r#"{"client_id":"a","loyalty_tier":"Platinum"}"#] {
            assert!(decode_client(json.as_bytes()).is_err(), "{json}");
        }
    }
}
