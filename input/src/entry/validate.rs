//! Whether an event will be taken, and if not, all that is wrong with it.

use serde_json::{Map, Value, json};
use stockstream_model::event::{EventKind, Reason, Rejection, decode_client, decode_inventory, decode_sale};

use crate::{OutboundEvent, entry::two_meanings};

/// How many problems of one event are told.
const MAX_PROBLEMS: usize = 50;

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, as `items[2].quantity`; empty for the whole event.
    pub path: String,
    /// What is wrong, for a person.
    pub message: String,
}

/// The event as it is sent, or what is wrong with it. The decoder tells only the first problem; for the others, what it
/// refused is put right and asked again.
///
/// # Errors
/// The problems, at least one.
pub fn validate(stream: EventKind, mut event: Map<String, Value>) -> Result<OutboundEvent, Vec<Problem>> {
    let mut problems: Vec<Problem> = Vec::new();
    loop {
        let rejection = match decode(stream, &event) {
            Ok(sent) if problems.is_empty() => return Ok(sent),
            Ok(_) => return Err(problems),
            Err(rejection) => rejection,
        };
        let problem = Problem { path: path(&rejection), message: message(&rejection) };
        let known = problems.iter().any(|other| other.path == problem.path);
        let mended = !known && problems.len() < MAX_PROBLEMS && remove_field(&mut event, &problem.path);
        if !known {
            problems.push(problem);
        }
        if !mended {
            return Err(problems);
        }
    }
}

fn decode(stream: EventKind, event: &Map<String, Value>) -> Result<OutboundEvent, Rejection> {
    let payload = serde_json::to_vec(event).unwrap_or_default(); // what is refused then, in words
    match stream {
        EventKind::Sales => decode_sale(&payload).map(|sale| OutboundEvent::sale(&sale)),
        EventKind::Inventory => decode_inventory(&payload).map(|record| OutboundEvent::inventory(&record)),
        EventKind::Clients => decode_client(&payload).map(|record| OutboundEvent::client(&record)),
    }
}

/// Of a field that is missing, the decoder gives the path of what it should be in.
fn path(rejection: &Rejection) -> String {
    let missing = rejection.message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match missing {
        Some(field) if rejection.path.is_empty() => field.to_owned(),
        Some(field) => format!("{}.{field}", rejection.path),
        None => rejection.path.clone(),
    }
}

fn message(rejection: &Rejection) -> String {
    let text = rejection.message.split(" at line ").next().unwrap_or_default();
    if text.starts_with("missing field `") {
        return "is needed".into();
    }
    if rejection.reason == Reason::WrongType
        && let Some((found, expected)) = text.rsplit_once(", expected ")
    {
        let found = found.trim_start_matches("invalid type: ").trim_start_matches("string ");
        let twofold = two_meanings(found.trim_matches('"')).filter(|_| expected == "a whole number");
        return twofold.unwrap_or_else(|| format!("{found} is not {expected}"));
    }
    text.replace("unknown variant ", "").replace(", expected one of ", " is not one of ")
}

/// Puts something allowed in that place.
fn remove_field(event: &mut Map<String, Value>, path: &str) -> bool {
    let (parent, field) = path.rsplit_once('.').unwrap_or(("", path));
    let fields = match parent {
        "" => Some(event),
        _ => line(parent).and_then(|index| event.get_mut("items")?.get_mut(index)?.as_object_mut()),
    };
    let Some(fields) = fields else { return false };
    let allowed = match field {
        "invoice_id" | "product_id" => json!("0"),
        "client_id" => json!("0"),
        "timestamp" => json!("2026-01-01"),
        "quantity" => json!(1),
        "unit_price" | "total_amount" => json!("0"),
        "items" | "" => return false,
        _ => {
            fields.remove(field);
            return true;
        }
    };
    fields.insert(field.to_owned(), allowed);
    true
}

fn line(parent: &str) -> Option<usize> {
    parent.strip_prefix("items[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(stream: EventKind, event: Value) -> Vec<(String, String)> {
        let Value::Object(event) = event else { panic!("{event} is no object") };
        validate(stream, event).unwrap_err().into_iter().map(|problem| (problem.path, problem.message)).collect()
    }

    #[test]
    fn all_that_is_wrong_is_told_at_its_field() {
        let sale = json!({"client_id": "", "timestamp": "yesterday", "items": [
            {"product_id": "a", "quantity": "ten", "unit_price": "1"},
            {"quantity": 0, "unit_price": "-1"},
            {"product_id": "b", "quantity": "1.000", "unit_price": "1"},
        ]});
        let found = problems(EventKind::Sales, sale);
        let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
        for path in [
            "invoice_id",
            "client_id",
            "timestamp",
            "items[0].quantity",
            "items[1].product_id",
            "items[1].quantity",
            "items[1].unit_price",
            "items[2].quantity",
        ] {
            assert!(paths.contains(&path), "{path}: {found:?}");
        }
        assert_eq!(paths.len(), 8, "{found:?}");
        let said = |path: &str| found.iter().find(|(p, _)| p == path).unwrap().1.as_str();
        assert_eq!(said("invoice_id"), "is needed");
        assert_eq!(said("items[0].quantity"), "\"ten\" is not a whole number");
        assert_eq!(said("items[2].quantity"), "\"1.000\" may mean 1 or 1000: write it without a point");
        assert!(said("timestamp").starts_with("\"yesterday\" is not a time: write RFC 3339"), "{found:?}");
    }

    #[test]
    fn what_is_right_is_sent_as_the_workers_would_read_it() {
        let Value::Object(event) = json!({"client_id": "7", "loyalty_tier": "Gold", "shoe_size": 3}) else { panic!() };
        let sent = validate(EventKind::Clients, event).unwrap();
        assert_eq!(
            (sent.key.as_str(), sent.payload.as_slice()),
            ("7", br#"{"client_id":"7","loyalty_tier":"Gold"}"#.as_slice())
        );
        let found = problems(EventKind::Clients, json!({"client_id": "7", "loyalty_tier": "Platinum"}));
        assert_eq!(found[0].0, "loyalty_tier");
        assert!(found[0].1.starts_with("`Platinum` is not one of `Bronze`"), "{found:?}");
    }

    #[test]
    fn an_invoice_without_lines_or_amount_says_so() {
        let head = json!({"invoice_id": "1", "timestamp": "2026-05-01T12:30", "items": []});
        assert_eq!(problems(EventKind::Sales, head)[0].0, "items");
        let unpriced =
            json!({"invoice_id": "1", "timestamp": "2026-05-01", "items": [{"product_id": "a", "quantity": 1}]});
        assert_eq!(problems(EventKind::Sales, unpriced)[0].0, "total_amount");
    }
}
