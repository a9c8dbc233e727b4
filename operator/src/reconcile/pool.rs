//! Things that are kept while somebody uses them.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// How often what is idle is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// By what a thing is found: twice 64 bits, since a collision would lend one pipeline the credentials of another.
pub(super) type Key = (u64, u64);

pub(super) struct Pool<T> {
    kept: Mutex<HashMap<Key, (Instant, Arc<T>)>>,
    swept: Mutex<Option<Instant>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { kept: Mutex::default(), swept: Mutex::default() }
    }
}

impl<T> Pool<T> {
    pub fn count(&self) -> usize {
        self.kept.lock().len()
    }

    pub fn get(&self, key: Key) -> Option<Arc<T>> {
        self.kept.lock().get_mut(&key).map(|(used, thing)| {
            *used = Instant::now();
            Arc::clone(thing)
        })
    }

    /// Keeps a thing, unless somebody was faster.
    pub fn put(&self, key: Key, thing: T) -> Arc<T> {
        let mut kept = self.kept.lock();
        let (_, thing) = kept.entry(key).or_insert_with(|| (Instant::now(), Arc::new(thing)));
        Arc::clone(thing)
    }

    pub fn all(&self) -> Vec<Arc<T>> {
        self.kept.lock().values().map(|(_, thing)| Arc::clone(thing)).collect()
    }

    /// Takes out what was not used for so long; `None` when it was looked for just now.
    pub fn sweep(&self, longest: Duration) -> Option<Vec<Arc<T>>> {
        let mut swept = self.swept.lock();
        if swept.is_some_and(|at| at.elapsed() < SWEEP_EVERY) {
            return None;
        }
        *swept = Some(Instant::now());
        let mut kept = self.kept.lock();
        Some(kept.extract_if(|_, (used, _)| used.elapsed() > longest).map(|(_, (_, thing))| thing).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_uses_is_taken_out_and_what_somebody_put_first_stays() {
        let pool = Pool::default();
        assert_eq!(*pool.put((1, 1), "first"), "first");
        assert_eq!(*pool.put((1, 1), "second"), "first");
        assert_eq!(pool.sweep(Duration::ZERO).unwrap().len(), 1);
        assert!(pool.get((1, 1)).is_none());
        pool.put((1, 1), "third");
        assert!(pool.sweep(Duration::ZERO).is_none(), "it was looked for just now");
        assert_eq!(pool.count(), 1);
    }
}
