//! Sessions that were signed out before they ended by themselves: their cookies may have been copied.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use crate::auth::session::Id;

/// So many are known, some 50 bytes each. When there are more, the one that ends soonest is forgotten.
const MOST: usize = 10_000;

/// The ids of sessions that were signed out, with when they would have ended.
#[derive(Default)]
pub(crate) struct RevokedSessions(Mutex<BTreeSet<(u64, Id)>>);

impl RevokedSessions {
    /// Notes a session that would have gone on until then.
    pub(crate) fn note(&self, id: Id, until: u64, now: u64) {
        let mut known = self.0.lock();
        *known = known.split_off(&(now, Id::default()));
        known.insert((until, id));
        if known.len() > MOST {
            known.pop_first();
        }
    }

    /// Whether a session that goes on until then was signed out.
    pub(crate) fn has(&self, id: Id, until: u64) -> bool {
        self.0.lock().contains(&(until, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_until_it_would_have_ended_and_the_list_stays_short() {
        let list = RevokedSessions::default();
        list.note([1; 16], 100, 10);
        list.note([2; 16], 200, 10);
        assert!(list.has([1; 16], 100) && !list.has([3; 16], 100));
        list.note([3; 16], 300, 101);
        assert!(!list.has([1; 16], 100) && list.has([2; 16], 200), "the first has ended by itself");
        for number in 0..20_000_u64 {
            let mut id = [9; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            list.note(id, 1_000 + number, 102);
        }
        assert_eq!(list.0.lock().len(), MOST);
        assert!(!list.has([2; 16], 200), "those that end soonest are forgotten first");
    }
}
