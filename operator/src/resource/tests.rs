use kube::core::{Resource, cel};
use serde_json::{Value, json};

use super::*;
use crate::resource::validation_cases::{fixed_while_running, least, put, with};

/// As the API server would keep it: with defaults filled in.
fn kept(pipeline: &Value) -> AnalyticsPipeline {
    serde_json::from_value(pipeline.clone()).unwrap_or_else(|error| panic!("{error}: {pipeline}"))
}

fn refused(new: &Value, old: Option<&Value>) -> String {
    let new = kept(new);
    let checked = match old {
        Some(old) => cel::validate_cel_update(&new, &kept(old)),
        None => cel::validate_cel(&new),
    };
    checked.map_or_else(|errors| errors.to_string(), |()| String::new())
}

#[test]
fn the_least_that_can_be_said_is_accepted_and_gets_the_defaults_of_the_settings_file() {
    let pipeline = kept(&least());
    assert_eq!(refused(&least(), None), "");
    assert_eq!(pipeline.spec.analytics, stockstream_model::settings::Analytics::default());
    assert_eq!(pipeline.spec.kafka.topics, stockstream_model::settings::Topics::default());
    assert_eq!((pipeline.spec.workers.replicas, pipeline.spec.dashboard.enabled), (1, true));
    assert_eq!(pipeline.spec.mongodb.uri_secret_ref.key, "uri");
}

#[test]
fn what_cannot_be_used_is_refused_with_a_sentence() {
    for (pipeline, words) in validation_cases::refused() {
        let said = refused(&pipeline, None);
        assert!(said.contains(words), "{pipeline}: {said:?}");
    }
}

#[test]
fn forms_are_accepted_where_somebody_is_known_who_may_use_them() {
    for dashboard in [
        json!({ "kafka": {} }),
        json!({ "kafka": {}, "replicas": 0 }),
        json!({ "kafka": {}, "auth": { "mode": "Proxy", "trustedProxies": ["10.0.0.7"],
            "proxy": { "roles": [{ "group": "all", "role": "User" }, { "group": "books", "role": "Accountant" }] } } }),
    ] {
        assert_eq!(refused(&with("/spec/dashboard", dashboard.clone()), None), "", "{dashboard}");
    }
    assert_eq!(refused(&with("/spec/dashboard/auth/mode", json!("Off")), None), "", "without forms it may be off");
}

#[test]
fn what_nobody_could_decode_is_refused_with_a_sentence_too() {
    for (path, value, words) in validation_cases::unreadable() {
        // With the defaults filled in: the rules are asked of what the API server would keep.
        let pipeline = put(serde_json::to_value(kept(&least())).unwrap(), path, value);
        let said = cel::validate_cel_schema::<AnalyticsPipelineSpec>(&pipeline["spec"], None);
        let said = said.map_or_else(|errors| errors.to_string(), |()| String::new());
        assert!(words == validation_cases::BY_PATTERN || said.contains(words), "{path}: {said:?}");
    }
}

#[test]
fn topics_and_group_change_only_while_suspended() {
    let suspended = with("/spec/suspend", json!(true));
    for (path, value, words) in fixed_while_running() {
        let said = refused(&with(path, value.clone()), Some(&least()));
        assert!(said.contains(words) && said.contains("suspend"), "{path}: {said:?}");
        assert_eq!(refused(&put(suspended.clone(), path, value), Some(&suspended)), "");
    }
    assert_eq!(refused(&with("/spec/workers/replicas", json!(3)), Some(&least())), "");
}

/// Every schema in the definition, with its path.
fn walk<'a>(schema: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
    found.push((path.to_owned(), schema));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(property, &format!("{path}.{name}"), found);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            walk(&schema[inner], &format!("{path}[]"), found);
        }
    }
}

#[test]
fn every_text_list_and_map_is_bounded_and_everything_has_a_description() {
    let definition = serde_json::to_value(crd().unwrap()).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut found = Vec::new();
    walk(schema, "", &mut found);
    assert!(found.len() > 150, "{}", found.len());
    for (path, schema) in found {
        let bounded = match schema["type"].as_str() {
            Some("string") => ["maxLength", "enum", "format"].iter().any(|name| schema.get(name).is_some()),
            Some("array") => schema.get("maxItems").is_some(),
            Some("object") if schema["additionalProperties"].is_object() => schema.get("maxProperties").is_some(),
            Some(_) => true,
            None => schema.get("x-kubernetes-int-or-string").is_some(),
        };
        assert!(bounded, "{path}: {schema}");
        let ours = path.starts_with(".spec.")
            && !path.ends_with("[]")
            && !path.contains("affinity")
            && !path.contains("tolerations");
        assert!(!ours || schema["description"].is_string(), "{path} has no description");
    }
}

#[test]
fn the_definition_that_is_checked_in_is_that_of_the_types() {
    let text = serde_yaml_ng::to_string(&crd().unwrap()).unwrap();
    // The chart can read no file outside of its own folder.
    for folder in ["crds", "charts/stockstream/files"] {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(folder)
            .join("analyticspipelines.stockstream.dev.yaml");
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &text).unwrap();
        }
        let standing = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(standing == text, "{folder} has drifted; run: UPDATE_GENERATED=1 cargo test -p stockstream-operator");
    }
    assert_eq!(AnalyticsPipeline::plural(&()), "analyticspipelines");
}
