//! Answers that are still the same are not sent again (RFC 9110, section 13.1.2). Programs keep those of the API: what stands
//! in them is not for the cache of a browser that others use too.

use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// Names the content of an answer, and answers whoever has it already with 304.
pub(crate) async fn name(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let said = request.headers().get_all(header::IF_NONE_MATCH).iter();
    let known: HeaderMap = said.map(|tags| (header::IF_NONE_MATCH, tags.clone())).collect();
    let response = next.run(request).await;
    // Only what is whole in memory anyway has a size that is known.
    let whole = response.body().size_hint().exact().and_then(|size| usize::try_from(size).ok());
    let (true, StatusCode::OK, Some(size)) = (is_read, response.status(), whole) else { return response };
    let (mut parts, body) = response.into_parts();
    let bytes = match to_bytes(body, size).await {
        Ok(bytes) => bytes,
        Err(error) => return Failure::internal(&error).into_response(),
    };
    let Some(tag) = tag(&bytes) else { return Response::from_parts(parts, Body::from(bytes)) };
    let is_known = tag.to_str().is_ok_and(|tag| knows(&known, tag));
    parts.headers.insert(header::ETAG, tag);
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Weak: the same content may be sent packed or not.
fn tag(bytes: &Bytes) -> Option<HeaderValue> {
    let digest = Sha256::digest(bytes);
    let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(format!("W/\"{digits}\"")).ok()
}

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
