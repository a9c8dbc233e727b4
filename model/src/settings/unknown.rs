//! Settings that do not exist: each is named with the nearest one that does.

use serde_json::Value;

use super::{
    SettingsError,
    env::{ALIKE, Variable},
};
use crate::settings::redact::{is_sensitive, redact_path};

/// The first field of the tree that is no setting.
pub(super) fn unknown(tree: &Value, known: &[Variable]) -> Option<SettingsError> {
    let paths: Vec<&str> = known.iter().map(|variable| variable.path.as_str()).collect();
    search(tree, "", &paths)
}

fn search(tree: &Value, above: &str, known: &[&str]) -> Option<SettingsError> {
    let fields = tree.as_object()?;
    let siblings = names_below(above, known);
    if siblings.is_empty() {
        return None; // a value is expected here, and what it may be is for its type to say
    }
    fields.iter().find_map(|(name, value)| {
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        if siblings.contains(&name.as_str()) {
            return search(value, &path, known);
        }
        if above.is_empty()
            && let Some((first, rest)) = name.split_once('.').filter(|_| known.contains(&name.as_str()))
        {
            let message = format!("unknown field; write it below {first}, as in {first}: {{{rest}: …}}");
            return Some(SettingsError::Field { field: name.clone(), message, origin: None });
        }
        let nearest = nearest(name, above, &siblings, known);
        let field = if is_shown(name, &path, nearest.is_some()) { path } else { redact_path(&format!("{above}.***")) };
        let message = match nearest {
            Some(nearest) => format!("unknown field; the nearest setting is {nearest}"),
            None => format!("unknown field, expected one of {}", siblings.join(", ")),
        };
        Some(SettingsError::Field { field, message, origin: None })
    })
}

/// The names that may stand below a path, in their order; none below a value.
fn names_below<'a>(above: &str, known: &[&'a str]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for path in known {
        let below =
            if above.is_empty() { Some(*path) } else { path.strip_prefix(above).and_then(|p| p.strip_prefix('.')) };
        let Some(name) = below.and_then(|below| below.split('.').next()) else { continue };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The path of the setting that is most likely meant: one of the same part, else one of that very name elsewhere.
fn nearest(name: &str, above: &str, siblings: &[&str], known: &[&str]) -> Option<String> {
    let plain = plain(name);
    let alike = |other: &str| {
        let other = self::plain(other);
        // `user` is short for `username`.
        let is_short = plain.len() >= 3 && other.starts_with(&plain);
        let short = if is_short { ALIKE + (1.0 - ALIKE) * plain.len() as f64 / other.len() as f64 } else { 0.0 };
        strsim::normalized_damerau_levenshtein(&plain, &other).max(short)
    };
    let best = siblings.iter().map(|other| (alike(other), *other)).max_by(|one, other| one.0.total_cmp(&other.0));
    if let Some((_, other)) = best.filter(|(score, _)| *score >= ALIKE) {
        return Some(if above.is_empty() { other.to_owned() } else { format!("{above}.{other}") });
    }
    let last = |path: &str| path.rsplit('.').next().is_some_and(|last| self::plain(last) == plain);
    let mut elsewhere = known.iter().filter(|path| last(path));
    let only = elsewhere.next()?;
    elsewhere.next().is_none().then(|| (*only).to_owned())
}

/// A name however its words are joined: `bootstrap_servers`, `bootstrap-servers` and `bootstrapServers` are one.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | '.')).flat_map(char::to_lowercase).collect()
}

/// Where a secret may be by mistake, only what is surely the name of a setting is shown.
fn is_shown(name: &str, path: &str, has_nearest: bool) -> bool {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_name && (has_nearest || is_plain || !is_sensitive(path))
}

#[cfg(test)]
mod tests {
    use super::super::env::variables;
    use super::*;
    use serde_json::json;

    fn said(tree: &Value) -> String {
        unknown(tree, &variables()).map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_unknown_setting_is_named_with_the_nearest_known_one() {
        for (tree, words) in [
            (json!({"kafka": {"bootstrap_servers": []}}), ["kafka.bootstrap_servers", "kafka.bootstrapServers"]),
            (json!({"kafka": {"bootstrap.servers": []}}), ["kafka.bootstrap.servers", "kafka.bootstrapServers"]),
            (json!({"kafka": {"security": {"Protocol": 1}}}), ["kafka.security.Protocol", "kafka.security.protocol"]),
            (json!({"kafka": {"security": {"sasl": {"user": 1}}}}), ["kafka.security.sasl.user:", "sasl.username"]),
            (json!({"kafka": {"topics": {"sale": {}}}}), ["kafka.topics.sale:", "kafka.topics.sales"]),
            (json!({"mongodb": {"uri_file": ""}}), ["mongodb.uri_file", "mongodb.uriFile"]),
            (json!({"mongodb": {"url": ""}}), ["mongodb.url", "mongodb.uri"]),
            (json!({"limit": {}}), ["setting limit:", "nearest setting is limits"]),
            (json!({"bootstrapServers": []}), ["setting bootstrapServers:", "kafka.bootstrapServers"]),
            (json!({"analytics": {"productWinners": {"dead_after": 1}}}), ["dead_after:", "deadAfterDays"]),
            (json!({"limits": {"frobnicate": 1}}), ["limits.frobnicate", "expected one of batchKeys"]),
        ] {
            let said = said(&tree);
            assert!(words.iter().all(|word| said.contains(word)), "{tree}: {said}");
        }
    }

    #[test]
    fn every_setting_is_known() {
        for variable in variables() {
            let mut tree = json!(1);
            for part in variable.path.rsplit('.') {
                tree = json!({ part: tree });
            }
            assert_eq!(said(&tree), "", "{}", variable.path);
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        for tree in [
            json!({"mongodb://shop:hunter2@h/db": null}),
            json!({"kafka": {"security": {"sasl": {"hunter2": null}}}}),
            json!({"mongodb": {"hunter2": null}}),
            json!({"kafka": {"shop:hunter2@h:1": null}}),
        ] {
            let said = said(&tree);
            assert!(said.contains("***: unknown field") && !said.contains("hunter2"), "{said}");
        }
    }
}
