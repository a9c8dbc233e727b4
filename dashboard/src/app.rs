//! What every handler has at hand: the store and the options.

use std::{future::Future, sync::Arc};

use stockstream_store::{StoreError, ViewStore};
use tracing::warn;

use crate::{Options, failure::Failure, live::Latest};

/// What every handler has at hand.
pub(crate) struct App<S> {
    pub(crate) store: Arc<S>,
    pub(crate) options: Arc<Options>,
    pub(crate) latest: Latest,
}

impl<S> Clone for App<S> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), options: Arc::clone(&self.options), latest: self.latest.clone() }
    }
}

impl<S: ViewStore> App<S> {
    pub(crate) fn new(store: Arc<S>, options: Arc<Options>) -> Self {
        let latest = Latest::new(options.store_timeout);
        Self { store, options, latest }
    }

    /// Waits for an answer of the store, but no longer than the options allow: a driver looks for a lost server for
    /// half a minute, and nobody waits that long for a page.
    pub(crate) async fn ask<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failure> {
        let limit = self.options.store_timeout;
        let failure = match tokio::time::timeout(limit, answer).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Failure::store(&error),
            Err(_) => Failure::late(limit),
        };
        warn!(status = failure.status.as_u16(), reason = failure.detail, "the database gave no answer for a reader");
        Err(failure)
    }
}
