//! What producers send instead of an event: the cause of a rejection and what to change, where the parser's words do not
//! tell. Only what was refused is looked at, so it may take its time.

use serde_json::{Map, Value};

use super::{Reason, Rejection};
use crate::Timestamp;

/// Names of an event's fields, to find those that are written otherwise.
const FIELDS: [&str; 21] = [
    "invoice_id",
    "client_id",
    "timestamp",
    "total_amount",
    "items",
    "product_id",
    "quantity",
    "unit_price",
    "unit_cost",
    "name",
    "category",
    "buy_price",
    "sell_price",
    "last_movement",
    "expiry_date",
    "batch_no",
    "created_at",
    "updated_at",
    "email",
    "phone",
    "loyalty_tier",
];
/// Amounts. An event can do without each of them.
const DECIMALS: [&str; 7] = [
    "total_amount",
    "unit_price",
    "unit_cost",
    "buy_price",
    "sell_price",
    "min_margin_threshold",
    "total_revenue_generated",
];
/// What else an event can do without.
const OPTIONAL: [&str; 7] =
    ["last_movement", "expiry_date", "batch_no", "created_at", "updated_at", "loyalty_tier", "client_id"];
const UTF_16: &str = "it is UTF-16: write JSON in UTF-8";
/// What is larger is not looked at: it would take many times its size in memory.
const LARGEST: usize = 256 * 1024;
const TIMES: [&str; 5] = ["timestamp", "last_movement", "expiry_date", "created_at", "updated_at"];
/// How Avro writes a union in JSON: an object of one of these.
const AVRO: [&str; 7] = ["string", "int", "long", "float", "double", "bytes", "boolean"];

impl Rejection {
    /// The same, with its cause and what to change, where that is known.
    pub(super) fn explained(mut self, payload: &[u8]) -> Self {
        if let Some(cause) = of_bytes(payload) {
            self.message = cause;
            return self;
        }
        let readable = (payload.len() <= LARGEST).then(|| serde_json::from_slice(payload).ok()).flatten();
        let Some(value) = readable else { return self };
        if let Some(cause) = of_whole(&value) {
            self.message = cause;
        } else if let Some(hint) = self.of_field(&value) {
            self.message = format!("{}; {hint}", self.message);
        }
        self
    }

    /// What to change at the field that was refused.
    fn of_field(&self, value: &Value) -> Option<String> {
        if self.reason == Reason::MissingField {
            return misspelled(at(value, &self.path)?.as_object()?, &self.message);
        }
        let field = self.path.rsplit('.').next().unwrap_or_default();
        match at(value, &self.path)? {
            Value::Number(number) if TIMES.contains(&field) => epoch(number.as_f64()?),
            Value::String(text) if text.is_empty() => {
                // A client's record is one of a client; a sale need not be.
                let is_optional = DECIMALS.contains(&field)
                    || (OPTIONAL.contains(&field) && (field != "client_id" || value.get("items").is_some()));
                is_optional.then(|| "leave the field out, or write null, where there is nothing".into())
            }
            Value::String(text) if TIMES.contains(&field) => zoned(text),
            Value::String(text) if field == "quantity" => {
                text.parse::<i64>().ok().map(|number| format!("write {number} without quotes"))
            }
            Value::String(text) if DECIMALS.contains(&field) && is_base64(text) => Some(
                "if Kafka Connect wrote it, set value.converter.decimal.format=NUMERIC, or decimal.handling.mode=string in Debezium"
                    .into(),
            ),
            Value::Object(fields) => only(fields),
            _ => None,
        }
    }
}

/// Bytes that are no JSON text.
fn of_bytes(payload: &[u8]) -> Option<String> {
    match payload {
        [0, b'{', 0, ..] => Some(UTF_16.into()),
        [0, id @ .., _] if id.len() >= 4 => {
            let (id, rest) = payload[1..].split_at(4);
            let id = id.iter().fold(0_u32, |id, byte| id << 8 | u32::from(*byte));
            let is_json = rest.trim_ascii_start().starts_with(b"{");
            let what = if is_json { "JSON" } else { "Avro or Protobuf" };
            Some(format!(
                "it begins with the magic byte of a Schema Registry (schema {id}, {what}): produce plain JSON, without the \
                 registry's serializer"
            ))
        }
        [0xef, 0xbb, 0xbf, ..] => Some("it begins with a byte order mark: write UTF-8 without one".into()),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{', 0, ..] => Some(UTF_16.into()),
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Some("the value itself is compressed: leave that to the producer's compression.type".into())
        }
        [b'O', b'b', b'j', 1, ..] => Some("it is an Avro file: produce plain JSON, an event a record".into()),
        _ => None,
    }
}

/// JSON that wraps events, or is several of them.
fn of_whole(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            Some("it is JSON inside a JSON string: it was serialized twice; produce the inner text".into())
        }
        Value::Array(items) if items.first().is_some_and(Value::is_object) => {
            Some(format!("it is an array of {} events: produce each as a record of its own", items.len()))
        }
        Value::Object(fields) => enveloped(fields),
        _ => None,
    }
}

/// An event in an envelope.
fn enveloped(fields: &Map<String, Value>) -> Option<String> {
    let has = |name: &str| fields.contains_key(name);
    if FIELDS[..9].iter().any(|field| has(field)) || has("client_id") {
        return None;
    }
    let of = |inner: &str| fields.get(inner).and_then(Value::as_object);
    let is_change = |fields: &Map<String, Value>| {
        fields.contains_key("after") && (fields.contains_key("op") || fields.contains_key("before"))
    };
    let debezium =
        "it is a change event of Debezium: unwrap it with the transform io.debezium.transforms.ExtractNewRecordState";
    if has("schema") && has("payload") {
        return Some(match of("payload").is_some_and(is_change) {
            true => format!("{debezium}, and set value.converter.schemas.enable=false"),
            false => {
                "it is in the envelope of Kafka Connect (schema and payload): set value.converter.schemas.enable=false"
                    .into()
            }
        });
    }
    match () {
        () if is_change(fields) => Some(debezium.into()),
        () if has("operationType") && has("fullDocument") => {
            Some("it is a change event of MongoDB: set publish.full.document.only=true in its connector".into())
        }
        () if has("specversion") && has("data") => Some("it is a CloudEvent: produce what is in data".into()),
        () => ["payload", "data", "value", "event", "message", "body", "record"].into_iter().find_map(|inner| {
            let holds = of(inner)?.keys().any(|key| FIELDS[..9].contains(&key.as_str()));
            holds.then(|| format!("the event is inside of {inner:?}: produce what is in there"))
        }),
    }
}

/// A field that is there under another spelling, as `invoiceId` is for `invoice_id`.
fn misspelled(fields: &Map<String, Value>, message: &str) -> Option<String> {
    let missing = message.split('`').nth(1).filter(|missing| FIELDS.contains(missing))?;
    let plain =
        |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let found: String = fields.keys().find(|key| plain(key) == plain(missing))?.chars().take(40).collect();
    Some(format!("it has {found:?}: write that name as {missing:?}"))
}

/// A number of seconds, or of thousandths, millionths and billionths of them, since 1970.
fn epoch(number: f64) -> Option<String> {
    let (unit, millis) = match number.abs() {
        1e8..1e11 => ("seconds", number * 1e3),
        1e11..1e14 => ("milliseconds", number),
        1e14..1e17 => ("microseconds", number / 1e3),
        1e17..1e20 => ("nanoseconds", number / 1e6),
        _ => return Some("write a time as text".into()),
    };
    let at = Timestamp::from_millis(millis as i64);
    Some(format!("if {number} are {unit} since 1970, write \"{at}\""))
}

/// A time whose zone stands apart, as RFC 3339 has it.
fn zoned(text: &str) -> Option<String> {
    let (local, zone) = text.rsplit_once(' ')?;
    let zone = if ["UTC", "GMT", "Z"].contains(&zone) { "Z" } else { zone };
    let at: Timestamp = format!("{local}{zone}").parse().ok()?;
    Some(format!("write \"{at}\""))
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let is_mixed =
        text.len() > digits.len() || digits.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let of_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && !digits.is_empty()
        && is_mixed
        && digits.bytes().all(of_alphabet)
        && digits.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// A value that is wrapped in an object of its own.
fn only(fields: &Map<String, Value>) -> Option<String> {
    let (key, inner) = fields.iter().next().filter(|_| fields.len() == 1)?;
    let inner = inner.to_string().chars().take(40).collect::<String>();
    match key.as_str() {
        key if key.starts_with('$') => Some(format!("it is MongoDB's extended JSON: write {inner} itself")),
        key if AVRO.contains(&key) => Some(format!("it is Avro's way to write a union in JSON: write {inner} itself")),
        _ => None,
    }
}

/// What stands at a path such as `items[2].quantity`.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split(['.', '[']).filter(|step| !step.is_empty()).try_fold(value, |value, step| match step.strip_suffix(']') {
        Some(index) => value.get(index.parse::<usize>().ok()?),
        None => value.get(step),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Reason, decode_inventory, decode_sale};

    const SALE: &str = r#"{"invoice_id":"K","client_id":"c1","timestamp":"2026-05-01T12:30:00Z","items":[{"product_id":"p1","quantity":2,"unit_price":2.5}]}"#;

    fn refused(payload: &[u8]) -> (Reason, String) {
        let rejection = decode_sale(payload).unwrap_err();
        (rejection.reason, rejection.to_string())
    }

    #[test]
    fn what_wraps_an_event_is_named() {
        let with = |from: &str, to: &str| SALE.replace(from, to).into_bytes();
        let text = serde_json::to_string(SALE).unwrap();
        for (payload, reason, words) in [
            (
                format!(r#"{{"schema":{{"type":"struct"}},"payload":{SALE}}}"#).into_bytes(),
                Reason::MissingField,
                "envelope of Kafka Connect",
            ),
            (
                format!(r#"{{"schema":{{}},"payload":{{"before":null,"after":{SALE},"op":"c"}}}}"#).into_bytes(),
                Reason::MissingField,
                "ExtractNewRecordState, and set value.converter.schemas.enable=false",
            ),
            (
                format!(r#"{{"before":null,"after":{SALE},"op":"c","source":{{}}}}"#).into_bytes(),
                Reason::MissingField,
                "Debezium",
            ),
            (format!(r#"{{"specversion":"1.0","data":{SALE}}}"#).into_bytes(), Reason::MissingField, "CloudEvent"),
            (format!(r#"{{"event":{SALE}}}"#).into_bytes(), Reason::MissingField, "inside of \"event\""),
            (
                [b"\0\0\0\0\x07", SALE.as_bytes()].concat(),
                Reason::NotJson,
                "magic byte of a Schema Registry (schema 7, JSON)",
            ),
            (b"\0\0\0\x01\0\x02K".to_vec(), Reason::NotJson, "(schema 256, Avro or Protobuf)"),
            (["\u{feff}", SALE].concat().into_bytes(), Reason::NotJson, "byte order mark"),
            (SALE.encode_utf16().flat_map(u16::to_le_bytes).collect(), Reason::NotJson, "UTF-16"),
            (b"\x1f\x8b\x08\0".to_vec(), Reason::NotJson, "compression.type"),
            (text.into_bytes(), Reason::WrongType, "JSON inside a JSON string"),
            (format!("[{SALE},{SALE}]").into_bytes(), Reason::WrongType, "an array of 2 events"),
            (
                with("invoice_id", "invoiceId"),
                Reason::MissingField,
                "it has \"invoiceId\": write that name as \"invoice_id\"",
            ),
            (with("product_id", "ProductID"), Reason::MissingField, "it has \"ProductID\""),
            (
                with("\"2026-05-01T12:30:00Z\"", "1777638600000"),
                Reason::WrongType,
                "milliseconds since 1970, write \"2026-05-01T12:30:00Z\"",
            ),
            (
                with("\"2026-05-01T12:30:00Z\"", "1777638600"),
                Reason::WrongType,
                " seconds since 1970, write \"2026-05-01T12:30:00Z\"",
            ),
            (with("T12:30:00Z", " 12:30:00 UTC"), Reason::BadValue, "write \"2026-05-01T12:30:00Z\""),
            (with("T12:30:00Z", " 12:30:00 +0000"), Reason::BadValue, "write \"2026-05-01T12:30:00Z\""),
            (with("2.5", "\"APo=\""), Reason::BadValue, "decimal.format=NUMERIC"),
            (
                with("2.5", r#"{"$numberDecimal":"2.50"}"#),
                Reason::WrongType,
                "MongoDB's extended JSON: write \"2.50\" itself",
            ),
            (with("2.5", r#"{"double":2.5}"#), Reason::WrongType, "write 2.5 itself"),
            (with(":2,", ":\"2\","), Reason::WrongType, "write 2 without quotes"),
            (with("c1", ""), Reason::BadValue, "leave the field out"),
        ] {
            let (found, said) = refused(&payload);
            assert!(said.contains(words) && found == reason, "{words:?} is not in {found}: {said:?}");
        }
        let expiry = decode_inventory(br#"{"product_id":"p6","quantity":3,"expiry_date":""}"#).unwrap_err();
        assert!(expiry.message.contains("leave the field out, or write null"), "{expiry}");
    }

    #[test]
    fn what_is_plainly_wrong_keeps_the_words_it_has() {
        for payload in [
            "",
            "hello",
            "[]",
            "{}",
            "\0",
            r#"{"invoice_id":"1","timestamp":"yesterday","items":[]}"#,
            &SALE.replace("2.5", "\"ten\""),
            &SALE.replace("2.5", "{}"),
            &SALE.replace(":2,", ":\"two\","),
        ] {
            let (_, said) = refused(payload.as_bytes());
            assert!(!said.contains("; ") && !said.contains("it is "), "{payload}: {said}");
        }
    }
}
