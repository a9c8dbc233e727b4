use serde_json::Value;

use crate::api::openapi::document::document;

#[test]
fn every_reference_is_to_something_that_is_there() {
    let document = document("Shop");
    let mut references = Vec::new();
    gather(&document, &mut references);
    assert!(references.len() > 10, "{references:?}");
    for reference in references {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
    }
}

fn gather(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| gather(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| gather(value, references)),
        _ => {}
    }
}

#[test]
fn filters_and_orders_are_those_of_the_lists() {
    let document = document("Shop");
    let parameters = document["paths"]["/api/v1/clients"]["get"]["parameters"].as_array().unwrap();
    let named = |name: &str| &parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["schema"];
    assert_eq!(named("loyalty_tier")["items"]["enum"], serde_json::json!(["Bronze", "Silver", "Gold"]));
    assert_eq!(named("eligible_promo")["type"], "boolean");
    assert_eq!(named("invoices_min")["type"], "number");
    assert!(named("sort")["enum"].as_array().unwrap().contains(&"-last_purchase_date".into()));
}
