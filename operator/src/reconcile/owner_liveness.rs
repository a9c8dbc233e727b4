//! For how long the owner of a database has shown no sign of life. By our own clock: those of others may differ.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use stockstream_store::SignsOfLife;

/// A pipeline of the same name takes a database over when its owner was silent for so long.
pub(super) const TAKEN_OVER_AFTER: Duration = Duration::from_secs(60);
/// What nobody looked at for so long is forgotten; who waits looks every half a minute.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(300);

struct Watched {
    signs: SignsOfLife,
    since: Instant,
    looked: Instant,
    was_alive: bool,
}

/// What is known of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silent {
    pub since: Duration,
    /// Whether it showed a sign of life while it was watched.
    pub was_alive: bool,
}

/// Owners that somebody waits for, by the uid of who waits.
#[derive(Default)]
pub(super) struct Silences(Mutex<HashMap<String, Watched>>);

impl Silences {
    /// Notes what an owner shows; returns for how long it has shown nothing else.
    pub fn note(&self, waiting: &str, signs: &SignsOfLife, now: Instant) -> Silent {
        let mut watched = self.0.lock();
        watched.retain(|_, watched| now.duration_since(watched.looked) < FORGOTTEN_AFTER);
        let new = || Watched { signs: signs.clone(), since: now, looked: now, was_alive: false };
        let entry = watched.entry(waiting.to_owned()).or_insert_with(new);
        entry.looked = now;
        if entry.signs != *signs {
            *entry = Watched { was_alive: true, ..new() };
        }
        Silent { since: now.duration_since(entry.since), was_alive: entry.was_alive }
    }

    /// Nobody waits any more.
    pub fn forget(&self, waiting: &str) {
        self.0.lock().remove(waiting);
    }
}

#[cfg(test)]
mod tests {
    use stockstream_model::Timestamp;

    use super::*;

    #[test]
    fn silence_begins_anew_with_every_sign_of_life_and_is_watched_for_each_who_waits() {
        let (silences, began) = (Silences::default(), Instant::now());
        let later = |seconds| began + Duration::from_secs(seconds);
        let signs = |at| SignsOfLife { owner_at: Some(Timestamp::from_millis(at)), ..SignsOfLife::default() };
        let silent = |seconds, was_alive| Silent { since: Duration::from_secs(seconds), was_alive };
        assert_eq!(silences.note("b", &signs(1), began), silent(0, false));
        assert_eq!(silences.note("b", &signs(1), later(59)), silent(59, false));
        assert_eq!(silences.note("c", &signs(1), later(60)), silent(0, false), "who comes later waits as long");
        // A clock that runs backwards is a sign of life too.
        assert_eq!(silences.note("b", &signs(0), later(61)), silent(0, true));
        assert_eq!(silences.note("b", &signs(0), later(122)), silent(61, true));
        silences.forget("b");
        assert_eq!(silences.note("b", &signs(0), later(123)), silent(0, false));
        assert_eq!(silences.note("c", &signs(1), later(60 + 301)), silent(0, false), "nobody looked meanwhile");
    }
}
