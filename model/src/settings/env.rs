//! Every setting as an environment variable: `STOCKSTREAM_` and the path in capitals, so
//! `analytics.productWinners.limit` is `STOCKSTREAM_ANALYTICS_PRODUCT_WINNERS_LIMIT`. Lists are separated by commas.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    Settings, SettingsError, bounded,
    unknown::{ALIKE, unknown},
    validate::UnknownVariable,
    veil::{may_hold_secret, named, veiled},
};

/// The longest settings file. The parser takes long for files that are large and deep.
const MAX_BYTES: usize = 64 << 10;

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
    list: bool,
    integer: bool,
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

/// The file's settings with the environment laid over them, read into the type but not yet checked for bounds.
pub(super) fn overlay(file: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Settings, SettingsError> {
    if file.len() > MAX_BYTES {
        return Err(SettingsError::TooLong { bytes: file.len(), most: MAX_BYTES });
    }
    let parsed = bounded::read(serde_yaml_ng::Deserializer::from_str(file), 2 * MAX_BYTES)
        .map_err(|error| SettingsError::Yaml { message: error.to_string() })?;
    let mut tree = if parsed.is_null() { Value::Object(Map::new()) } else { parsed };
    if !tree.is_object() {
        let shown: String = file.trim().chars().take(40).collect();
        let message = format!(
            "the file holds no settings but {shown:?}; write them as `kafka: {{bootstrapServers: [kafka:9092]}}`"
        );
        return Err(SettingsError::Yaml { message });
    }
    let variables = variables();
    if let Some(error) = unknown(&tree, &variables) {
        return Err(error);
    }
    let mut origins = Vec::new();
    for variable in variables {
        let Some(text) = environment(&variable.name) else { continue };
        set(&mut tree, &variable, &text);
        origins.push(variable);
    }
    // Only now: what is unknown is refused, whether anything is behind it or not.
    drop_nulls(&mut tree);
    serde_path_to_error::deserialize(&tree).map_err(|error| {
        let field = error.path().to_string();
        let origin = origins.iter().find(|v| field.starts_with(&v.path)).map(|v| v.name.clone());
        let message = error.into_inner().to_string();
        if may_hold_secret(&field) {
            return SettingsError::Field { message: in_yaml(&veiled(&message)), field: named(&field), origin };
        }
        SettingsError::Field { message: in_yaml(&message), field, origin }
    })
}

/// A name with nothing behind it says nothing.
fn drop_nulls(tree: &mut Value) {
    if let Value::Object(fields) = tree {
        fields.retain(|_, value| !value.is_null());
        fields.values_mut().for_each(drop_nulls);
    }
}

/// What serde says, with what it expects in words of YAML in the place of Rust's.
fn in_yaml(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let expected = match expected {
        "a sequence" => "a list, such as [one, another]",
        "a map" => "fields below it",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        other if other.starts_with("struct ") => "fields below it",
        other => other,
    };
    format!("{}, expected {expected}", found.replace("unknown variant ", "unknown value "))
}

fn set(tree: &mut Value, variable: &Variable, text: &str) {
    let mut place = tree;
    for part in variable.path.split('.') {
        // What stands there and is none is refused by its name.
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(map) = place else { return };
        place = map.entry(part).or_insert(Value::Null);
    }
    *place = if variable.list {
        Value::Array(text.split(',').map(|item| Value::String(item.trim().to_owned())).collect())
    } else {
        match text.parse::<i64>() {
            Ok(number) if variable.integer => Value::from(number),
            _ => Value::String(text.to_owned()), // a password may well be all digits
        }
    };
}

#[cfg(test)]
mod tests {
    use super::{super::Protocol, *};

    #[test]
    fn a_file_that_holds_no_settings_is_refused() {
        for file in ["kafka", "kafka.bootstrapServers\n", "- kafka", "7"] {
            let refused = overlay(file, |_| None).unwrap_err().to_string();
            assert!(refused.contains("holds no settings"), "{file}: {refused}");
        }
        // A variable does not paper over what the file says beside it.
        let set = |name: &str| (name == "STOCKSTREAM_KAFKA_START_FROM").then(|| "earliest".to_owned());
        assert!(overlay("kafka: here", set).unwrap_err().to_string().contains("kafka"));
        assert!(overlay("# nothing\n", set).is_ok());
        assert!(overlay("kafka:\n", set).is_ok());
        assert_eq!(overlay("kafka:\nlimits:\n  batchKeys:\n", |_| None).unwrap(), Settings::default());
        let refused = overlay("kafka:\n  bootstrap_servers:\n", |_| None).unwrap_err().to_string();
        assert!(refused.contains("nearest setting is kafka.bootstrapServers"), "{refused}");
    }

    #[test]
    fn what_is_expected_is_said_in_words_of_the_file() {
        for (file, words) in [
            (
                "kafka: {bootstrapServers: 'a:1'}",
                "kafka.bootstrapServers: invalid type: string \"a:1\", expected a list, such as",
            ),
            ("limits: {batchKeys: many}", "expected a whole number of 0 or more"),
            ("limits: none", "expected fields below it"),
            ("kafka: {topicPolicy: create}", "unknown value `create`, expected `Require` or `Create`"),
            ("kafka.bootstrapServers: [a:1]", "write it below kafka, as in kafka: {bootstrapServers: …}"),
        ] {
            let refused = overlay(file, |_| None).unwrap_err().to_string();
            assert!(refused.contains(words), "{file}: {refused}");
        }
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

    fn load(file: &str, env: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::load(Some(file), |name| env.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn nothing_given_gives_the_defaults() {
        assert_eq!(load("", &[]).unwrap(), Settings::default());
        assert_eq!(load("{}", &[]).unwrap().group_id(), "stockstream.local");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let file = "{kafka: {bootstrapServers: [a:1], startFrom: earliest}, analytics: {productWinners: {weights: {profit: '0.7'}}}}";
        let settings = load(
            file,
            &[
                ("STOCKSTREAM_KAFKA_BOOTSTRAP_SERVERS", "b:1, c:2"),
                ("STOCKSTREAM_ANALYTICS_AS_OF", "LatestEvent"),
                ("STOCKSTREAM_ANALYTICS_CLIENTS_GOLD", "50000"),
                ("STOCKSTREAM_KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
                ("STOCKSTREAM_KAFKA_SECURITY_SASL_MECHANISM", "PLAIN"),
                ("STOCKSTREAM_KAFKA_SECURITY_SASL_USERNAME", "u"),
                ("STOCKSTREAM_KAFKA_SECURITY_SASL_PASSWORD", "20260501"),
            ],
        )
        .unwrap();
        assert_eq!(settings.kafka.bootstrap_servers, ["b:1", "c:2"]);
        assert_eq!(settings.analytics.clients.gold.to_string(), "50000");
        assert_eq!(settings.analytics.product_winners.weights.profit.to_string(), "0.7");
        assert!(!format!("{settings:?}").contains("20260501"));
    }

    #[test]
    fn every_bad_setting_is_named_with_its_value_and_what_is_allowed() {
        for (file, words) in [
            ("kafka: [", &["not valid YAML"][..]),
            ("kafka: {topic: x}", &["kafka", "topic", "unknown field"]),
            ("analytics: {asOf: yesterday}", &["analytics.asOf", "yesterday", "LatestEvent"]),
            ("analytics: {reevaluateEvery: soon}", &["analytics.reevaluateEvery", "soon", "1h"]),
            ("analytics: {productWinners: {limit: 0}}", &["analytics.productWinners.limit", "0", "from 1 to 1000"]),
            ("analytics: {productWinners: {weights: {profit: much}}}", &["weights.profit", "much", "decimal"]),
            ("analytics: {clients: {silver: '30000'}}", &["analytics.clients.silver", "30000", "gold"]),
            ("kafka: {bootstrapServers: [kafka]}", &["kafka.bootstrapServers", "kafka", "host:port"]),
            ("kafka: {bootstrapServers: []}", &["kafka.bootstrapServers", "at least one"]),
            (
                "kafka: {bootstrap_servers: [kafka:9092]}",
                &["setting kafka.bootstrap_servers", "kafka.bootstrapServers"],
            ),
            (
                "kafka: {bootstrapServers: ['SSL://kafka:9092']}",
                &["kafka.bootstrapServers", "SSL://", "write kafka:9092"],
            ),
            ("kafka: {topics: {sales: {name: 'a b'}}}", &["kafka.topics.sales.name", "a b", "letters"]),
            ("kafka: {topics: {sales: {name: topic-clients}}}", &["kafka.topics.clients.name", "already"]),
            ("kafka: {security: {protocol: SASL_SSL}}", &["kafka.security.sasl", "mechanism"]),
            ("kafka: {security: {protocol: TLS}}", &["kafka.security.protocol", "TLS", "SASL_SSL"]),
            ("kafka: {security: {protocol: SSL, tls: {certFile: a}}}", &["kafka.security.tls", "keyFile"]),
            ("kafka: {startFrom: middle}", &["kafka.startFrom", "middle", "earliest"]),
            ("sales: {futureTolerance: 40000d}", &["sales.futureTolerance", "40000d", "from 0 to 36500d"]),
            ("limits: {batchKeys: 0}", &["limits.batchKeys", "from 1"]),
            ("limits: {publishEvery: 0}", &["limits.publishEvery", "from 1ms"]),
            ("pipeline: {name: ''}", &["pipeline.name", "letters"]),
        ] {
            let message = load(file, &[]).expect_err(file).to_string();
            for word in words {
                assert!(message.contains(word), "{file}: {message}");
            }
        }
    }

    #[test]
    fn a_bad_variable_is_named() {
        let message = load("", &[("STOCKSTREAM_ANALYTICS_AS_OF", "soon")]).unwrap_err().to_string();
        assert!(message.contains("STOCKSTREAM_ANALYTICS_AS_OF"), "{message}");
    }

    fn refused(names: &[&str]) -> Option<String> {
        let others = ["STOCKSTREAM_LISTEN", "STOCKSTREAM_WATCH_NAMESPACES"];
        refuse_unknown(names.iter().map(|name| (*name).to_owned()), &others).err().map(|error| error.to_string())
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
    fn a_topic_without_its_name_has_the_default_one() {
        let settings =
            load("{kafka: {topics: {sales: {partitions: 4}, clients: {replicationFactor: 2}}}}", &[]).unwrap();
        let plain = Settings::default().kafka.topics;
        assert_eq!(
            (&settings.kafka.topics.sales.name, settings.kafka.topics.sales.partitions),
            (&plain.sales.name, Some(4))
        );
        assert_eq!(settings.kafka.topics.clients.name, plain.clients.name);
        let by_variable = load("", &[("STOCKSTREAM_KAFKA_TOPICS_INVENTORY_PARTITIONS", "3")]).unwrap();
        assert_eq!(by_variable.kafka.topics.inventory.name, plain.inventory.name);
        assert!(
            load("{kafka: {topics: {sales: {name: ''}}}}", &[]).unwrap_err().to_string().contains("topics.sales.name")
        );
        let said = load("{kafka: {topics: {sales: {partitions: many}}}}", &[]).unwrap_err().to_string();
        assert!(said.contains("kafka.topics.sales.partitions"), "{said}");
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
            let taken = |word: &str| overlay("", |name| (name == variable.name).then(|| word.to_owned()));
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
