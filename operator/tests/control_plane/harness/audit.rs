//! What the API server was asked for, in its own words.

use serde_json::Value;

use super::TestNamespace;

/// The requests of a place's operators since the beginning, but those for the Lease.
pub fn requests(place: &TestNamespace) -> Vec<Value> {
    let text = std::fs::read_to_string(&place.cluster.audit_log).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = lines.filter(|line| line["impersonatedUser"]["username"] == place.user());
    ours.filter(|line| line["stage"] == "ResponseComplete" && line["objectRef"]["resource"] != "leases").collect()
}

/// Those that write.
pub fn writes(place: &TestNamespace) -> Vec<String> {
    let reads = ["get", "list", "watch"];
    let writes = requests(place).into_iter().filter(|line| !reads.iter().any(|verb| line["verb"] == *verb));
    writes.map(|line| said(&line)).collect()
}

/// Those that the API server refused for want of a right. Not those in namespaces of other tests: one that is being deleted
/// takes nothing new, and says the same.
pub fn forbidden(place: &TestNamespace, namespaces: &[&str]) -> Vec<String> {
    let is_ours = |line: &Value| line["objectRef"]["namespace"].as_str().is_none_or(|name| namespaces.contains(&name));
    let refused = requests(place).into_iter().filter(|line| line["responseStatus"]["code"] == 403 && is_ours(line));
    refused.map(|line| said(&line)).collect()
}

fn said(line: &Value) -> String {
    let object = &line["objectRef"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (verb, kind, part) = (text(&line["verb"]), text(&object["resource"]), text(&object["subresource"]));
    let (name, answer) = (text(&object["name"]), &line["responseStatus"]);
    format!("{verb} {kind}/{name} {part} -> {} {}", answer["code"], text(&answer["message"]))
}
