//! How deep JSON is nested. Parsers recurse, and a stack that overflows ends the process: it is looked at before they are.

/// The deepest nesting that is read. No event needs more than four.
pub(super) const DEEPEST: usize = 128;

/// Whether brackets are open beyond the bound anywhere outside of strings.
pub(super) fn is_too_deep(payload: &[u8]) -> bool {
    // Nearly every event has fewer brackets than that, and counting them costs next to nothing.
    let opening =
        |chunk: &[u8]| usize::from(chunk.iter().map(|byte| u8::from(matches!(byte, b'[' | b'{'))).sum::<u8>());
    // In bytes, of which a register holds many: no chunk has more than a byte can count.
    payload.chunks(u8::MAX.into()).map(opening).sum::<usize>() > DEEPEST && exceeds(payload)
}

fn exceeds(payload: &[u8]) -> bool {
    let (mut open, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in payload {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                open += 1;
                if open > DEEPEST {
                    return true;
                }
            }
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_open_at_once_and_outside_of_strings_counts() {
        let deep = |depth: usize| format!("{}{}", "[{\"a\":".repeat(depth / 2), "}]".repeat(depth / 2));
        assert!(!is_too_deep(deep(DEEPEST).as_bytes()));
        assert!(is_too_deep(deep(DEEPEST + 2).as_bytes()));
        assert!(is_too_deep("[".repeat(1_000_000).as_bytes()));
        assert!(!is_too_deep(format!("[{}]", "{},".repeat(1_000)).as_bytes()));
        assert!(!is_too_deep(format!(r#"{{"a": "\"{}"}}"#, "[".repeat(1_000)).as_bytes()));
    }
}
