//! The last that the database told for a page, for when it does not answer: last known numbers with their age are worth
//! more than none.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

use parking_lot::Mutex;
use stockstream_model::Timestamp;

use crate::data::lru::LruCache;

/// Of so many addresses at most, those asked for last, something is kept.
const ADDRESSES: usize = 32;

/// What the database told for the pages asked for last.
#[derive(Default)]
pub(crate) struct StaleCache(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// What was told for an address, by its kind.
    told: LruCache<String, HashMap<TypeId, Told>, ADDRESSES>,
    is_away: bool,
}

struct Told {
    value: Arc<dyn Any + Send + Sync>,
    read_at: Timestamp,
}

impl StaleCache {
    /// Keeps an answer for an address, and that the database answers.
    pub(crate) fn keep<T: Send + Sync + 'static>(&self, address: &str, value: T, read_at: Timestamp) {
        let mut inner = self.0.lock();
        inner.told.used(address.to_owned()).insert(TypeId::of::<T>(), Told { value: Arc::new(value), read_at });
    }

    /// What was last answered of that kind for an address, and when.
    pub(crate) fn last<T: Clone + Send + Sync + 'static>(&self, address: &str) -> Option<(T, Timestamp)> {
        let inner = self.0.lock();
        let Told { value, read_at } = inner.told.get(address)?.get(&TypeId::of::<T>())?;
        Some((value.downcast_ref::<T>()?.clone(), *read_at))
    }

    /// Notes whether the database answers.
    pub(crate) fn note(&self, is_away: bool) {
        self.0.lock().is_away = is_away;
    }

    /// Whether the database did not answer when it was asked last.
    pub(crate) fn is_away(&self) -> bool {
        self.0.lock().is_away
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_of_a_kind_is_kept_for_each_address() {
        let memory = StaleCache::default();
        let at = Timestamp::from_millis;
        memory.keep("/a", 1_u32, at(1));
        memory.keep("/a", "text", at(2));
        memory.keep("/a", 3_u32, at(3));
        assert_eq!(memory.last::<u32>("/a"), Some((3, at(3))));
        assert_eq!(memory.last::<&str>("/a"), Some(("text", at(2))));
        assert_eq!((memory.last::<u32>("/b"), memory.last::<u64>("/a")), (None, None));
    }

    #[test]
    fn it_is_bounded_and_forgets_what_was_asked_for_longest_ago() {
        let memory = StaleCache::default();
        for number in 0..ADDRESSES as u32 {
            memory.keep(&format!("/{number}"), number, Timestamp::default());
        }
        memory.keep("/0", 7_u32, Timestamp::default());
        memory.keep("/new", 8_u32, Timestamp::default());
        assert_eq!(memory.last::<u32>("/1"), None);
        assert!(memory.last::<u32>("/0").is_some() && memory.last::<u32>("/2").is_some());
    }
}
