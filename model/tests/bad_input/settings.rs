//! Settings files and variables, whatever stands in them: settings that can be used, or a sentence. Never a secret.

use proptest::{prelude::*, sample::select};
use stockstream_model::settings::{
    Settings,
    env::{Variable, variables},
};

use super::cases;

const SECRET: &str = "Hunter2-20260501";

/// What somebody may write where a value belongs.
fn value() -> impl Strategy<Value = String> {
    let odd = [
        "",
        "null",
        "~",
        "true",
        "0",
        "-1",
        "1.5",
        ".nan",
        ".inf",
        "-.inf",
        "1e999",
        "18446744073709551616",
        "99999999999999999999999999999999999999999",
        "0x7fffffffffffffff",
        "[]",
        "{}",
        "[a, [b]]",
        "{a: b}",
        "'",
        "\"",
        "&a [*a]",
        "*a",
        "!!binary aGk=",
        "!odd x",
        "2026-05-01",
        "1h",
        "0.5",
        "-0.00001",
        "9223372036854775807",
        "-9223372036854775808",
        "a:1",
        ":1",
        "a:65536",
        "[a:1, b:2]",
        "\"\\0\"",
        "\u{feff}",
        "<<: *a",
        "? x",
    ];
    prop_oneof![4 => select(odd.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,12}", 1 => (1..64_usize).prop_map(|length| "9".repeat(length))]
}

/// A file of some settings, each with a value that may be none.
fn file() -> impl Strategy<Value = String> {
    let names: Vec<String> = variables().into_iter().map(|variable| variable.path).collect();
    let setting = (select(names), 0..4_usize, value())
        .prop_map(|(path, up, value)| {
            let parts: Vec<_> = path.split('.').collect();
            let parts = &parts[..parts.len().saturating_sub(up).max(1)];
            parts
                .iter()
                .rev()
                .fold(value, |inner, part| if inner.contains('\n') { inner } else { format!("{{{part}: {inner}}}") })
        })
        .boxed();
    prop_oneof![
        4 => setting.clone(),
        1 => prop::collection::vec(setting, 0..4).prop_map(|settings| settings.iter().map(|s| s.trim_matches(['{', '}'])).collect::<Vec<_>>().join("\n")),
        1 => "[a-z:{}\\[\\],'\"&*!|>%@` \n\t-]{0,60}",
        1 => "\\PC{0,60}",
    ]
}

fn environment() -> impl Strategy<Value = Vec<(String, String)>> {
    let names: Vec<String> = variables().into_iter().map(|variable| variable.name).collect();
    prop::collection::vec((select(names), value()), 0..4)
}

fn load(file: &str, environment: &[(String, String)]) -> Result<Settings, String> {
    let find = |name: &str| environment.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
    Settings::load(Some(file), find).map_err(|error| error.to_string())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn settings_can_be_used_or_a_sentence_says_why_not(file in file(), environment in environment()) {
        match load(&file, &environment) {
            Ok(settings) => {
                prop_assert!((1..=1_000).contains(&settings.analytics.product_winners.limit));
                prop_assert!((1..=366).contains(&settings.analytics.history_days));
                prop_assert!(settings.kafka.bootstrap_servers.iter().all(|server| server.contains(':')));
                prop_assert!((1..=25_000).contains(&settings.limits.updates_per_command));
                let written = serde_json::to_string(&settings).unwrap();
                prop_assert_eq!(load(&written, &[]), Ok(settings), "{}", written);
            }
            Err(message) => prop_assert!(message.len() > 20, "{:?}", message),
        }
    }
}

/// Wherever in the part of the settings that holds secrets one is put by mistake, no error repeats it.
#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let secret_parts =
        |variable: &&Variable| ["mongodb.", "kafka.security.sasl."].iter().any(|part| variable.path.starts_with(part));
    let uri = format!("mongodb://user:{SECRET}@db/stock");
    let mut tried = 0;
    for Variable { path, name, .. } in variables().iter().filter(secret_parts) {
        for value in [
            SECRET.to_owned(),
            uri.clone(),
            format!("[{SECRET}]"),
            format!("{{{SECRET}: 1}}"),
            format!("{{x: {SECRET}}}"),
        ] {
            let parts: Vec<_> = path.split('.').collect();
            for depth in 1..=parts.len() {
                let file =
                    parts[..depth].iter().rev().fold(value.clone(), |inner, part| format!("{{{part}: {inner}}}"));
                let Err(message) = load(&file, &[]) else { continue };
                assert!(!message.contains(SECRET), "{file}: {message}");
                tried += 1;
            }
            let Err(message) = load("", &[(name.clone(), value)]) else { continue };
            assert!(!message.contains(SECRET), "{name}: {message}");
        }
    }
    assert!(tried > 20, "{tried}");
    // A password of digits is no text to YAML.
    let message = load("{kafka: {security: {sasl: {password: 20260501}}}}", &[]).unwrap_err();
    assert!(!message.contains("20260501"), "{message}");
}

#[test]
fn a_settings_file_that_is_long_or_deep_is_refused_in_little_memory() {
    let deepest = |part: &str| part.repeat((64 << 10) / part.len());
    let files = ["[".repeat(1 << 20), deepest("["), deepest("{a: "), deepest("- "), deepest("a,"), deepest("? ")];
    let nested = (0..30).fold("a0: &a0 [x]\n".to_owned(), |file, level| {
        format!("{file}a{}: &a{} [*a{level}, *a{level}, *a{level}]\n", level + 1, level + 1)
    });
    for file in files.into_iter().chain([nested]) {
        let memory = allocation_counter::measure(|| drop(load(&file, &[]).unwrap_err()));
        assert!(memory.bytes_max < 64 << 20, "{} bytes for {} of {:?}", memory.bytes_max, file.len(), &file[..40]);
    }
}
