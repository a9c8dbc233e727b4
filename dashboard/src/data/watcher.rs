//! One look at the database for all who wait for it to change.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use stockstream_store::ViewStore;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tracing::{debug, info};

use crate::data::fingerprint::Fingerprints;

/// So many may listen at once; each costs a connection and next to nothing else.
pub(crate) const MAX_READERS: usize = 2_000;
/// How often the database is looked at while somebody waits.
const EVERY: Duration = Duration::from_millis(400);
/// For how long it is still looked at when nobody waits any more: whoever turns a page is back at once.
const LINGER: Duration = Duration::from_secs(20);

/// What was last seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The fingerprints; none before the first look.
    pub(crate) digests: Option<Fingerprints>,
    /// Whether the database did not answer the last look.
    pub(crate) is_away: bool,
}

/// Who waits, and what was last seen.
struct ChangeWatcher {
    seen: watch::Sender<Seen>,
    readers: AtomicUsize,
    limit: usize,
    /// Whether somebody looks.
    looking: Mutex<bool>,
    store_timeout: Duration,
}

impl ChangeWatcher {
    fn new(limit: usize, store_timeout: Duration) -> Arc<Self> {
        let (seen, _) = watch::channel(Seen::default());
        Arc::new(Self { seen, readers: AtomicUsize::new(0), limit, looking: Mutex::new(false), store_timeout })
    }

    /// How many wait.
    fn readers(&self) -> usize {
        self.readers.load(Ordering::Acquire)
    }

    /// What was last seen, as long as somebody looks.
    fn current(&self) -> Option<Fingerprints> {
        let looking = self.looking.lock();
        let Seen { digests, is_away } = *self.seen.borrow();
        digests.filter(|_| *looking && !is_away)
    }

    /// A place among those who wait, unless all are taken.
    fn join<S: ViewStore>(self: &Arc<Self>, store: &Arc<S>) -> Option<Subscription> {
        let one_more = |count| (count < self.limit).then_some(count + 1);
        self.readers.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        let place = Subscription { watcher: Arc::clone(self), seen: self.seen.subscribe() };
        let mut looking = self.looking.lock();
        if !*looking {
            *looking = true;
            // What was seen when somebody last looked is old by now.
            self.seen.send_modify(|seen| *seen = Seen::default());
            tokio::spawn(look(Arc::clone(self), Arc::clone(store)));
        }
        drop(looking);
        Some(place)
    }

    /// Whether the look is to end, since nobody has waited for long. Whoever comes later starts it again.
    fn ends(&self, last_awaited: &mut Instant) -> bool {
        let mut looking = self.looking.lock();
        if self.readers.load(Ordering::Acquire) > 0 {
            *last_awaited = Instant::now();
        }
        *looking = last_awaited.elapsed() < LINGER;
        !*looking
    }
}

async fn look<S: ViewStore>(watcher: Arc<ChangeWatcher>, store: Arc<S>) {
    debug!("the database is looked at for those who wait for it to change");
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last_awaited = Instant::now();
    while !watcher.ends(&mut last_awaited) {
        ticks.tick().await;
        let digests = match timeout(watcher.store_timeout, store.pulse()).await {
            Ok(Ok(pulse)) => Some(Fingerprints::of(&pulse)),
            Ok(Err(_)) | Err(_) => None,
        };
        watcher.seen.send_if_modified(|seen| {
            let now = Seen { digests: digests.or(seen.digests), is_away: digests.is_none() };
            if now.is_away != seen.is_away {
                info!(is_away = now.is_away, "the database came or went while somebody waits for it to change");
            }
            std::mem::replace(seen, now) != now
        });
    }
    debug!("nobody waits any more for the database to change");
}

/// What was last seen of the database, while somebody looks.
#[derive(Clone)]
pub(crate) struct ChangeFeed(Arc<ChangeWatcher>);

impl ChangeFeed {
    /// As nobody knows it yet; waiting for the database takes no longer than that.
    pub(crate) fn new(store_timeout: Duration) -> Self {
        Self(ChangeWatcher::new(MAX_READERS, store_timeout))
    }

    /// A place among those who wait, unless all are taken.
    pub(crate) fn join<S: ViewStore>(&self, store: &Arc<S>) -> Option<Subscription> {
        self.0.join(store)
    }

    /// How many pages listen.
    pub(crate) fn readers(&self) -> usize {
        self.0.readers()
    }

    /// Its name, if somebody looks.
    pub(crate) fn id(&self) -> Option<String> {
        self.0.current().map(|digests| digests.to_string())
    }
}

/// A place among those who wait. Whoever is slow finds the newest when they come, not what was in between.
pub(crate) struct Subscription {
    watcher: Arc<ChangeWatcher>,
    pub(crate) seen: watch::Receiver<Seen>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.watcher.readers.fetch_sub(1, Ordering::AcqRel);
    }
}
