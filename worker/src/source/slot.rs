//! A partition of ours: its checkpoint, and the ranges that are folded behind it.

use stockstream_model::documents::{Checkpoint, PartitionId};

use crate::folding::{Folded, Gathered, Gathering, Handed, Rules, Threads};

/// The partitions that are being read; one is looked up for each record.
pub(super) type Slots = hashbrown::HashMap<PartitionId, Slot>;

/// A partition that is being read. How its events are folded is for `F` to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot<F = Gathered> {
    checkpoint: Checkpoint,
    /// By which rules ranges are folded that are not claimed yet.
    rules: Rules,
    /// Whether a range of it is with the flusher.
    in_flight: bool,
    /// A claimed range that was found on taking over, and is now read in full.
    recovered: Option<F>,
    /// What is folded now.
    folding: F,
    /// While set, `folding` is the claimed range, and must be flushed as it was claimed.
    recovering: Option<Recovering>,
    /// Whether the log no longer holds all of the claimed range.
    is_cut: bool,
    /// Whether nothing more is taken in: what comes next cannot be read, and nothing behind it may count before it.
    closed: bool,
}

/// A claimed range that is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Recovering {
    /// Behind the last record of it that is in the log.
    until: i64,
    /// Its end.
    end: i64,
}

impl<F: Folded> Slot<F> {
    /// A partition at its checkpoint. A claimed range goes by its claim, whatever holds for those behind it; `until` is where
    /// what is left of it ends, if the log no longer holds all of it.
    pub fn new(checkpoint: Checkpoint, until: Option<i64>, rules: Rules) -> Self {
        let of_first = if checkpoint.pending.is_some() { Rules::claimed(&checkpoint) } else { rules };
        let folding = F::after(&checkpoint, checkpoint.next, of_first);
        let recovering = checkpoint.pending.map(|end| Recovering { until: until.unwrap_or(end), end });
        let is_cut = until.is_some();
        Self { recovering, checkpoint, rules, in_flight: false, recovered: None, folding, is_cut, closed: false }
    }

    /// The checkpoint behind which it reads.
    #[cfg(test)]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Takes in the event at an offset, unless it was taken in before.
    pub fn take_in<T>(&mut self, offset: i64, fold: impl FnOnce(&mut F) -> T) -> Option<T> {
        if offset < self.folding.end() || self.closed {
            return None; // delivered again after the assignment changed, or behind what cannot be read
        }
        if self.recovering.is_some_and(|range| offset >= range.until) {
            self.close_recovered();
            if offset < self.folding.end() {
                return None; // it took the place of one that was claimed
            }
        }
        let folded = fold(&mut self.folding);
        if self.recovering.is_some_and(|range| offset + 1 >= range.until) {
            self.close_recovered();
        }
        Some(folded)
    }

    /// The claimed range is read to its end: offsets may have gaps, the claim's end is the range's end all the same.
    fn close_recovered(&mut self) {
        let Some(Recovering { end, .. }) = self.recovering.take() else { return };
        let next = F::after(&self.checkpoint, end, self.rules);
        let mut done = std::mem::replace(&mut self.folding, next);
        done.end_at(end);
        self.recovered = Some(done);
    }

    /// Takes in nothing more; what was taken in is flushed.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether nothing more is taken in.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the log had lost a part of its claimed range: once that is flushed, it is begun again from what stands.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether a range of it is with the flusher.
    pub fn is_in_flight(&self) -> bool {
        self.in_flight
    }

    /// Behind the last offset that was folded.
    pub fn end(&self) -> i64 {
        self.folding.end()
    }

    /// Whether something could be flushed.
    pub fn is_ready(&self) -> bool {
        !self.in_flight && (self.recovered.is_some() || (self.recovering.is_none() && !self.folding.is_empty()))
    }

    /// Hands out what can be flushed, with the checkpoint it belongs behind.
    pub fn take(&mut self) -> Option<(Checkpoint, F)> {
        if !self.is_ready() {
            return None;
        }
        self.in_flight = true;
        let folding = self.recovered.take().unwrap_or_else(|| {
            let next = F::after(&self.checkpoint, self.folding.end(), self.rules);
            std::mem::replace(&mut self.folding, next)
        });
        Some((self.checkpoint.clone(), folding))
    }

    /// Takes in what became of its flush. A partition that was taken away and given back meanwhile is another slot, which
    /// has handed nothing to the flusher yet: it finds out by compare-and-set.
    pub fn completed(&mut self, checkpoint: Checkpoint) {
        if self.in_flight {
            self.checkpoint = checkpoint;
            self.in_flight = false;
        }
    }
}

impl Slot {
    pub fn gather(&mut self, record: &Gathering<'_>, threads: &Threads) {
        self.take_in(record.offset, |gathered| gathered.push(record, threads));
    }

    /// Has what is gathered folded, without waiting for more.
    pub fn send(&mut self, threads: &Threads) {
        self.folding.send(threads);
    }

    pub fn hand(&mut self, threads: &Threads) -> Option<Handed> {
        let (checkpoint, gathered) = self.take()?;
        Some(gathered.hand(checkpoint, threads))
    }

    pub fn keys(&self) -> usize {
        self.folding.keys()
    }

    pub fn bytes(&self) -> usize {
        self.folding.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flush::{FlushPart, folded};
    use stockstream_model::{Timestamp, documents::LeaderEpoch, event::Stream, settings::Topics};

    fn slot(next: i64, pending: Option<i64>) -> Slot {
        let id = PartitionId { stream: Stream::Sales, partition: 0 };
        Slot::new(Checkpoint { pending, ..Checkpoint::new(id, next, None) }, None, Rules::default())
    }

    fn read(slot: &mut Slot, threads: &Threads, offsets: impl IntoIterator<Item = i64>) {
        for offset in offsets {
            let record = Gathering { offset, produced_at: None, epoch: Some(offset as i32 / 10), payload: b"{}" };
            slot.gather(&record, threads);
        }
    }

    fn flushed(slot: &mut Slot, threads: &Threads) -> Option<FlushPart> {
        let handed = slot.hand(threads)?;
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(folded(vec![handed])).unwrap().pop()
    }

    fn threads() -> Threads {
        Threads::new(1, &Topics::default(), Timestamp::default).unwrap()
    }

    #[test]
    fn a_claimed_range_is_flushed_exactly_as_claimed_and_alone() {
        let threads = threads();
        let mut slot = slot(5, Some(8));
        read(&mut slot, &threads, [5, 6]);
        assert!(!slot.is_ready());
        read(&mut slot, &threads, [7, 8, 9]);
        let part = flushed(&mut slot, &threads).unwrap();
        assert_eq!((part.range.next, part.range.end, part.range.events), (5, 8, 3));
        assert!(flushed(&mut slot, &threads).is_none(), "one range of a partition at a time");
        slot.completed(Checkpoint { next: 8, pending: None, ..part.checkpoint });
        let part = flushed(&mut slot, &threads).unwrap();
        assert_eq!((part.range.next, part.range.end, part.range.events), (8, 10, 2));
    }

    #[test]
    fn a_gap_at_the_end_of_a_claimed_range_is_no_hindrance() {
        let threads = threads();
        let mut slot = slot(5, Some(8));
        read(&mut slot, &threads, [5, 11]);
        let part = flushed(&mut slot, &threads).unwrap();
        assert_eq!((part.range.next, part.range.end, part.range.events), (5, 8, 1));
        slot.completed(Checkpoint { next: 8, pending: None, ..part.checkpoint });
        assert_eq!(flushed(&mut slot, &threads).map(|part| (part.range.next, part.range.end)), Some((8, 12)));
    }

    #[test]
    fn a_closed_partition_flushes_what_it_has_and_takes_nothing_more() {
        let threads = threads();
        let mut slot = slot(0, None);
        read(&mut slot, &threads, [0, 1]);
        slot.close();
        read(&mut slot, &threads, [3, 4]);
        let part = flushed(&mut slot, &threads).unwrap();
        assert_eq!((part.range.next, part.range.end, part.range.events), (0, 2, 2));
        slot.completed(Checkpoint { next: 2, ..part.checkpoint });
        assert!(flushed(&mut slot, &threads).is_none());
    }

    #[test]
    fn of_a_claimed_range_that_was_cut_only_what_is_left_is_flushed_and_nothing_that_took_its_place() {
        let threads = threads();
        let id = PartitionId { stream: Stream::Sales, partition: 0 };
        let cut = Checkpoint { pending: Some(9), ..Checkpoint::new(id, 5, None) };
        for read_before in [5..7, 5..6] {
            let mut slot: Slot = Slot::new(cut.clone(), Some(7), Rules::default());
            read(&mut slot, &threads, read_before.clone());
            read(&mut slot, &threads, [7, 8]);
            let part = flushed(&mut slot, &threads).unwrap();
            assert_eq!((part.range.next, part.range.end), (5, 9));
            assert_eq!(part.range.events, read_before.end - 5);
            assert!(slot.is_cut() && !slot.is_ready());
        }
    }

    #[test]
    fn a_range_carries_the_leaders_epoch_of_its_last_record() {
        let threads = threads();
        let mut slot = slot(18, None);
        read(&mut slot, &threads, [18, 19, 20]);
        assert_eq!(flushed(&mut slot, &threads).unwrap().epoch, Some(LeaderEpoch { at: 21, value: 2 }));
    }

    #[test]
    fn folding_goes_on_while_a_flush_is_under_way_and_what_comes_twice_counts_once() {
        let threads = threads();
        let mut slot = slot(0, None);
        read(&mut slot, &threads, [0, 1]);
        let first = flushed(&mut slot, &threads).unwrap();
        read(&mut slot, &threads, [1, 2, 3]);
        assert!(!slot.is_ready());
        slot.completed(Checkpoint { next: 2, ..first.checkpoint });
        let second = flushed(&mut slot, &threads).unwrap();
        assert_eq!((second.range.next, second.range.end, second.range.events), (2, 4, 2));
    }
}
