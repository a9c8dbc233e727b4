//! Escapes of the form `\u0061`. sonic-rs does not look at their digits in a field that nobody reads, and may take for the
//! inside of a text what other parsers take for its end.

/// Whether each of them has four digits, in what is JSON otherwise.
pub(super) fn are_whole(payload: &[u8]) -> bool {
    // Few events have any, and that is found out many bytes at a time.
    memchr::memchr(b'\\', payload).is_none() || each_is_whole(payload)
}

fn each_is_whole(mut rest: &[u8]) -> bool {
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let escape = &rest[at + 1..];
        let length = if escape.starts_with(b"u") { 5 } else { 1 };
        let Some((escape, behind)) = escape.split_at_checked(length) else { return false };
        if !escape[1..].iter().all(u8::is_ascii_hexdigit) {
            return false;
        }
        rest = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_needs_four_digits() {
        for whole in ["", "{}", r#""\u0061\uFfFf""#, r#""\\u""#, r#""\\\u0061\"\\""#] {
            assert!(are_whole(whole.as_bytes()), "{whole}");
        }
        for broken in [r#""\u""#, r#""\u006""#, r#""\u00g1""#, r#""\\\u""#, r#""\u0061\u"0061""#, r"\"] {
            assert!(!are_whole(broken.as_bytes()), "{broken}");
        }
    }
}
