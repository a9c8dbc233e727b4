//! The stylesheet: in the binary, so that nothing can be missing beside it.

use axum::{
    Router,
    extract::RawQuery,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

const STYLESHEET: &str = include_str!("../assets/style.css");
const STYLESHEET_HASH: u64 = fnv1a(STYLESHEET.as_bytes());

/// The address of the stylesheet, another one for every content, so that it may be cached for ever.
pub(crate) fn stylesheet_address() -> String {
    format!("/assets/style.css?v={}", version())
}

/// The routes below `/assets`.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/style.css", get(stylesheet))
}

async fn stylesheet(RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let etag = format!("\"{}\"", version());
    let named = query.is_some_and(|query| query.strip_prefix("v=") == Some(&version()));
    let caching = if named { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|tags| tags.as_bytes() == etag.as_bytes());
    let Ok(etag) = HeaderValue::try_from(etag) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let common: [(HeaderName, HeaderValue); 2] =
        [(header::CACHE_CONTROL, HeaderValue::from_static(caching)), (header::ETAG, etag)];
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLESHEET).into_response()
}

fn version() -> String {
    format!("{STYLESHEET_HASH:016x}")
}

const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
        index += 1;
    }
    hash
}
