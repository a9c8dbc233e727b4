//! Rows of a sheet that are records of the same client, or of the same product and batch. The latest record counts; where
//! the rows do not say which one that is, none of them is sent.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use stockstream_model::Timestamp;

/// The client, or the product and its batch.
type Key = (String, Option<String>);

/// What has several rows, none of which is known to be the latest; with the first row of each.
pub(super) struct Rivals(HashMap<Key, u64>);

/// The rows of one client, or of one product and batch.
#[derive(Default)]
struct Same {
    first: u64,
    count: usize,
    /// The times of the records.
    times: HashSet<Timestamp>,
}

impl Rivals {
    /// Among these rows, each of which has a number.
    pub(super) fn among(rows: impl Iterator<Item = (u64, Map<String, Value>)>) -> Self {
        let mut all: HashMap<Key, Same> = HashMap::new();
        for (number, record) in rows {
            let Some(key) = key(&record) else { continue };
            let same = all.entry(key).or_insert_with(|| Same { first: number, ..Same::default() });
            same.count += 1;
            same.times.extend(text(&record, "updated_at").and_then(|time| time.parse::<Timestamp>().ok()));
        }
        let rivals = all.into_iter().filter(|(_, same)| same.count > 1 && same.times.len() < same.count);
        Self(rivals.map(|(key, same)| (key, same.first)).collect())
    }

    /// The first row of what a record is of, if it has rivals.
    pub(super) fn first(&self, record: &Map<String, Value>) -> Option<u64> {
        self.0.get(&key(record)?).copied()
    }
}

fn key(record: &Map<String, Value>) -> Option<Key> {
    let id = text(record, "product_id").or_else(|| text(record, "client_id"))?;
    Some((id.to_owned(), text(record, "batch_no").map(str::to_owned)))
}

fn text<'a>(record: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    record.get(field).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_latest_of_a_record_is_known_by_its_time_alone() {
        let of = |at: Option<&str>| json!({"product_id": "A", "batch_no": "1", "updated_at": at});
        let other = json!({"product_id": "A", "batch_no": "2"});
        for (times, has_rivals) in [
            (&[None][..], false),
            (&[Some("2026-05-01"), Some("2026-05-02")], false),
            (&[Some("2026-05-01"), Some("2026-05-01T00:00:00Z")], true),
            (&[Some("2026-05-01"), None], true),
            (&[Some("2026-05-01"), Some("2026-05-02"), Some("yesterday")], true),
            (&[None, None], true),
        ] {
            let rows = times.iter().map(|at| of(*at)).chain([other.clone()]);
            let rows = (2..).zip(rows.map(|row| row.as_object().unwrap().clone()));
            let rivals = Rivals::among(rows);
            assert_eq!(rivals.first(of(None).as_object().unwrap()), has_rivals.then_some(2), "{times:?}");
            assert_eq!(rivals.first(other.as_object().unwrap()), None);
        }
    }
}
