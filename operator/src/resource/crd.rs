//! The definition of the resource, as it is installed in a cluster.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::Schema;
use serde_json::{Map, Value, json};

use super::AnalyticsPipeline;

/// The bounds of what has none of its own: types of Kubernetes, and the status, which only the operator writes.
const LONGEST_TEXT: u64 = 32_768;
const LONGEST_NAME: u64 = 317; // a name of 63 behind a prefix of 253 and its slash
const MOST_ITEMS: u64 = 64;
const MOST_PARTITIONS: u64 = 30_000;

/// The definition, with everything bounded: what is not bounded lets the API server refuse the definition for what
/// checking it might cost.
///
/// # Errors
/// When the types do not make a definition, which a test excludes.
pub fn crd() -> Result<CustomResourceDefinition, serde_json::Error> {
    let mut crd = serde_json::to_value(AnalyticsPipeline::crd())?;
    if let Some(schema) = crd.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        walk(schema, &mut |fields| {
            // Formats that are Rust's, not OpenAPI's: the API server warns of them, and the bounds say the same.
            if fields.get("format").is_some_and(|format| format == "uint32") {
                fields.remove("format");
            }
        });
    }
    if let Some(status) = crd.pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/status") {
        bound(status, LONGEST_TEXT, MOST_PARTITIONS);
    }
    serde_json::from_value(crd)
}

/// A schema of a type of Kubernetes, with everything in it bounded; what it says of itself is told by `kubectl explain pod`.
pub(super) fn bounded(schema: Schema) -> Schema {
    let mut value = schema.to_value();
    bound(&mut value, LONGEST_NAME, MOST_ITEMS);
    walk(&mut value, &mut |fields| drop(fields.remove("description")));
    Schema::try_from(value).unwrap_or_default()
}

fn bound(schema: &mut Value, text: u64, items: u64) {
    walk(schema, &mut |fields| {
        let is = |kind: &str| match fields.get("type") {
            Some(Value::Array(kinds)) => kinds.contains(&json!(kind)),
            Some(standing) => standing == kind,
            None => false,
        };
        let (is_text, is_list) = (is("string"), is("array"));
        let is_map = is("object") && fields.get("additionalProperties").is_some_and(Value::is_object);
        if is_text && !fields.contains_key("enum") && !fields.contains_key("format") {
            fields.entry("maxLength").or_insert(text.into());
        }
        if is_list {
            fields.entry("maxItems").or_insert(items.into());
        }
        if is_map {
            fields.entry("maxProperties").or_insert(items.into());
        }
    });
}

/// Changes a schema and every schema in it.
fn walk(schema: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(fields) = schema else { return };
    change(fields);
    for (name, inner) in fields {
        match (name.as_str(), inner) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(|inner| walk(inner, change)),
            ("items" | "additionalProperties", inner) => walk(inner, change),
            ("anyOf" | "oneOf" | "allOf", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(|inner| walk(inner, change));
            }
            _ => {}
        }
    }
}
