//! Partitions that the client has ceased to fetch without a word, found by what it tells of itself each second.
//!
//! librdkafka has such states (its issue 5153 is one), mostly after a broker was restarted amid a rebalance. Only another
//! client helps.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use stockstream_model::documents::PartitionId;

/// How long a partition that has events may give none.
const PATIENCE: Duration = Duration::from_secs(30);

/// How far a partition is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fetched {
    /// The offset that is fetched next; below zero while there is none.
    pub next: i64,
    /// The end of what there is to fetch.
    pub end: i64,
    /// How many events are fetched and not taken yet.
    pub waiting: i64,
}

/// What was seen of each partition that is behind, and since when.
#[derive(Default)]
pub(super) struct Stalls(HashMap<PartitionId, (i64, Instant)>);

impl Stalls {
    /// Forgets all: what stands still has a reason.
    pub fn excuse(&mut self) {
        self.0.clear();
    }

    /// Takes in how far the assigned partitions are fetched now. One that stands still for too long, if there is any.
    pub fn see(&mut self, now: Instant, all: &[(PartitionId, Fetched)]) -> Option<PartitionId> {
        let behind = |of: &Fetched| of.waiting == 0 && of.next < of.end;
        self.0.retain(|id, (next, _)| all.iter().any(|(other, of)| other == id && behind(of) && of.next == *next));
        for (id, of) in all.iter().filter(|(_, of)| behind(of)) {
            let (_, since) = *self.0.entry(*id).or_insert((of.next, now));
            if now.duration_since(since) >= PATIENCE {
                return Some(*id);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::event::Stream;

    #[test]
    fn only_what_is_behind_and_gives_nothing_for_long_is_stalled() {
        let id = PartitionId { stream: Stream::Sales, partition: 0 };
        let began = Instant::now();
        let see = |stalls: &mut Stalls, second, next, end, waiting| {
            let now = began + Duration::from_secs(second);
            stalls.see(now, &[(id, Fetched { next, end, waiting })]).is_some()
        };
        let mut stalls = Stalls::default();
        assert!(!see(&mut stalls, 0, 5, 9, 0) && !see(&mut stalls, 29, 5, 12, 0));
        assert!(see(&mut stalls, 30, 5, 12, 0));
        for moved in [(6, 12, 0), (12, 12, 0), (5, 12, 3)] {
            let mut stalls = Stalls::default();
            assert!(!see(&mut stalls, 0, 5, 9, 0) && !see(&mut stalls, 20, moved.0, moved.1, moved.2));
            assert!(!see(&mut stalls, 40, 5, 12, 0), "{moved:?} is not to stand still");
        }
        let mut stalls = Stalls::default();
        assert!(!see(&mut stalls, 0, -1_001, 9, 0));
        stalls.excuse();
        assert!(!see(&mut stalls, 40, -1_001, 9, 0));
        assert!(see(&mut stalls, 70, -1_001, 9, 0));
    }
}
