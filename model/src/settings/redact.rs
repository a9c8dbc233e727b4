//! Errors about the parts of the settings that hold secrets: they say what is expected, not what was found.

/// Where a password or an address with one belongs, and the places above, where it may be put by mistake.
pub(super) fn is_sensitive(field: &str) -> bool {
    let above = field.split('[').next().unwrap_or_default();
    let within =
        |part: &str| field.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    let misplaced = field.starts_with("kafka.") && redact_path(field) != field;
    let is_above = ["", ".", "kafka", "kafka.security"].contains(&above);
    misplaced || is_above || within("mongodb") || within("kafka.security.sasl")
}

/// The path as far as it consists of names of settings, which are all letters.
pub(super) fn redact_path(field: &str) -> String {
    let is_name =
        |part: &&str| part.split('[').next().unwrap_or_default().bytes().all(|byte| byte.is_ascii_alphabetic());
    let names: Vec<_> = field.split('.').take_while(is_name).collect();
    let hidden = if names.len() < field.split('.').count() { ".***" } else { "" };
    names.join(".") + hidden
}

/// Without the value that was found. What may be a setting's name stays.
pub(super) fn redact_message(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let kind = found.split(['"', '`']).next().unwrap_or_default();
    let name = found.strip_prefix("unknown field `").and_then(|rest| rest.strip_suffix('`'));
    match name.filter(|name| name.bytes().all(|byte| byte.is_ascii_alphabetic())) {
        Some(_) => message.to_owned(),
        None => format!("{}, expected {expected}", kind.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_left_out_unless_it_may_be_the_name_of_a_setting() {
        for (message, shown) in [
            (
                r#"invalid type: string "a, expected b", expected struct MongoDb"#,
                "invalid type: string, expected struct MongoDb",
            ),
            ("invalid type: integer `7`, expected a string", "invalid type: integer, expected a string"),
            ("unknown field `url`, expected `uri`", "unknown field `url`, expected `uri`"),
            ("unknown field `a1`, expected `uri`", "unknown field, expected `uri`"),
            ("missing field `mechanism`", "missing field `mechanism`"),
        ] {
            assert_eq!(redact_message(message), shown);
        }
        assert_eq!(
            (redact_path("mongodb.tls.caFile"), redact_path("kafka.a:b@c.d")),
            ("mongodb.tls.caFile".into(), "kafka.***".into())
        );
        for (field, may) in [
            (".", true),
            ("kafka[0]", true),
            ("mongodb.uri", true),
            ("kafka.security.protocol", false),
            ("limits", false),
        ] {
            assert_eq!(is_sensitive(field), may, "{field}");
        }
    }
}
