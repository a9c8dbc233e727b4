//! What is read and not flushed yet: the partitions of this worker, where each of them is, and the batch that is being folded.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use stockstream_model::{
    Timestamp,
    documents::{LeaderEpoch, PartitionId},
};
use stockstream_protocol::{claim::ClaimedRange, positions::Position};

use crate::{
    core::memory::Filled,
    flush::{Reached, SealedBatch},
    fold::{Chunk, FoldPool, Load, Rules},
    read_range::ReadRange,
};

/// How many bytes of payloads are handed to a thread at once: enough that handing over costs little beside folding them,
/// little enough that they are still in its cache.
const CHUNK: usize = 128 << 10;

/// A record as it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadRecord<'a> {
    pub offset: i64,
    pub produced_at: Option<Timestamp>,
    /// The epoch of the leader that wrote it, where the broker tells it.
    pub epoch: Option<i32>,
    pub payload: &'a [u8],
}

/// A record that says an offset behind the end of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misplaced {
    /// Which offset was to come next, or one behind it.
    pub expected: i64,
    pub offset: i64,
    pub log_end: i64,
}

/// A partition that is read.
struct AssignedPartition {
    topic_id: Option<String>,
    incarnation: i64,
    forgotten: Option<Timestamp>,
    /// Where the batch begins: the first offset that is not in an earlier one.
    start: i64,
    /// Behind the last record that was read.
    end: i64,
    /// In front of it everything was there to be read.
    reached: i64,
    /// The leader epoch of that record.
    epoch: Option<LeaderEpoch>,
    /// Records that no thread has yet.
    chunk: Chunk,
    /// Whether nothing more is taken in: what comes next cannot be read, and nothing behind it may count before it.
    is_closed: bool,
    /// Whether it is another worker's by now: what was read of it is flushed if that still can be.
    is_revoked: bool,
}

/// The partitions that are read, and the batch that is being folded. One change per key for all of them: a batch is flushed whole or
/// dropped whole.
pub(crate) struct Intake {
    /// One is looked up for each record.
    slots: hashbrown::HashMap<PartitionId, AssignedPartition>,
    threads: FoldPool,
    rules: Rules,
    load: Arc<Load>,
    /// Records of the batch.
    records: usize,
    /// Bytes of their payloads.
    read: usize,
    /// Records of the batch that no thread has yet.
    waiting: usize,
}

impl Intake {
    pub fn new(threads: FoldPool, rules: Rules) -> Self {
        Self { slots: hashbrown::HashMap::new(), threads, rules, load: Arc::default(), records: 0, read: 0, waiting: 0 }
    }

    /// Panics as a folding thread did, if one did.
    pub fn check(&mut self) {
        self.threads.check();
    }

    /// Partitions that are ours.
    pub fn ids(&self) -> Vec<PartitionId> {
        self.slots.iter().filter(|(_, slot)| !slot.is_revoked).map(|(id, _)| *id).collect()
    }

    /// Partitions that are read, and behind which offset each ends.
    pub fn ends(&self) -> impl Iterator<Item = (PartitionId, i64)> {
        self.slots.iter().filter(|(_, slot)| !slot.is_closed && !slot.is_revoked).map(|(id, slot)| (*id, slot.end))
    }

    /// Partitions of ours that take in nothing more.
    pub fn closed(&self) -> impl Iterator<Item = PartitionId> {
        self.slots.iter().filter(|(_, slot)| slot.is_closed && !slot.is_revoked).map(|(id, _)| *id)
    }

    pub fn is_ours(&self, id: PartitionId) -> bool {
        self.slots.get(&id).is_some_and(|slot| !slot.is_revoked)
    }

    /// Whether the batch holds records of one of these.
    pub fn holds_any(&self, ids: &BTreeSet<PartitionId>) -> bool {
        ids.iter().any(|id| self.slots.get(id).is_some_and(AssignedPartition::is_in_batch))
    }

    /// Reads a partition from its position on. The batch must hold no record of it.
    pub fn assign(&mut self, id: PartitionId, position: &Position) {
        let slot = AssignedPartition {
            topic_id: position.topic_id.clone(),
            incarnation: position.incarnation,
            forgotten: position.forgotten,
            start: position.next,
            end: position.next,
            reached: position.next,
            epoch: None,
            chunk: Chunk::new(id, position.incarnation),
            is_closed: false,
            is_revoked: false,
        };
        self.slots.insert(id, slot);
    }

    /// A partition is ours no more. What was read of it stays in the batch.
    pub fn revoke(&mut self, id: PartitionId) {
        match self.slots.get_mut(&id) {
            Some(slot) if slot.is_in_batch() => slot.is_revoked = true,
            Some(_) => drop(self.slots.remove(&id)),
            None => {}
        }
    }

    /// Takes in nothing more of a partition; what was taken in is flushed.
    pub fn close(&mut self, id: PartitionId) -> bool {
        self.slots.get_mut(&id).is_some_and(|slot| !std::mem::replace(&mut slot.is_closed, true))
    }

    /// The offset that is expected next, if the partition takes in records.
    pub fn expected(&self, id: PartitionId) -> Option<i64> {
        self.slots.get(&id).filter(|slot| !slot.is_closed && !slot.is_revoked).map(|slot| slot.end)
    }

    /// Takes in a record, unless it was taken in before or its partition takes none.
    ///
    /// # Errors
    /// A record that is not where the log has one, which `log_end` tells for one that leaves a gap. Nothing of it is taken in.
    pub fn gather(
        &mut self,
        id: PartitionId,
        record: &ReadRecord<'_>,
        log_end: impl FnOnce() -> Option<i64>,
    ) -> Result<(), Misplaced> {
        let Self { slots, threads, load, records, read, waiting, .. } = self;
        let Some(slot) = slots.get_mut(&id).filter(|slot| !slot.is_closed && !slot.is_revoked) else { return Ok(()) };
        let ReadRecord { offset, produced_at, epoch, payload } = *record;
        if offset < slot.end {
            return Ok(()); // delivered again after the assignment changed
        }
        // Compaction and transactions leave gaps. Offsets are not within a batch's checksum: one that is wrong would have all
        // that comes up to it be taken for read.
        if offset > slot.end
            && let Some(log_end) = log_end().filter(|end| offset >= *end)
        {
            return Err(Misplaced { expected: slot.end, offset, log_end });
        }
        slot.end = offset + 1;
        slot.epoch = epoch.map(|value| LeaderEpoch { at: slot.end, value });
        slot.chunk.push(offset, produced_at, payload);
        *records += 1;
        *read += payload.len();
        *waiting += 1;
        if slot.chunk.bytes() >= CHUNK {
            send(slot, threads, load, waiting);
        }
        Ok(())
    }

    /// Takes in that a partition is read up to that offset, whether its last records are events or not.
    pub fn reach(&mut self, id: PartitionId, offset: i64) {
        if let Some(slot) = self.slots.get_mut(&id).filter(|slot| !slot.is_closed && !slot.is_revoked) {
            slot.reached = slot.reached.max(offset);
        }
    }

    /// Partitions of which nothing waits for a flush, and what of them is no event behind the last one. `epoch` tells for each the
    /// leader's epoch there; `None` as long as that is not known.
    pub fn passable(
        &self,
        epoch: impl Fn(PartitionId, i64) -> Option<Option<i32>>,
    ) -> BTreeMap<PartitionId, ReadRange> {
        let range = |(id, slot): (&PartitionId, &AssignedPartition)| {
            let AssignedPartition { start, end, reached, incarnation, forgotten, is_closed, is_revoked, .. } = *slot;
            let is_passable = start == end && end < reached && !is_closed && !is_revoked;
            let epoch = if is_passable { epoch(*id, reached)? } else { return None };
            let epoch = epoch.map(|value| LeaderEpoch { at: reached, value });
            let range = ClaimedRange { incarnation, start, end: reached, epoch, forgotten };
            Some((*id, ReadRange { range, topic_id: slot.topic_id.clone() }))
        };
        self.slots.iter().filter_map(range).collect()
    }

    /// Takes in that positions passed these.
    pub fn pass(&mut self, passed: &BTreeMap<PartitionId, ClaimedRange>) {
        for (id, range) in passed {
            // One that was assigned since begins at its position then.
            let is_it =
                |slot: &&mut AssignedPartition| (slot.incarnation, slot.start) == (range.incarnation, range.start);
            if let Some(slot) = self.slots.get_mut(id).filter(is_it) {
                (slot.start, slot.end) = (range.end, slot.end.max(range.end));
            }
        }
    }

    /// Has what is gathered folded, without waiting for more.
    pub fn send(&mut self) {
        let Self { slots, threads, load, waiting, .. } = self;
        if *waiting > 0 {
            slots.values_mut().for_each(|slot| send(slot, threads, load, waiting));
        }
    }

    /// Whether anything could be flushed.
    pub fn is_ready(&self) -> bool {
        self.slots.values().any(AssignedPartition::is_in_batch)
    }

    /// Whether the batch should be flushed at once: a partition of it is another worker's by now.
    pub fn is_urgent(&self) -> bool {
        self.slots.values().any(|slot| slot.is_revoked)
    }

    /// Hands the batch out to be flushed, and begins the next.
    pub fn hand(&mut self) -> Option<SealedBatch> {
        if !self.is_ready() {
            return None;
        }
        self.send();
        let mut ranges = BTreeMap::new();
        for (id, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.is_in_batch()) {
            let AssignedPartition { incarnation, start, end, epoch, forgotten, .. } = *slot;
            let epoch = epoch.filter(|epoch| epoch.at == end);
            let range = ClaimedRange { incarnation, start, end, epoch, forgotten };
            ranges.insert(*id, ReadRange { range, topic_id: slot.topic_id.clone() });
            slot.start = end;
        }
        self.slots.retain(|_, slot| !slot.is_revoked);
        let folding = self.threads.finish();
        self.begin();
        Some(SealedBatch { ranges, rules: self.rules, folding })
    }

    /// Takes in where partitions stand after a flush.
    pub fn completed(&mut self, reached: &BTreeMap<PartitionId, Reached>) {
        for (id, Reached { next, forgotten }) in reached {
            // One that was assigned since was read from its position then.
            if let Some(slot) = self.slots.get_mut(id).filter(|slot| slot.start == *next) {
                slot.forgotten = *forgotten;
            }
        }
    }

    /// Drops the batch and all partitions: they are read again from their positions.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.threads.discard();
        self.begin();
    }

    /// What is in the batch; a record that is not folded yet counts as a key.
    pub fn filled(&self) -> Filled {
        self.load.filled(self.records, self.read)
    }

    fn begin(&mut self) {
        (self.load, self.records, self.read, self.waiting) = (Arc::default(), 0, 0, 0);
    }
}

impl AssignedPartition {
    fn is_in_batch(&self) -> bool {
        self.end > self.start
    }
}

fn send(slot: &mut AssignedPartition, threads: &FoldPool, load: &Arc<Load>, waiting: &mut usize) {
    if slot.chunk.is_empty() {
        return;
    }
    let chunk = slot.chunk.take();
    *waiting -= chunk.records();
    threads.fold(chunk, load);
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::{event::EventKind, settings::Topics};

    const ID: PartitionId = PartitionId { stream: EventKind::Sales, partition: 0 };
    const OTHER: PartitionId = PartitionId { stream: EventKind::Sales, partition: 1 };

    fn intake() -> Intake {
        let rules = Rules::default();
        Intake::new(FoldPool::new(2, &Topics::default(), rules, Timestamp::default).unwrap(), rules)
    }

    fn assigned(next: i64) -> Intake {
        let mut intake = intake();
        [ID, OTHER].iter().for_each(|id| intake.assign(*id, &Position::starting_at(next, Some("T".into()), None)));
        intake
    }

    fn read(intake: &mut Intake, id: PartitionId, offsets: impl IntoIterator<Item = i64>) {
        for offset in offsets {
            let record = ReadRecord { offset, produced_at: None, epoch: Some(offset as i32 / 10), payload: b"{}" };
            intake.gather(id, &record, || None).unwrap();
        }
    }

    /// The ranges of the batch, and how many events were folded of each partition.
    async fn handed(intake: &mut Intake) -> Option<Vec<(i32, i64, i64, i64)>> {
        let batch = intake.hand()?.folded().await.unwrap();
        let of = |(id, read): (&PartitionId, &ReadRange)| {
            (id.partition, read.range.start, read.range.end, batch.folding.partitions[id].counters.events)
        };
        Some(batch.ranges.iter().map(of).collect())
    }

    #[tokio::test]
    async fn batches_follow_each_other_without_a_gap_and_what_comes_twice_counts_once() {
        let mut intake = assigned(5);
        assert!(intake.hand().is_none());
        read(&mut intake, ID, [5, 6, 9]); // offsets may have gaps
        read(&mut intake, OTHER, [5]);
        assert_eq!(intake.filled().keys, 4);
        assert_eq!(handed(&mut intake).await.unwrap(), [(0, 5, 10, 3), (1, 5, 6, 1)]);
        assert!(!intake.is_ready() && intake.filled() == Filled::default());
        read(&mut intake, ID, [9, 10, 11]);
        assert_eq!(handed(&mut intake).await.unwrap(), [(0, 10, 12, 2)]);
    }

    #[test]
    fn a_record_behind_the_end_of_its_log_is_not_taken_in() {
        let mut intake = assigned(5);
        let at = |offset| ReadRecord { offset, produced_at: None, epoch: None, payload: b"{}" };
        let mut gather = |offset, end| intake.gather(ID, &at(offset), || end);
        assert_eq!(gather(9, Some(9)), Err(Misplaced { expected: 5, offset: 9, log_end: 9 }));
        // A gap that the log has, an end that is not known, and none that is asked for.
        assert_eq!([gather(8, Some(9)), gather(20, None), gather(21, Some(0))], [Ok(()); 3]);
        assert_eq!(intake.expected(ID), Some(22));
    }

    #[tokio::test]
    async fn a_range_carries_the_leader_epoch_of_its_last_record_and_what_the_position_says() {
        let mut intake = intake();
        let forgotten = Some(Timestamp::from_millis(3));
        let position = Position { incarnation: 2, forgotten, ..Position::starting_at(18, Some("T".into()), None) };
        intake.assign(ID, &position);
        read(&mut intake, ID, [18, 19, 20]);
        let ranges = intake.hand().unwrap().ranges;
        let ReadRange { range, topic_id } = &ranges[&ID];
        let epoch = Some(LeaderEpoch { at: 21, value: 2 });
        assert_eq!(*range, ClaimedRange { incarnation: 2, start: 18, end: 21, epoch, forgotten });
        assert_eq!(topic_id.as_deref(), Some("T"));
        let later = Some(Timestamp::from_millis(9));
        intake.completed(&[(ID, Reached { next: 21, forgotten: later })].into());
        read(&mut intake, ID, [21]);
        assert_eq!(intake.hand().unwrap().ranges[&ID].range.forgotten, later);
    }

    #[tokio::test]
    async fn a_closed_partition_flushes_what_it_has_and_takes_nothing_more() {
        let mut intake = assigned(0);
        read(&mut intake, ID, [0, 1]);
        assert!(intake.close(ID) && !intake.close(ID));
        read(&mut intake, ID, [3, 4]);
        assert_eq!((handed(&mut intake).await.unwrap(), intake.expected(ID)), (vec![(0, 0, 2, 2)], None));
        assert!(intake.hand().is_none());
    }

    #[tokio::test]
    async fn what_was_read_of_a_revoked_partition_is_flushed_with_the_batch_at_once() {
        let mut intake = assigned(0);
        read(&mut intake, ID, [0]);
        intake.revoke(ID);
        intake.revoke(OTHER);
        assert!(intake.is_urgent() && intake.ids().is_empty());
        read(&mut intake, ID, [1]);
        assert!(intake.holds_any(&[ID].into()) && !intake.holds_any(&[OTHER].into()));
        assert_eq!(handed(&mut intake).await.unwrap(), [(0, 0, 1, 1)]);
        assert!(!intake.is_urgent() && !intake.holds_any(&[ID].into()));
    }

    #[tokio::test]
    async fn what_is_no_event_is_passed_once_nothing_waits_and_only_there() {
        let mut intake = assigned(0);
        let epoch = |_, _| Some(Some(4));
        read(&mut intake, ID, [0, 1]);
        intake.reach(ID, 3);
        assert!(intake.passable(epoch).is_empty(), "its events are not flushed");
        intake.hand();
        assert!(intake.passable(|_, _| None).is_empty(), "the leader is not known");
        let passable = intake.passable(epoch);
        let range = passable[&ID].range;
        assert_eq!((passable.len(), range.start, range.end), (1, 2, 3));
        assert_eq!(range.epoch, Some(LeaderEpoch { at: 3, value: 4 }));
        read(&mut intake, ID, [3]); // meanwhile
        intake.pass(&[(ID, range)].into());
        assert_eq!(handed(&mut intake).await.unwrap(), [(0, 3, 4, 1)]);

        intake.reach(ID, 2);
        assert!(intake.passable(epoch).is_empty(), "that is behind");
        intake.reach(ID, 9);
        intake.close(ID);
        assert!(intake.passable(epoch).is_empty(), "what comes next cannot be read");
        intake.assign(OTHER, &Position::starting_at(5, None, None));
        intake.pass(&[(OTHER, range)].into());
        assert_eq!(intake.expected(OTHER), Some(5), "it begins elsewhere");
    }

    #[tokio::test]
    async fn what_is_dropped_leaves_nothing_in_the_next_batch() {
        let mut intake = assigned(0);
        read(&mut intake, ID, [0, 1, 2]);
        intake.send();
        intake.clear();
        intake.assign(ID, &Position::starting_at(1, None, None));
        read(&mut intake, ID, [0, 1]);
        assert_eq!(handed(&mut intake).await.unwrap(), [(0, 1, 2, 1)]);
    }
}
