//! What a document's mark lets through, and what a refusal means.

use stockstream_model::documents::Checkpoint;

use crate::{
    claim::{MarkVerdict, judge_mark},
    last_claim::last_claim,
    positions::LaneId,
};

/// Guards the changes of a claim: a document takes its change only where its mark is not above `up_to`, and has mark `leaves` after
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Guard {
    /// Which group of marks, as documents name it.
    pub group: &'static str,
    /// The mark's name in that group.
    pub name: String,
    /// Changes up to this number are applied already.
    pub up_to: i64,
    /// The number that the mark has once the change is applied.
    pub leaves: i64,
}

/// The group of the marks of lanes.
const LANES: &str = "m";
/// The group of the marks of partitions, as versions before lanes left them.
const PARTITIONS: &str = "o";

impl Guard {
    /// The guard of a lane's claim.
    pub fn of_claim(lane: LaneId, seq: i64) -> Self {
        Self { group: LANES, name: lane.to_string(), up_to: seq - 1, leaves: seq }
    }

    /// The guard of a claim that a version before lanes made of one partition.
    pub fn of_checkpoint(claim: &Checkpoint) -> Self {
        let Checkpoint { id, incarnation, next, pending, .. } = claim;
        Self { group: PARTITIONS, name: id.mark(*incarnation), up_to: *next, leaves: pending.unwrap_or(*next) }
    }

    /// The mark's path in a document.
    pub fn path(&self) -> String {
        format!("{}.{}", self.group, self.name)
    }

    /// Whether it is that of a lane.
    pub fn is_of_lane(&self) -> bool {
        self.group == LANES
    }

    /// The claim, as products name the one that changed them last; none of a claim from before lanes.
    pub fn last_claim(&self) -> Option<i64> {
        let lane = self.name.parse().ok().filter(|_| self.is_of_lane())?;
        Some(last_claim(lane, self.leaves))
    }

    /// Where among so many commands a worker begins. Workers that catch up change the same keys at the same time; were they to begin
    /// at the same one, each would wait for the pages and documents that another has just locked. Lanes begin at 0, ½, ¼, ¾, …
    /// (van der Corput's sequence).
    pub fn first_of(&self, commands: usize) -> usize {
        let lane: u32 = if self.is_of_lane() { self.name.parse().unwrap_or_default() } else { 0 };
        let place = u64::from(lane.reverse_bits()) * commands as u64;
        (place >> u32::BITS) as usize
    }

    /// Whether a document with this mark takes the change.
    pub fn accepts(&self, mark: Option<i64>) -> bool {
        mark.is_none_or(|mark| mark <= self.up_to)
    }

    /// Reads the mark of a document that refused the change.
    pub fn judge(&self, mark: Option<i64>) -> MarkVerdict {
        judge_mark(mark, self.leaves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::{documents::PartitionId, event::EventKind};

    #[test]
    fn lanes_begin_as_far_from_each_other_as_there_is_room() {
        let first = |lane, commands| Guard::of_claim(lane, 1).first_of(commands);
        assert_eq!([0, 1, 2, 3, 4].map(|lane| first(lane, 100)), [0, 50, 25, 75, 12]);
        assert!((0..64).all(|lane| first(lane, 1) == 0 && first(lane, 0) == 0 && first(lane, 7) < 7));
    }

    #[test]
    fn a_lane_and_a_partition_of_before_are_guarded_alike() {
        let id = PartitionId { stream: EventKind::Sales, partition: 3 };
        let before = Checkpoint { pending: Some(20), ..Checkpoint::new(id, 10, None) };
        for (guard, path, passes, applied, later) in [
            (Guard::of_claim(7, 5), "m.7", [None, Some(0), Some(4)], 5, 6),
            (Guard::of_checkpoint(&before), "o.s3", [None, Some(9), Some(10)], 20, 30),
        ] {
            assert_eq!(guard.path(), path);
            for mark in passes {
                assert!(guard.accepts(mark) && guard.judge(mark) == MarkVerdict::Retry, "{mark:?}");
            }
            assert!(!guard.accepts(Some(applied)) && !guard.accepts(Some(later)));
            assert_eq!(guard.judge(Some(applied)), MarkVerdict::Applied);
            assert_eq!(guard.judge(Some(later)), MarkVerdict::Superseded);
        }
    }
}
