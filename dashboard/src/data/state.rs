//! What every handler has at hand: the store and the options.

use std::{
    fmt::Debug,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use stockstream_model::{Timestamp, documents::Row};
use stockstream_store::{Select, StoreError, ViewStore};
use tracing::warn;

use crate::{
    Options,
    data::{
        fingerprint::{Fingerprints, Part},
        shared_cache::{Answer, SharedCache},
        stale_cache::StaleCache,
        watcher::ChangeFeed,
    },
    error::HttpError,
    metrics::Metrics,
    request::context::RequestContext,
};

/// How long a page that can be shown from memory waits for a database that did not answer before.
const WHILE_AWAY: Duration = Duration::from_millis(500);

/// Pages of up to so many rows are kept for others who ask for them.
const SHARED_ROWS: u64 = 500;

/// What every handler has at hand.
pub(crate) struct AppState<S> {
    pub(crate) store: Arc<S>,
    pub(crate) options: Arc<Options>,
    pub(crate) latest: ChangeFeed,
    pub(crate) memory: Arc<StaleCache>,
    pub(crate) metrics: Arc<Metrics>,
    answers: Arc<SharedCache>,
}

impl<S> Clone for AppState<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            options: Arc::clone(&self.options),
            latest: self.latest.clone(),
            memory: Arc::clone(&self.memory),
            metrics: Arc::clone(&self.metrics),
            answers: Arc::clone(&self.answers),
        }
    }
}

impl<S: ViewStore> AppState<S> {
    pub(crate) fn new(store: Arc<S>, options: Arc<Options>) -> Self {
        let latest = ChangeFeed::new(options.store_timeout);
        Self { store, options, latest, memory: Arc::default(), metrics: Arc::default(), answers: Arc::default() }
    }

    /// Like [`ask`](Self::ask), for what readers ask again and again: the answer to the same question in the same state of
    /// that part is shared, a dear one with people for a moment longer.
    pub(crate) async fn share<T: Clone + Send + Sync + 'static>(
        &self,
        part: Part,
        question: impl Debug,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, HttpError> {
        let state = async { Ok(Fingerprints::of(&self.store.pulse().await?)) };
        let reader = RequestContext::current();
        let shared = self.answers.share(part, format!("{question:?}"), reader.is_person(), state, answer);
        let Answer { value, retry_after } = self.ask(shared).await?;
        if let Some(wait) = retry_after {
            reader.ask_again_in(wait);
        }
        Ok(value)
    }

    /// A page of a list; a long one, for a program or a file, is nothing to keep.
    pub(crate) async fn share_page<R: Row + Debug, T: Clone + Send + Sync + 'static>(
        &self,
        part: Part,
        select: &Select<R>,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, HttpError> {
        if select.paging.per_page > SHARED_ROWS {
            return self.ask(answer).await;
        }
        self.share(part, select, answer).await
    }

    /// Waits for an answer of the store, but no longer than the options allow: a driver looks for a lost server for
    /// half a minute, and nobody waits that long for a page. A person for whom there is an older answer gets that one,
    /// and the page says so.
    pub(crate) async fn ask<T: Clone + Send + Sync + 'static>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, HttpError> {
        // Nested as deep as they are, these do not fit a thread's stack where nothing is optimised.
        let answer = Box::pin(answer);
        let reader = RequestContext::current();
        let address = reader.is_person().then(|| reader.address());
        let known = address.as_deref().and_then(|address| self.memory.last::<T>(address));
        let mut limit = self.options.store_timeout;
        if known.is_some() && self.memory.is_away() {
            limit = limit.min(WHILE_AWAY);
        }
        let read_at = Timestamp::now();
        let begun = Instant::now();
        let answered = tokio::time::timeout(limit, answer).await;
        self.metrics.asked(
            begun,
            match &answered {
                Ok(Ok(_)) => "answered",
                Ok(Err(_)) => "failed",
                Err(_) => "late",
            },
        );
        let failure = match answered {
            Ok(Ok(value)) => {
                self.memory.note(false);
                if let Some(address) = address {
                    self.memory.keep(&address, value.clone(), read_at);
                }
                return Ok(value);
            }
            Ok(Err(error)) => HttpError::store(&error),
            Err(_) => {
                self.store.trouble().map_or_else(|| HttpError::timeout(limit), |why| HttpError::store_unavailable(&why))
            }
        };
        warn!(
            status = failure.status.as_u16(),
            reason = failure.detail.english(),
            "the database gave no answer for a reader"
        );
        if failure.status != StatusCode::SERVICE_UNAVAILABLE {
            return Err(failure);
        }
        self.memory.note(true);
        let Some((value, read_at)) = known else { return Err(failure) };
        reader.remember(read_at);
        Ok(value)
    }
}
