//! What holds of any payload, by judges that share nothing with the decoder: the contract's bounds, and another parser.

use proptest::test_runner::TestCaseError;
use serde_json::Value;
use stockstream_model::{
    Decimal,
    event::{ClientRecord, EventKind, InventoryRecord, Reason, Sale},
};

use super::{Event, contract, decode, shown};

/// Deeper documents are refused before they are parsed.
const DEEPEST: usize = 128;

/// Whether it is taken; fails where the verdict is not as it should be.
pub fn judged(stream: EventKind, payload: &[u8]) -> Result<bool, TestCaseError> {
    let fail = |what: String| Err(TestCaseError::fail(format!("{stream}: {what}: {}", shown(payload))));
    let verdict = decode(stream, payload);
    match &verdict {
        Ok(event) => {
            if let Some(broken) = contract::broken(event) {
                return fail(format!("taken, although {broken}: {event:?}"));
            }
            match other(stream, payload) {
                Ok(read) if read == *event => {}
                Ok(read) if has_long_number(payload) && is_nearly(&json(&read), &json(event)) => {}
                read => return fail(format!("taken as {event:?}, but another parser says {read:?}")),
            }
            let sent = json(event).to_string().into_bytes();
            if decode(stream, &sent).as_ref() != Ok(event) {
                return fail(format!("is another event when it is sent on as {}", shown(&sent)));
            }
        }
        Err(rejection) => {
            if let Some(unsaid) = contract::unsaid(rejection) {
                return fail(format!("refused without saying {unsaid}: {rejection:?}"));
            }
            let is_json = serde_json::from_slice::<Value>(payload).is_ok();
            let is_deep = payload.iter().filter(|byte| b"[{".contains(byte)).count() > DEEPEST;
            if is_json && !is_deep && rejection.reason == Reason::NotJson {
                return fail(format!("is JSON to another parser, but refused: {rejection:?}"));
            }
        }
    }
    Ok(verdict.is_ok())
}

/// What serde_json makes of it.
fn other(stream: EventKind, payload: &[u8]) -> Result<Event<'_>, serde_json::Error> {
    match stream {
        EventKind::Sales => serde_json::from_slice::<Sale<'_>>(payload).map(Event::Sale),
        EventKind::Inventory => serde_json::from_slice::<InventoryRecord<'_>>(payload).map(Event::Stock),
        EventKind::Clients => serde_json::from_slice::<ClientRecord<'_>>(payload).map(Event::Client),
    }
}

fn json(event: &Event<'_>) -> Value {
    let json = match event {
        Event::Sale(sale) => serde_json::to_value(sale),
        Event::Stock(record) => serde_json::to_value(record),
        Event::Client(record) => serde_json::to_value(record),
    };
    json.unwrap()
}

/// Whether a number may have more digits than a double keeps. sonic-rs reads the nearest double then, and serde_json may read
/// a neighbour of it, so that an amount in the midst between two units is rounded otherwise.
fn has_long_number(payload: &[u8]) -> bool {
    payload.split(|byte| !byte.is_ascii_digit() && *byte != b'.').any(|digits| digits.len() > 15)
}

/// Whether no more than the last unit of amounts is otherwise.
fn is_nearly(one: &Value, other: &Value) -> bool {
    let units = |text: &str| text.parse().map(Decimal::units);
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|o| is_nearly(value, o)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_nearly(one, other))
        }
        (Value::String(one), Value::String(other)) if one != other => {
            matches!((units(one), units(other)), (Ok(one), Ok(other)) if one.abs_diff(other) == 1)
        }
        _ => one == other,
    }
}
