//! Only so many requests at once: who comes while all places are taken is told so at once, instead of waiting behind
//! hundreds for an answer that nobody may want any more by then, and memory stays bounded.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::Semaphore;

use crate::{error::HttpError, locale::translate::Message};

/// An answer in the making has some hundred kilobytes, and few databases gain by being asked more at once.
pub(crate) const AT_ONCE: usize = 256;

/// Lets a request pass while there is a place.
pub(crate) async fn limit(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(_place) = places.try_acquire() else {
        let detail =
            Message::new("{} requests are being answered, and no more are at once.", vec![AT_ONCE.to_string().into()]);
        let advice = "Try again in a moment.";
        return HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "Too many ask at once", detail, advice).into_response();
    };
    next.run(request).await
}
