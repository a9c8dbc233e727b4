//! Reading settings: the file, and the environment over it.

use serde_json::{Map, Value};

use super::{
    Settings, SettingsError, bounded,
    env::{Variable, variables},
    unknown::unknown,
};
use crate::settings::redact::{is_sensitive, redact_message, redact_path};

/// The longest settings file. The parser takes long for files that are large and deep.
const MAX_BYTES: usize = 64 << 10;

impl Settings {
    /// From the text of a settings file (YAML; empty gives the defaults) and the environment, checked.
    ///
    /// # Errors
    /// What cannot be read names the field, the value and what is allowed; so does every bound that is broken, all of
    /// them at once.
    pub fn load(file: Option<&str>, environment: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        Self::load_over(&[], file, environment)
    }

    /// The same, with defaults of a command's own: each a variable and its value, which holds where neither the file nor the
    /// environment says anything of that setting.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_over(
        defaults: &[(&str, &str)],
        file: Option<&str>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let settings = merge_env(defaults, file.unwrap_or_default(), environment)?;
        settings.validate()?;
        Ok(settings)
    }
}

/// The file's settings with the environment laid over them, read into the type but not yet checked for bounds.
pub(super) fn merge_env(
    defaults: &[(&str, &str)],
    file: &str,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Settings, SettingsError> {
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
        let default = || defaults.iter().find(|(name, _)| *name == variable.name && !is_given(&tree, &variable.path));
        let Some(text) = environment(&variable.name).or_else(|| default().map(|(_, value)| (*value).to_owned())) else {
            continue;
        };
        set(&mut tree, &variable, &text);
        origins.push(variable);
    }
    // Only now: what is unknown is refused, whether anything is behind it or not.
    drop_nulls(&mut tree);
    serde_path_to_error::deserialize(&tree).map_err(|error| {
        let field = error.path().to_string();
        let origin = origins.iter().find(|v| field.starts_with(&v.path)).map(|v| v.name.clone());
        let message = error.into_inner().to_string();
        if is_sensitive(&field) {
            return SettingsError::Field {
                message: in_yaml(&redact_message(&message)),
                field: redact_path(&field),
                origin,
            };
        }
        SettingsError::Field { message: in_yaml(&message), field, origin }
    })
}

/// Whether the file says anything of a setting.
fn is_given(tree: &Value, path: &str) -> bool {
    tree.pointer(&format!("/{}", path.replace('.', "/"))).is_some_and(|value| !value.is_null())
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
    use super::{super::StartFrom, *};

    fn load(file: &str, env: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::load(Some(file), |name| env.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn a_file_that_holds_no_settings_is_refused() {
        for file in ["kafka", "kafka.bootstrapServers\n", "- kafka", "7"] {
            let refused = merge_env(&[], file, |_| None).unwrap_err().to_string();
            assert!(refused.contains("holds no settings"), "{file}: {refused}");
        }
        // A variable does not paper over what the file says beside it.
        let set = |name: &str| (name == "STOCKSTREAM_KAFKA_START_FROM").then(|| "earliest".to_owned());
        assert!(merge_env(&[], "kafka: here", set).unwrap_err().to_string().contains("kafka"));
        assert!(merge_env(&[], "# nothing\n", set).is_ok());
        assert!(merge_env(&[], "kafka:\n", set).is_ok());
        assert_eq!(merge_env(&[], "kafka:\nlimits:\n  batchKeys:\n", |_| None).unwrap(), Settings::default());
        let refused = merge_env(&[], "kafka:\n  bootstrap_servers:\n", |_| None).unwrap_err().to_string();
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
            let refused = merge_env(&[], file, |_| None).unwrap_err().to_string();
            assert!(refused.contains(words), "{file}: {refused}");
        }
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
    fn a_default_of_a_command_holds_only_where_neither_file_nor_environment_say_anything() {
        let name = "STOCKSTREAM_KAFKA_START_FROM";
        let start = |file: &str, variable: Option<&str>| {
            let given = |asked: &str| variable.filter(|_| asked == name).map(str::to_owned);
            Settings::load_over(&[(name, "earliest")], Some(file), given).unwrap().kafka.start_from
        };
        for file in ["", "kafka:\n", "kafka: {startFrom: }"] {
            assert_eq!(start(file, None), StartFrom::Earliest, "{file}");
        }
        // What is the default anyway is said all the same.
        assert_eq!(start("kafka: {startFrom: latest}", None), StartFrom::Latest);
        assert_eq!(start("", Some("latest")), StartFrom::Latest);
        assert_eq!(start("kafka: {startFrom: earliest}", Some("latest")), StartFrom::Latest);
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
}
