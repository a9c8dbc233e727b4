//! Notifies the publishers of partitions that move without this worker. Its own flushes notify them at once; flushes of other
//! workers are seen in the positions alone.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use stockstream_model::documents::PartitionId;
use stockstream_protocol::{
    positions::Positions,
    publication::{Seen, fingerprint},
};
use stockstream_store::StateStore;
use tokio::time::{Instant, sleep, sleep_until};

use crate::state::WorkerState;

/// The pause between two reads of the positions while other workers move partitions.
const SHORTEST: Duration = Duration::from_millis(25);
/// The pause between two reads once they rest: it doubles up to this.
const LONGEST: Duration = Duration::from_secs(1);
/// The pause while all partitions are this worker's: then one moves only where another worker finishes a claim of this one.
const ALONE: Duration = Duration::from_secs(10);
/// The pause after a slow read is so many times as long as the read, up to [`LONGEST_REST`]: what made it slow may be over.
const SHARE: u32 = 10;
const LONGEST_REST: Duration = Duration::from_secs(5);

/// The partitions of this worker, with the offset to which it has applied each.
type Ours = BTreeMap<PartitionId, i64>;

/// What was read last.
struct Read {
    at: Instant,
    partitions: Vec<PartitionId>,
    elsewhere: Seen,
    pause: Duration,
}

/// Watches while this worker publishes. Never ends.
pub(super) async fn watch<S: StateStore>(store: &S, shared: &WorkerState) {
    let mut moved = shared.moved.subscribe();
    let mut last: Option<Read> = None;
    loop {
        if !shared.publisher.load(Ordering::Relaxed) {
            last = None;
            let _ = moved.changed().await; // the role comes with a notification
            continue;
        }
        if let Some(last) = &last {
            tokio::select! {
                () = sleep_until(last.at + last.pause(&ours(shared))) => {}
                // Partitions may have been given away with it: the pause is another then.
                _ = moved.changed() => continue,
            }
        }
        let began = Instant::now();
        let Ok(positions) = store.load_positions().await else {
            sleep(LONGEST).await; // the publishers read the same, and say what fails
            continue;
        };
        let next = Read::new(&positions.unwrap_or_default(), &ours(shared), last.as_ref(), began);
        if last.as_ref().is_none_or(|last| last.elsewhere != next.elsewhere) {
            shared.moved.send_replace(());
        }
        last = Some(next);
    }
}

fn ours(shared: &WorkerState) -> Ours {
    shared.partitions.statuses().into_iter().map(|status| (status.id, status.next)).collect()
}

impl Read {
    fn new(positions: &Positions, ours: &Ours, before: Option<&Self>, began: Instant) -> Self {
        let at = Instant::now();
        let elsewhere = elsewhere(positions, ours);
        let rests = before.filter(|before| before.elsewhere == elsewhere);
        let pause = pause(rests.map(|before| before.pause), at.saturating_duration_since(began));
        Self { at, partitions: positions.partitions.keys().copied().collect(), elsewhere, pause }
    }

    /// The pause until the next read.
    fn pause(&self, ours: &Ours) -> Duration {
        if self.partitions.iter().all(|id| ours.contains_key(id)) { ALONE.max(self.pause) } else { self.pause }
    }
}

/// Where partitions stand that others moved: theirs, and those of ours that are not where this worker left them.
fn elsewhere(positions: &Positions, ours: &Ours) -> Seen {
    let mut seen = fingerprint(positions);
    seen.retain(|(id, _, next)| ours.get(id) != Some(next));
    seen
}

/// The pause after a read that took so long, where nothing moved since the one before, with its pause.
fn pause(rests: Option<Duration>, took: Duration) -> Duration {
    rests.map_or(SHORTEST, |before| (before * 2).min(LONGEST)).max((took * SHARE).min(LONGEST_REST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::event::EventKind;
    use stockstream_protocol::positions::Position;

    fn id(partition: i32) -> PartitionId {
        PartitionId { stream: EventKind::Sales, partition }
    }

    /// Positions of two partitions.
    fn at(first: i64, second: i64) -> Positions {
        let at = |next| Position::starting_at(next, None, None);
        Positions { partitions: [(id(0), at(first)), (id(1), at(second))].into(), ..Positions::default() }
    }

    fn read(positions: &Positions, ours: &Ours, before: Option<&Read>) -> Read {
        Read::new(positions, ours, before, Instant::now() + Duration::from_secs(1)) // it took no time
    }

    #[test]
    fn only_what_moved_without_this_worker_is_news() {
        let ours: Ours = [(id(0), 5)].into();
        let before = elsewhere(&at(5, 7), &ours);
        assert_eq!(before, [(id(1), 0, 7)]);
        assert_eq!(elsewhere(&at(9, 7), &[(id(0), 9)].into()), before, "our own flush");
        assert_ne!(elsewhere(&at(5, 8), &ours), before, "another worker's");
        assert_ne!(elsewhere(&at(6, 7), &ours), before, "another worker finished a claim of ours");
        assert_ne!(elsewhere(&at(5, 7), &Ours::new()), before, "given away");
    }

    #[test]
    fn reads_are_far_apart_at_rest_and_when_nobody_else_has_partitions() {
        let (alone, shared): (Ours, Ours) = ([(id(0), 5), (id(1), 7)].into(), Ours::new());
        let mut last = read(&at(5, 7), &shared, None);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pauses.push(last.pause(&shared).as_millis());
            last = read(&at(5, 7), &shared, Some(&last));
        }
        assert_eq!(pauses, [25, 50, 100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(last.pause(&alone), ALONE);
        let moved = read(&at(5, 8), &shared, Some(&last));
        assert_eq!(moved.pause(&shared), SHORTEST);
        assert_eq!(pause(None, Duration::from_millis(40)), Duration::from_millis(400), "a slow database");
        assert_eq!(pause(None, Duration::from_secs(30)), LONGEST_REST, "one that was away");
    }
}
