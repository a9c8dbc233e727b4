//! Whoever the answer that is being put together is for: the language, the looks, and what is known of the answer itself.
//!
//! It is said once around every request and found from anywhere below it, so that no number, text or template has to be
//! handed who reads it. Outside of a request it is an English reader of whom nothing is known.

use std::{sync::Arc, time::Duration};

use axum::extract::Request;
use parking_lot::Mutex;
use stockstream_model::Timestamp;

use crate::request::preferences::Preferences;

tokio::task_local! {
    static READER: Arc<RequestContext>;
}

/// Whoever an answer is for.
#[derive(Debug, Default)]
pub(crate) struct RequestContext {
    /// What the reader chose.
    pub(crate) choice: Preferences,
    /// Names the scripts that may run in this answer; without randomness none may.
    pub(crate) nonce: Option<String>,
    /// What was asked for.
    pub(crate) path: String,
    /// What was said behind it, besides the choice.
    pub(crate) query: Vec<(String, String)>,
    /// What was known to be the newest when the request came: the answer is at least as new, unless it is to be asked for
    /// again.
    pub(crate) state: Option<String>,
    /// When the oldest part of the answer was read, if the database did not answer now.
    remembered: Mutex<Option<Timestamp>>,
    /// After how long a newer answer may be had, if something changed already.
    retry_after: Mutex<Option<Duration>>,
}

impl RequestContext {
    /// The reader of the answer that is being put together.
    pub(crate) fn current() -> Arc<Self> {
        READER.try_with(Arc::clone).unwrap_or_default()
    }

    /// The reader who sends this request. `state` names the newest state of the database that was known when it came.
    pub(crate) fn of(request: &Request, state: Option<String>) -> Self {
        let said = request.uri().query().unwrap_or_default();
        let (chosen, query) = form_urlencoded::parse(said.as_bytes())
            .into_owned()
            .partition::<Vec<_>, _>(|(name, _)| Preferences::NAMES.contains(&name.as_str()));
        Self {
            choice: Preferences::of(&chosen, request.headers()),
            nonce: nonce(),
            path: request.uri().path().to_owned(),
            query,
            state,
            remembered: Mutex::default(),
            retry_after: Mutex::default(),
        }
    }

    /// Answers for this reader.
    pub(crate) async fn scope<T>(self: &Arc<Self>, answer: impl Future<Output = T>) -> T {
        READER.scope(Arc::clone(self), answer).await
    }

    /// Whether a person reads it, and no program.
    pub(crate) fn is_person(&self) -> bool {
        let programs = ["/api/", "/export/", "/assets/", "/healthz", "/readyz", "/metrics", "/live"];
        !self.path.is_empty() && !programs.iter().any(|program| self.path.starts_with(program))
    }

    /// The address that was asked for, without the choice.
    pub(crate) fn address(&self) -> String {
        self.address_with(&[])
    }

    /// The same address with this said too.
    pub(crate) fn address_with(&self, more: &[(&str, &str)]) -> String {
        let said = self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let more = more.iter().copied();
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(said.chain(more)).finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }

    /// Notes that a part of the answer is not of now, but was read then.
    pub(crate) fn remember(&self, read_at: Timestamp) {
        let mut remembered = self.remembered.lock();
        *remembered = Some(remembered.map_or(read_at, |older| older.min(read_at)));
    }

    /// When the oldest part of the answer was read, if the database did not answer now.
    pub(crate) fn remembered(&self) -> Option<Timestamp> {
        *self.remembered.lock()
    }

    /// Notes that something changed of which a part of the answer does not tell yet, but will after that.
    pub(crate) fn ask_again_in(&self, wait: Duration) {
        let mut retry_after = self.retry_after.lock();
        *retry_after = Some(retry_after.map_or(wait, |longer| longer.max(wait)));
    }

    /// After how many milliseconds to ask again, if something changed of which the answer does not tell yet.
    pub(crate) fn retry_after(&self) -> Option<u128> {
        self.retry_after.lock().map(|wait| wait.as_millis() + 1)
    }
}

fn nonce() -> Option<String> {
    let halves = [getrandom::u64().ok()?, getrandom::u64().ok()?];
    Some(format!("{:016x}{:016x}", halves[0], halves[1]))
}
