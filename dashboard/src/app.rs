//! What every handler has at hand: the store and the options.

use std::{future::Future, sync::Arc, time::Duration};

use axum::http::StatusCode;
use stockstream_model::Timestamp;
use stockstream_store::{StoreError, ViewStore};
use tracing::warn;

use crate::{Options, failure::Failure, live::Latest, memory::Memory, reader::Reader};

/// How long a page that can be shown from memory waits for a database that did not answer before.
const WHILE_AWAY: Duration = Duration::from_millis(500);

/// What every handler has at hand.
pub(crate) struct App<S> {
    pub(crate) store: Arc<S>,
    pub(crate) options: Arc<Options>,
    pub(crate) latest: Latest,
    pub(crate) memory: Arc<Memory>,
}

impl<S> Clone for App<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            options: Arc::clone(&self.options),
            latest: self.latest.clone(),
            memory: Arc::clone(&self.memory),
        }
    }
}

impl<S: ViewStore> App<S> {
    pub(crate) fn new(store: Arc<S>, options: Arc<Options>) -> Self {
        let latest = Latest::new(options.store_timeout);
        Self { store, options, latest, memory: Arc::default() }
    }

    /// Waits for an answer of the store, but no longer than the options allow: a driver looks for a lost server for
    /// half a minute, and nobody waits that long for a page. A person for whom there is an older answer gets that one,
    /// and the page says so.
    pub(crate) async fn ask<T: Clone + Send + Sync + 'static>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Failure> {
        let reader = Reader::current();
        let address = reader.is_person().then(|| reader.address());
        let known = address.as_deref().and_then(|address| self.memory.last::<T>(address));
        let mut limit = self.options.store_timeout;
        if known.is_some() && self.memory.is_away() {
            limit = limit.min(WHILE_AWAY);
        }
        let read_at = Timestamp::now();
        let failure = match tokio::time::timeout(limit, answer).await {
            Ok(Ok(value)) => {
                self.memory.note(false);
                if let Some(address) = address {
                    self.memory.keep(&address, value.clone(), read_at);
                }
                return Ok(value);
            }
            Ok(Err(error)) => Failure::store(&error),
            Err(_) => Failure::late(limit),
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
