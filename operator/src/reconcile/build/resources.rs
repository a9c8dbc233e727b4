//! What a container may use.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::quantity;
use crate::resource::{Amounts, Resources};

/// What fits a part's work.
pub(super) struct Defaults {
    cpu_request: &'static str,
    memory_request: &'static str,
    memory_limit: &'static str,
}

/// A worker holds up to two batches of 256 MiB worth of events folded to their keys, and librdkafka's queues.
pub(super) const WORKER: Defaults = Defaults { cpu_request: "100m", memory_request: "128Mi", memory_limit: "1Gi" };
/// A dashboard holds a page at a time.
pub(super) const DASHBOARD: Defaults = Defaults { cpu_request: "50m", memory_request: "64Mi", memory_limit: "256Mi" };

/// The block `resources` of a container: a block that the resource gives replaces the default one. A default never
/// contradicts what is given, since a request above its limit is refused: it gives way. There is no default limit for processors:
/// idle ones are better used.
pub(super) fn merged(given: &Resources, defaults: &Defaults) -> Value {
    let mut requests = Amounts { cpu: Some(defaults.cpu_request.into()), memory: Some(defaults.memory_request.into()) };
    let mut limits = Amounts { cpu: None, memory: Some(defaults.memory_limit.into()) };
    match (&given.requests, &given.limits) {
        (Some(given_requests), Some(given_limits)) => {
            requests = given_requests.clone();
            limits = given_limits.clone();
        }
        (Some(given), None) => {
            requests = given.clone();
            limits.memory = further(limits.memory, given.memory.as_deref(), Ordering::Greater);
        }
        (None, Some(given)) => {
            limits = given.clone();
            requests.cpu = further(requests.cpu, given.cpu.as_deref(), Ordering::Less);
            requests.memory = further(requests.memory, given.memory.as_deref(), Ordering::Less);
        }
        (None, None) => {}
    }
    let mut merged = Map::new();
    for (name, amounts) in [("requests", requests), ("limits", limits)] {
        let amounts = amounts_json(&amounts);
        if !amounts.is_empty() {
            merged.insert(name.into(), Value::Object(amounts));
        }
    }
    Value::Object(merged)
}

/// The given amount where it lies further in that direction, else the default.
fn further(default: Option<String>, given: Option<&str>, direction: Ordering) -> Option<String> {
    match (default, given) {
        (Some(default), Some(given)) if quantity::compare(given, &default) == Some(direction) => Some(given.to_owned()),
        (default, _) => default,
    }
}

fn amounts_json(amounts: &Amounts) -> Map<String, Value> {
    let mut map = Map::new();
    for (name, amount) in [("cpu", &amounts.cpu), ("memory", &amounts.memory)] {
        if let Some(amount) = amount {
            map.insert(name.into(), json!(quantity::canonical(amount)));
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(requests: Option<[&str; 2]>, limits: Option<[&str; 2]>) -> Value {
        let amounts = |[cpu, memory]: [&str; 2]| {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Amounts { cpu: some(cpu), memory: some(memory) }
        };
        merged(&Resources { requests: requests.map(amounts), limits: limits.map(amounts) }, &WORKER)
    }

    #[test]
    fn a_block_that_is_given_replaces_the_default_one_and_the_other_stays() {
        let defaults = json!({ "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "memory": "1Gi" } });
        assert_eq!(of(None, None), defaults);
        assert_eq!(of(Some(["2", ""]), None), json!({ "requests": { "cpu": "2" }, "limits": { "memory": "1Gi" } }));
        assert_eq!(
            of(None, Some(["2", "512Mi"])),
            json!({ "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "cpu": "2", "memory": "512Mi" } })
        );
        assert_eq!(of(Some(["", ""]), Some(["", ""])), json!({}));
    }

    #[test]
    fn a_default_gives_way_where_it_would_contradict() {
        assert_eq!(
            of(Some(["1", "2Gi"]), None),
            json!({ "requests": { "cpu": "1", "memory": "2Gi" }, "limits": { "memory": "2Gi" } })
        );
        assert_eq!(
            of(None, Some(["50m", "64Mi"])),
            json!({ "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "cpu": "50m", "memory": "64Mi" } })
        );
    }
}
