//! Live pages: `/live` tells by server-sent events which parts of what is shown changed; the page fetches itself again.

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use futures_util::stream;
use schemars::JsonSchema;
use serde::Serialize;
use stockstream_store::ViewStore;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::SessionCheck,
    data::{
        fingerprint::{Fingerprints, Part},
        state::AppState,
        watcher::{MAX_READERS, Subscription},
    },
    error::HttpError,
    locale::translate::Message,
    request::query::Parameters,
};

/// Where pages listen.
pub(crate) const PATH: &str = "/live";
/// How often a silent stream gives a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often it is asked whether the reader's session has ended.
const STAYS: Duration = Duration::from_secs(15);
/// After how long a browser that lost its stream comes back.
const RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// That the server ends, for streams which would not end by themselves.
#[derive(Clone, Default)]
pub(crate) struct ShutdownToken(pub(crate) CancellationToken);

/// The route of the stream.
pub(crate) fn routes<S: ViewStore>() -> Router<AppState<S>> {
    Router::new().route(PATH, get(live))
}

/// What an event tells.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Change {
    /// The parts that changed.
    changed: Vec<Part>,
    /// Whether the database does not answer.
    away: bool,
}

struct LiveStream {
    subscription: Subscription,
    /// What the reader has seen.
    seen: Option<Fingerprints>,
    was_away: bool,
    closing: CancellationToken,
    stay: Option<SessionCheck>,
    is_first: bool,
}

async fn live<S: ViewStore>(
    State(app): State<AppState<S>>,
    closing: Option<Extension<ShutdownToken>>,
    stay: Option<Extension<SessionCheck>>,
    headers: HeaderMap,
    query: Parameters,
) -> Result<Response, HttpError> {
    let Some(subscription) = app.latest.join(&app.store) else {
        let detail =
            Message::new("{} pages are live already, and no more can be.", vec![MAX_READERS.to_string().into()]);
        let advice = "Everything works without: reload the page, or let it reload itself with refresh= in its address.";
        return Err(HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "No live place is free", detail, advice));
    };
    // A browser that comes back by itself says what it heard last, which is newer than what its address says.
    let heard = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let seen = heard.or_else(|| query.text("since")).and_then(|id| id.parse().ok());
    let closing = closing.map(|Extension(ShutdownToken(token))| token).unwrap_or_default();
    let stay = stay.map(|Extension(stay)| stay);
    let listening = LiveStream { subscription, seen, was_away: false, closing, stay, is_first: true };
    let events = stream::unfold(listening, |mut listening| async {
        let event = listening.next().await?;
        Some((Ok::<_, Infallible>(event), listening))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl LiveStream {
    /// The next event; none when the server or the reader's session ends. Whoever was let in anew meanwhile comes back by
    /// itself, with another cookie.
    async fn next(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.is_first) {
            // At once, so that the browser knows that the stream stands.
            return Some(Event::default().retry(RECONNECT_DELAY).comment("live"));
        }
        loop {
            if self.stay.as_ref().is_some_and(|stay| !stay.is_in()) {
                return None;
            }
            let now = *self.subscription.seen.borrow_and_update();
            let changed = now.digests.map(|now| now.changed_since(self.seen.as_ref())).unwrap_or_default();
            if !changed.is_empty() || now.is_away != self.was_away {
                self.was_away = now.is_away;
                self.seen = now.digests.or(self.seen);
                return self.event(changed);
            }
            tokio::select! {
                () = self.closing.cancelled() => return None,
                () = tokio::time::sleep(STAYS) => {}
                changed = self.subscription.seen.changed() => changed.ok()?,
            }
        }
    }

    fn event(&self, changed: Vec<Part>) -> Option<Event> {
        let event = Event::default().event("change").json_data(Change { changed, away: self.was_away }).ok()?;
        Some(match self.seen {
            Some(seen) => event.id(seen.to_string()),
            None => event,
        })
    }
}
