//! `If-None-Match` (RFC 9110, section 13.1.2).

use axum::http::{HeaderMap, header};

/// Whether who sent these headers has what that tag names: weakly compared, as for `If-None-Match` (RFC 9110, 13.1.2).
pub(crate) fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let wanted = opaque(tag);
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    wanted.is_some() && lines.into_iter().any(|line| line.trim() == "*" || tags(line).any(|tag| Some(tag) == wanted))
}

/// The tags of a list, without the sign of a weak one; they may hold commas. What is no tag ends the list.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let tag = opaque(rest)?;
        rest = &rest[rest.find('"')? + tag.len() + 2..];
        Some(tag)
    })
}

/// What stands between the quotes of the tag that a text begins with.
fn opaque(text: &str) -> Option<&str> {
    let quoted = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"')?;
    quoted.split_once('"').map(|(tag, _)| tag)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn known(said: &[&str], tag: &str) -> bool {
        let line = |text: &&str| (header::IF_NONE_MATCH, HeaderValue::from_str(text).unwrap());
        knows(&said.iter().map(line).collect(), tag)
    }

    #[test]
    fn a_tag_is_known_in_a_list_weak_or_not_or_by_a_star() {
        for said in ["\"a,b\"", "W/\"a,b\"", "*", " * ", "\"x\", W/\"a,b\"", "\"x\" ,\"a,b\",\"y\"", ",, \"a,b\""] {
            assert!(known(&[said], "W/\"a,b\"") && known(&[said], "\"a,b\""), "{said}");
        }
        for said in ["", "a,b", "\"a\", \"b\"", "\"*\"", "\"a,b", "w/\"a,b\"", "x\"a,b\"", "\"A,B\"", "\"a,b\"x"] {
            assert_eq!(known(&[said], "\"a,b\""), said.ends_with('x'), "{said}");
        }
        assert!(known(&["\"x\"", "\"a,b\""], "\"a,b\""), "in the second line");
        assert!(!known(&[], "\"a,b\"") && !known(&["*"], "no tag"));
    }
}
