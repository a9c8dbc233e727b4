//! Conditional updates of the positions document. Each has a condition and an effect, which the store sends as one filter and
//! one update; [`Update::apply`] is what both mean.

use std::collections::BTreeMap;

use stockstream_model::documents::{KafkaIds, PartitionId};

use crate::{
    claim::{Applied, Claim, ClaimRequest, Completion},
    positions::{Cause, Frozen, LaneId, OffsetRange, Pending, Position, Positions},
};

/// An update that takes effect only if its condition holds, both in one atomic step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Update {
    /// Takes a lane from the holder that was seen, or from nobody.
    AcquireLane {
        /// The lane.
        lane: LaneId,
        /// Who held it.
        expected: Option<String>,
        /// Who holds it from now on.
        holder: String,
    },
    /// Gives a lane back.
    ReleaseLane {
        /// The lane.
        lane: LaneId,
        /// Who holds it.
        holder: String,
    },
    /// Adds a partition that has no position yet; one that has stays as it is.
    AddPartition {
        /// The partition.
        id: PartitionId,
        /// Where it starts.
        position: Position,
    },
    /// Opens a claim.
    Claim(ClaimRequest),
    /// Names what is lost of an open claim, before its first change is applied by whoever found the loss.
    LoseClaimed {
        /// The claim's lane.
        lane: LaneId,
        /// The claim's sequence number.
        seq: i64,
        /// The partition.
        id: PartitionId,
        /// The incarnation of its log.
        incarnation: i64,
        /// What is lost of its claimed range.
        range: OffsetRange,
        /// What happened to it.
        cause: Cause,
        /// Freezes the partition behind the claim.
        freeze: Option<Frozen>,
    },
    /// Closes a claim all of whose changes are applied.
    Complete(Completion),
    /// Rewrites a position on which nothing is claimed.
    Move {
        /// The partition.
        id: PartitionId,
        /// The position as it was read.
        expected: Box<Position>,
        /// The position from now on.
        position: Box<Position>,
        /// Ids that this replaces, and the cluster that is counted from now on.
        ids: KafkaIds,
    },
}

impl Update {
    /// Applies the update if its condition holds; tells whether it did.
    pub fn apply(&self, positions: &mut Positions) -> bool {
        if self.condition(positions) {
            self.effect(positions);
            true
        } else {
            false
        }
    }

    /// Whether the update may take effect.
    pub fn condition(&self, positions: &Positions) -> bool {
        match self {
            Self::AcquireLane { lane, expected, .. } => {
                positions.lanes.get(lane).and_then(|lane| lane.holder.as_ref()) == expected.as_ref()
            }
            Self::ReleaseLane { lane, holder } => {
                positions.lanes.get(lane).is_some_and(|lane| lane.holder.as_ref() == Some(holder))
            }
            Self::AddPartition { id, .. } => !positions.partitions.contains_key(id),
            Self::Claim(request) => request.condition(positions),
            Self::LoseClaimed { lane, seq, id, incarnation, range, .. } => {
                let is_unnamed = |position: &Position| {
                    position.pending.is_some_and(|pending| pending.is_of(*lane, *seq))
                        && position.incarnation == *incarnation
                        && !position.lost.names(*incarnation, *range)
                };
                positions.is_open(*lane, *seq) && positions.partitions.get(id).is_some_and(is_unnamed)
            }
            Self::Complete(completion) => completion.condition(positions),
            Self::Move { id, expected, .. } => positions.partitions.get(id).is_some_and(|position| {
                position.pending.is_none()
                    && expected.pending.is_none()
                    && (position.incarnation, position.next) == (expected.incarnation, expected.next)
                    && (&position.frozen, position.forgotten) == (&expected.frozen, expected.forgotten)
            }),
        }
    }

    fn effect(&self, positions: &mut Positions) {
        match self {
            Self::AcquireLane { lane, holder, .. } => {
                positions.lanes.entry(*lane).or_default().holder = Some(holder.clone());
            }
            Self::ReleaseLane { lane, .. } => {
                if let Some(lane) = positions.lanes.get_mut(lane) {
                    lane.holder = None;
                }
            }
            Self::AddPartition { id, position } => {
                positions.partitions.insert(*id, position.clone());
            }
            Self::Claim(ClaimRequest { claim: Claim { lane, seq, rules, derivation, partitions }, .. }) => {
                let of_lane = positions.lanes.entry(*lane).or_default();
                (of_lane.seq, of_lane.open) = (*seq, true);
                (of_lane.rules, of_lane.derivation) = (*rules, *derivation);
                for (id, claimed) in partitions {
                    if let Some(position) = positions.partitions.get_mut(id) {
                        let (end, epoch) = (claimed.end, claimed.epoch);
                        position.pending = Some(Pending { end, epoch, lane: *lane, seq: *seq });
                    }
                }
            }
            Self::LoseClaimed { id, incarnation, range, cause, freeze, .. } => {
                if let Some(position) = positions.partitions.get_mut(id) {
                    position.lost.add(*incarnation, *range, *cause);
                    if let Some(freeze) = freeze {
                        position.frozen = Some(freeze.clone());
                    }
                }
            }
            Self::Complete(Completion { lane, derivation, partitions, .. }) => {
                if let Some(lane) = positions.lanes.get_mut(lane) {
                    (lane.open, lane.derivation) = (false, *derivation);
                }
                complete(&mut positions.partitions, partitions);
            }
            Self::Move { id, position, ids, .. } => {
                positions.partitions.insert(*id, Position::clone(position));
                positions.seen.replaced_topics.extend(ids.replaced_topics.iter().cloned());
                positions.seen.replaced_clusters.extend(ids.replaced_clusters.iter().cloned());
                if ids.cluster.is_some() {
                    positions.seen.cluster.clone_from(&ids.cluster);
                }
            }
        }
    }
}

fn complete(positions: &mut BTreeMap<PartitionId, Position>, applied: &BTreeMap<PartitionId, Applied>) {
    for (id, Applied { end, epoch, counters, forgotten }) in applied {
        let Some(position) = positions.get_mut(id) else { continue };
        (position.next, position.epoch, position.pending) = (*end, *epoch, None);
        position.counters.add(counters);
        position.forgotten = position.forgotten.max(*forgotten);
    }
}
