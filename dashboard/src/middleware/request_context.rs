//! Finds out, around every request, who reads the answer.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use crate::{data::watcher::ChangeFeed, request::context::RequestContext};

/// Says around a request who reads the answer, and lets the browser keep what was chosen.
pub(crate) async fn attach_request_context(State(latest): State<ChangeFeed>, request: Request, next: Next) -> Response {
    let reader = Arc::new(RequestContext::of(&request, latest.id()));
    let mut response = reader.scope(next.run(request)).await;
    if is_page(response.headers()) {
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Accept-Language, Cookie"));
        for cookie in reader.choice.cookies() {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    response
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}
