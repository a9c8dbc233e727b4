//! Stylesheet and script: in the binary, so that nothing can be missing beside it.

use axum::{
    Router,
    extract::RawQuery,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{data::fingerprint::fnv1a, request::conditional};

/// A file in the binary.
struct Asset {
    path: &'static str,
    kind: &'static str,
    content: &'static str,
    hash: u64,
}

impl Asset {
    const fn new(path: &'static str, kind: &'static str, content: &'static str) -> Self {
        Self { path, kind, content, hash: fnv1a(content.as_bytes()) }
    }

    fn version(&self) -> String {
        format!("{:016x}", self.hash)
    }

    fn address(&self) -> String {
        format!("{}?v={}", self.path, self.version())
    }

    fn answer(&self, query: Option<&str>, headers: &HeaderMap) -> Response {
        let version = self.version();
        let etag = format!("\"{version}\"");
        let named = query.is_some_and(|query| query.strip_prefix("v=") == Some(&version));
        let caching = if named { "public, max-age=31536000, immutable" } else { "no-cache" };
        let known = conditional::knows(headers, &etag);
        let Ok(etag) = HeaderValue::try_from(etag) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
        let common: [(HeaderName, HeaderValue); 2] =
            [(header::CACHE_CONTROL, HeaderValue::from_static(caching)), (header::ETAG, etag)];
        if known {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        (common, [(header::CONTENT_TYPE, self.kind)], self.content).into_response()
    }
}

static STYLESHEET: Asset =
    Asset::new("/assets/style.css", "text/css; charset=utf-8", include_str!("../../assets/style.css"));
static SCRIPT: Asset =
    Asset::new("/assets/live.js", "text/javascript; charset=utf-8", include_str!("../../assets/live.js"));

/// The address of the stylesheet, another one for every content, so that it may be cached for ever.
pub(crate) fn stylesheet_address() -> String {
    STYLESHEET.address()
}

/// The address of the script, likewise.
pub(crate) fn script_address() -> String {
    SCRIPT.address()
}

/// The routes below `/assets`.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let serve = |asset: &'static Asset| {
        get(async |RawQuery(query): RawQuery, headers: HeaderMap| asset.answer(query.as_deref(), &headers))
    };
    [&STYLESHEET, &SCRIPT].into_iter().fold(Router::new(), |router, asset| router.route(asset.path, serve(asset)))
}
