//! Every setting as an environment variable: `STOCKSTREAM_` and the path in capitals, so
//! `analytics.productWinners.limit` is `STOCKSTREAM_ANALYTICS_PRODUCT_WINNERS_LIMIT`. Lists are separated by commas.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Settings,
    error::{SettingsError, UnknownVariable},
};

/// How alike two names are at least for one to be meant by the other.
pub(super) const ALIKE: f64 = 0.6;

/// A setting and the variable that sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The path in the settings file, `kafka.startFrom`.
    pub path: String,
    /// The variable's name, `STOCKSTREAM_KAFKA_START_FROM`.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// What holds when nobody sets it; `None` where that is nothing.
    pub default: Option<String>,
    /// What it may be, where those are a few words.
    pub values: Vec<String>,
    pub(super) list: bool,
    pub(super) integer: bool,
}

/// Every setting that is a value, from the schema of [`Settings`].
pub fn variables() -> Vec<Variable> {
    let schema =
        schemars::generate::SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator();
    let schema = schema.into_root_schema_for::<Settings>().to_value();
    let mut found = Vec::new();
    collect(&schema, &mut Vec::new(), &mut found);
    let defaults = serde_json::to_value(Settings::default()).unwrap_or_default();
    for variable in &mut found {
        let place = format!("/{}", variable.path.replace('.', "/"));
        variable.default = defaults.pointer(&place).map(shown);
    }
    found
}

/// That variables with our prefix set nothing, each named with the nearest that does. `others` are those that are no settings and
/// are read all the same, as by the command line. What Kubernetes tells of Services whose names begin as ours is none of them.
///
/// # Errors
/// [`SettingsError::Variables`] for all of them.
pub fn refuse_unknown(names: impl IntoIterator<Item = String>, others: &[&str]) -> Result<(), SettingsError> {
    let settings = variables();
    let known: Vec<&str> = settings.iter().map(|variable| &*variable.name).chain(others.iter().copied()).collect();
    let is_ours = |name: &String| name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    let mut given: BTreeSet<String> = names.into_iter().filter(is_ours).collect();
    let services = services(&given);
    given.retain(|name| !known.contains(&&**name) && !services.iter().any(|service| is_of_service(name, service)));
    if given.is_empty() {
        return Ok(());
    }
    let unknown = given.into_iter().map(|name| {
        let nearest = nearest(&name, &known).map(str::to_owned);
        UnknownVariable { name, nearest }
    });
    Err(SettingsError::Variables { unknown: unknown.collect() })
}

const PREFIX: &str = "STOCKSTREAM_";

/// The variable that is most likely meant, if one is like it.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |name: &str| {
        let name = name.to_ascii_uppercase();
        name.strip_prefix(PREFIX).unwrap_or(&name).replace('_', "")
    };
    let plain_name = plain(name);
    let alike = |other: &str| strsim::normalized_damerau_levenshtein(&plain_name, &plain(other));
    let best = known.iter().map(|other| (alike(other), *other)).max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(score, _)| *score >= ALIKE).map(|(_, other)| other)
}

/// Services of Kubernetes of which these variables tell, each as its variables begin. Of each it tells host and port.
fn services(names: &BTreeSet<String>) -> Vec<String> {
    let services = names.iter().filter_map(|name| name.strip_suffix("_SERVICE_HOST"));
    let services = services.filter(|service| names.contains(&format!("{service}_SERVICE_PORT")));
    services.map(str::to_owned).collect()
}

/// Whether a variable is one of those that Kubernetes makes for a Service.
fn is_of_service(name: &str, service: &str) -> bool {
    let Some(rest) = name.strip_prefix(service) else { return false };
    if matches!(rest, "_SERVICE_HOST" | "_SERVICE_PORT" | "_PORT") || rest.starts_with("_SERVICE_PORT_") {
        return true;
    }
    let Some(rest) = rest.strip_prefix("_PORT_") else { return false };
    let mut parts = rest.split('_');
    parts.next().is_some_and(|port| port.parse::<u16>().is_ok())
        && parts.next().is_some_and(|protocol| matches!(protocol, "TCP" | "UDP" | "SCTP"))
        && parts.next().is_none_or(|what| matches!(what, "PROTO" | "PORT" | "ADDR"))
        && parts.next().is_none()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Every setting as a table in Markdown.
pub fn reference() -> String {
    let mut text = String::from(
        "<!-- Generated from the types by `UPDATE_GENERATED=1 cargo test -p stockstream-model`. -->\n\n# Settings\n\nFlags win over \
         variables, variables over the file (`--config`), the file over defaults. The file is YAML, nested at the dots: \
         `kafka: {startFrom: earliest}`. In a variable, lists are separated by commas; in the file, decimals are strings. \
         `KAFKA_BOOTSTRAP_SERVERS` and `MONGODB_URI` stand for the flags `--kafka` and `--mongodb`, and win like them.\n\n| setting | variable | default | |\n|---|---|---|---|\n",
    );
    for Variable { path, name, about, default, values, .. } in variables() {
        let default = default.map(|value| format!("`{value}`")).unwrap_or_default();
        let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        let allowed = if values.is_empty() { String::new() } else { format!(" One of {}.", values.join(", ")) };
        text += &format!("| `{path}` | `{name}` | {default} | {}{allowed} |\n", about.replace('|', "\\|"));
    }
    text
}

fn collect(schema: &Value, path: &mut Vec<String>, found: &mut Vec<Variable>) {
    let nested = schema
        .get("anyOf")
        .and_then(Value::as_array)
        .and_then(|options| options.iter().find(|o| o.get("properties").is_some()));
    let properties = nested.unwrap_or(schema).get("properties").and_then(Value::as_object);
    if let Some(properties) = properties {
        for (name, property) in properties {
            path.push(name.clone());
            collect(property, path, found);
            path.pop();
        }
        return;
    }
    let snake = |part: &str| {
        part.chars()
            .flat_map(|c| [c.is_uppercase().then_some('_'), Some(c.to_ascii_uppercase())])
            .flatten()
            .collect::<String>()
    };
    let parts: Vec<String> = path.iter().map(|part| snake(part)).collect();
    let about = schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
    let is = |kind: &str| match schema.get("type") {
        Some(Value::String(name)) => name == kind,
        Some(Value::Array(names)) => names.iter().any(|name| name == kind),
        _ => false,
    };
    let (path, name) = (path.join("."), format!("STOCKSTREAM_{}", parts.join("_")));
    let values = words(schema);
    found.push(Variable { path, name, about, default: None, values, list: is("array"), integer: is("integer") });
}

/// The words that a value may be one of; none where it may be any.
fn words(schema: &Value) -> Vec<String> {
    let list = |name: &str| schema.get(name).and_then(Value::as_array).into_iter().flatten();
    let own = list("enum").chain(schema.get("const")).filter_map(Value::as_str).map(str::to_owned);
    own.chain(list("oneOf").chain(list("anyOf")).flat_map(words)).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Protocol, load::merge_env},
        *,
    };

    fn refused(names: &[&str]) -> Option<String> {
        let others = ["STOCKSTREAM_LISTEN", "STOCKSTREAM_WATCH_NAMESPACES"];
        refuse_unknown(names.iter().map(|name| (*name).to_owned()), &others).err().map(|error| error.to_string())
    }

    #[test]
    fn the_reference_that_is_checked_in_is_that_of_the_types() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&file, reference()).unwrap();
        }
        let standing = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            standing == reference(),
            "docs/settings.md has drifted; run: UPDATE_GENERATED=1 cargo test -p stockstream-model"
        );
    }

    #[test]
    fn every_variable_with_our_prefix_that_sets_nothing_is_named() {
        for (name, nearest) in [
            ("STOCKSTREAM_KAFKA_BOOTSTRAP_SERVER", Some("STOCKSTREAM_KAFKA_BOOTSTRAP_SERVERS")),
            ("STOCKSTREAM_MONGODB_URL", Some("STOCKSTREAM_MONGODB_URI")),
            ("STOCKSTREAM_LIMITS_BATCHKEYS", Some("STOCKSTREAM_LIMITS_BATCH_KEYS")),
            ("STOCKSTREAM_WATCH_NAMESPACE", Some("STOCKSTREAM_WATCH_NAMESPACES")),
            ("stockstream_kafka_start_from", Some("STOCKSTREAM_KAFKA_START_FROM")),
            ("STOCKSTREAM_WHATEVER_IT_MAY_BE", None),
            ("STOCKSTREAM_KAFKA_PORT", None), // no Service is told of
            ("STOCKSTREAM_", None),
        ] {
            let said = refused(&[name, "STOCKSTREAM_LISTEN", "STOCKSTREAM_KAFKA_GROUP_ID"]).unwrap_or_default();
            assert!(said.contains(&format!("variable {name} ")), "{name}: {said}");
            assert!(
                nearest.is_none_or(|nearest| said.contains(&format!("the nearest is {nearest}"))),
                "{name}: {said}"
            );
            assert!(said.contains("stockstream settings"), "{said}");
        }
        let said = refused(&["STOCKSTREAM_FOO_BAR", "STOCKSTREAM_QUUX", "HOME"]).unwrap_or_default();
        assert!(said.contains("STOCKSTREAM_FOO_BAR") && said.contains("STOCKSTREAM_QUUX"), "{said}");
    }

    #[test]
    fn what_kubernetes_tells_of_services_is_let_be() {
        let of = |service: &str| {
            ["_SERVICE_HOST", "_SERVICE_PORT", "_SERVICE_PORT_HTTP_WEB", "_PORT", "_PORT_5432_TCP"]
                .into_iter()
                .chain(["_PORT_5432_TCP_PROTO", "_PORT_5432_TCP_PORT", "_PORT_53_UDP_ADDR"])
                .map(|part| format!("{service}{part}"))
                .collect::<Vec<_>>()
        };
        for service in ["STOCKSTREAM_DB", "STOCKSTREAM_KAFKA", "STOCKSTREAM", "STOCKSTREAM_PORT"] {
            let names = of(service);
            assert_eq!(refused(&names.iter().map(String::as_str).collect::<Vec<_>>()), None, "{service}");
        }
        let mut names = of("STOCKSTREAM_DB");
        names.extend(["STOCKSTREAM_DB_PORT_TCP".to_owned(), "STOCKSTREAM_OTHER_PORT".to_owned()]);
        let said = refused(&names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default();
        assert!(said.contains("STOCKSTREAM_DB_PORT_TCP ") && said.contains("STOCKSTREAM_OTHER_PORT "), "{said}");
        assert!(!said.contains("5432"), "{said}");
    }

    #[test]
    fn what_may_be_one_of_a_few_words_says_which() {
        let values = |path: &str| variables().into_iter().find(|variable| variable.path == path).unwrap().values;
        assert_eq!(values("kafka.topicPolicy"), ["Require", "Create"]);
        assert_eq!(values("kafka.security.protocol"), Protocol::ALL.map(Protocol::name));
        assert_eq!(values("kafka.security.sasl.mechanism"), ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]);
        assert_eq!(values("analytics.lossRisk.onEmptyResult"), ["Keep", "Clear"]);
        assert_eq!(values("mongodb.filesInUri").len(), 2);
        assert!(values("pipeline.name").is_empty() && values("kafka.groupId").is_empty());
        // Each of them is taken, and no other word.
        for variable in variables().into_iter().filter(|variable| !variable.values.is_empty()) {
            let taken = |word: &str| merge_env(&[], "", |name| (name == variable.name).then(|| word.to_owned()));
            for word in &variable.values {
                assert!(taken(word).is_ok(), "{}: {word}", variable.path);
            }
            assert!(taken("Whatever").is_err(), "{}", variable.path);
        }
    }

    #[test]
    fn every_setting_has_a_variable_of_its_own() {
        let mut names: Vec<String> = variables().into_iter().map(|v| v.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(count > 50, "{count}");
        assert!(
            variables().iter().all(|v| !v.about.is_empty()),
            "{:?}",
            variables().iter().find(|v| v.about.is_empty())
        );
    }
}
