//! Test data: a small shop that says of itself that it is made up.

use serde_json::Value;
use stockstream_input::{Generator, GeneratorOptions, OutboundEvent};
use stockstream_model::Timestamp;

/// How many events there are.
pub(crate) const EVENTS: usize = 200;
/// How ids begin.
const PREFIX: &str = "TEST-";
/// How names begin.
const NOTE: &str = "Test data: ";

/// The records of a small shop and its sales of now, all of them good, with ids and names that tell what they are.
pub(crate) fn events() -> Vec<OutboundEvent> {
    let now = Timestamp::now();
    let options = GeneratorOptions { products: 20, clients: 20, ..GeneratorOptions::new(rand::random(), now) };
    let mut shop = Generator::new(options);
    std::iter::repeat_with(|| shop.next(now))
        .filter(|event| event.refusal().is_none())
        .filter_map(|event| marked(&event))
        .take(EVENTS)
        .collect()
}

fn marked(event: &OutboundEvent) -> Option<OutboundEvent> {
    let mut value: Value = serde_json::from_slice(&event.payload).ok()?;
    mark(&mut value);
    let payload = serde_json::to_vec(&value).ok()?;
    Some(OutboundEvent { stream: event.stream, key: format!("{PREFIX}{}", event.key), payload })
}

fn mark(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), &mut *value) {
                    ("invoice_id" | "product_id" | "client_id", Value::String(id)) => id.insert_str(0, PREFIX),
                    ("name", Value::String(name)) => name.insert_str(0, NOTE),
                    (_, inner) => mark(inner),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mark),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_good_and_says_that_it_is_test_data() {
        let events = events();
        assert_eq!(events.len(), EVENTS);
        for event in events {
            let text = String::from_utf8(event.payload.clone()).unwrap();
            assert!(event.refusal().is_none() && event.key.starts_with(PREFIX), "{text}");
            assert_eq!(text.matches("_id\":\"").count(), text.matches("_id\":\"TEST-").count(), "{text}");
            assert_eq!(text.matches("\"name\":\"").count(), text.matches("\"name\":\"Test data: ").count(), "{text}");
        }
    }
}
