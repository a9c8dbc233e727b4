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

use crate::{error::HttpError, request::conditional::knows};

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
        Err(error) => return HttpError::internal(&error).into_response(),
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
