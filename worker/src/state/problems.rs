//! What is wrong with a worker: problems that stop something, warnings that stop nothing, stalls, errors that are retried, and
//! servers that refuse it.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use stockstream_model::{Timestamp, documents::PartitionId};
use stockstream_store::{StateStore, Trouble};
use tokio::sync::Notify;

type StoreErrors = Box<dyn Fn() -> Vec<Trouble> + Send + Sync>;

/// The problems of a worker, each under a key.
#[derive(Default)]
pub(crate) struct Problems {
    inner: Mutex<Inner>,
    /// Notifies when they change.
    pub changed: Notify,
    /// Tells what the database fails at, once there is one.
    store: OnceLock<StoreErrors>,
}

#[derive(Default)]
struct Inner {
    problems: BTreeMap<String, String>,
    /// Problems that keep nothing from moving.
    warnings: BTreeMap<String, String>,
    /// What does not move, by partition or topic, and why. It moves again when the cause is gone.
    stalls: BTreeMap<String, String>,
    /// What fails and is retried, by what it is.
    retried: BTreeMap<&'static str, Trouble>,
    /// Brokers that refuse us, and why.
    blocked: BTreeMap<String, String>,
}

impl Problems {
    /// From now on what the database fails at is a problem, too.
    pub fn depends_on<S: StateStore>(&self, store: Arc<S>) {
        let _ = self.store.set(Box::new(move || store.troubles()));
    }

    /// Adds a problem. Whether it is news.
    pub fn add(&self, key: impl Into<String>, what: impl Into<String>) -> bool {
        let what = what.into();
        let is_news = self.inner.lock().problems.insert(key.into(), what.clone()) != Some(what);
        self.changed.notify_one();
        is_news
    }

    /// Whether there is a problem of that key.
    pub fn contains(&self, key: &str) -> bool {
        self.inner.lock().problems.contains_key(key)
    }

    /// Removes a problem.
    pub fn remove(&self, key: &str) {
        self.inner.lock().problems.remove(key);
    }

    /// Adds a problem that keeps nothing from moving. Whether it is news.
    pub fn warn(&self, key: impl Into<String>, what: impl Into<String>) -> bool {
        let what = what.into();
        let is_news = self.inner.lock().warnings.insert(key.into(), what.clone()) != Some(what);
        if is_news {
            self.changed.notify_one();
        }
        is_news
    }

    /// Removes such a problem.
    pub fn remove_warning(&self, key: &str) {
        self.inner.lock().warnings.remove(key);
    }

    /// The problems that keep nothing from moving.
    pub fn warnings(&self) -> Vec<String> {
        self.inner.lock().warnings.values().cloned().collect()
    }

    /// Sets what does not move now, by partition or topic, and logs what is new.
    pub fn set_stalls(&self, stalls: BTreeMap<String, String>) {
        let mut inner = self.inner.lock();
        for (what, why) in stalls.iter().filter(|(what, why)| inner.stalls.get(*what) != Some(why)) {
            tracing::warn!(what, "{why}");
        }
        for what in inner.stalls.keys().filter(|what| !stalls.contains_key(*what)) {
            tracing::info!(what, "moves again, or is not ours any more");
        }
        if inner.stalls != stalls {
            inner.stalls = stalls;
            self.changed.notify_one();
        }
    }

    /// The stalls alone: those problems that are over when their cause is.
    pub fn stalls(&self) -> Vec<String> {
        self.inner.lock().stalls().cloned().collect()
    }

    /// The partitions with a problem or a stall.
    pub fn of_partitions(&self) -> Vec<PartitionId> {
        let inner = self.inner.lock();
        inner.problems.keys().chain(inner.stalls.keys()).filter_map(|key| PartitionId::from_text(key)).collect()
    }

    /// Something fails and is retried.
    pub fn retrying(&self, what: &'static str, message: String) {
        let mut inner = self.inner.lock();
        let since = inner.retried.get(what).map_or_else(Timestamp::now, |known| known.since);
        inner.retried.insert(what, Trouble { since, message });
    }

    /// It does not fail any more.
    pub fn recovered(&self, what: &str) {
        self.inner.lock().retried.remove(what);
    }

    /// What fails and is retried, here and in the store, what fails for longest first.
    pub fn retried(&self) -> Vec<Trouble> {
        let mut all: Vec<Trouble> = self.store.get().map(|errors| errors()).unwrap_or_default();
        all.extend(self.inner.lock().retried.values().cloned());
        all.sort_by_key(|trouble| trouble.since);
        all
    }

    /// What keeps the database from being used, if something does.
    pub fn database_error(&self) -> Option<String> {
        self.retried().into_iter().next().map(|trouble| trouble.message)
    }

    /// A broker refuses us, or something else fails that only a person can mend while we go on trying.
    pub fn set_blocked(&self, by: impl Into<String>, why: impl Into<String>) {
        self.inner.lock().blocked.insert(by.into(), why.into());
        self.changed.notify_one();
    }

    /// It does not any more.
    pub fn clear_blocked(&self, by: &str) {
        self.inner.lock().blocked.remove(by);
    }

    /// Why somebody refuses us, if anybody does.
    pub fn blocked(&self) -> Option<String> {
        self.inner.lock().blocked.values().next().cloned()
    }

    /// All problems, also those that keep nothing from moving.
    pub fn all(&self) -> Vec<String> {
        self.blocking().into_iter().chain(self.warnings()).collect()
    }

    /// The problems that keep something from moving.
    pub fn blocking(&self) -> Vec<String> {
        let retried = self.retried();
        let inner = self.inner.lock();
        let known = inner.problems.values().chain(inner.stalls()).chain(inner.blocked.values()).cloned();
        known.chain(retried.into_iter().map(|trouble| trouble.message)).collect()
    }
}

impl Inner {
    /// What is stopped does not move either, and why is told already.
    fn stalls(&self) -> impl Iterator<Item = &String> {
        self.stalls.iter().filter(|(what, _)| !self.problems.contains_key(*what)).map(|(_, why)| why)
    }
}
