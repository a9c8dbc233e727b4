//! A partition of ours: its checkpoint, and the ranges that are folded behind it.

use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, PartitionId},
    settings::Span,
};

use crate::folding::{Folded, Gathered, Handed, Threads};

/// The partitions that are being read; one is looked up for each record.
pub(super) type Slots = hashbrown::HashMap<PartitionId, Slot>;

/// A partition that is being read. How its events are folded is for `F` to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot<F = Gathered> {
    checkpoint: Checkpoint,
    /// How far copies of an invoice lie apart, in ranges that are not claimed yet.
    deduplicate: Option<Span>,
    /// Whether a range of it is with the flusher.
    in_flight: bool,
    /// A claimed range that was found on taking over, and is now read in full.
    recovered: Option<F>,
    /// What is folded now.
    folding: F,
    /// While set, `folding` is the claimed range up to here, and must be flushed as it was claimed.
    recovering: Option<i64>,
}

impl<F: Folded> Slot<F> {
    /// A partition at its checkpoint. A claimed range goes by its claim, whatever holds for those behind it.
    pub fn new(checkpoint: Checkpoint, deduplicate: Option<Span>) -> Self {
        let of_first = if checkpoint.pending.is_some() { checkpoint.deduplicate } else { deduplicate };
        let folding = F::after(&checkpoint, checkpoint.next, of_first);
        Self { recovering: checkpoint.pending, checkpoint, deduplicate, in_flight: false, recovered: None, folding }
    }

    /// Takes in the event at an offset, unless it was taken in before.
    pub fn take_in<T>(&mut self, offset: i64, fold: impl FnOnce(&mut F) -> T) -> Option<T> {
        if offset < self.folding.end() {
            return None; // delivered again after the assignment changed
        }
        if self.recovering.is_some_and(|end| offset >= end) {
            self.close_recovered();
        }
        let folded = fold(&mut self.folding);
        if self.recovering.is_some_and(|end| offset + 1 >= end) {
            self.close_recovered();
        }
        Some(folded)
    }

    /// The claimed range is read to its end: offsets may have gaps, the claim's end is the range's end all the same.
    fn close_recovered(&mut self) {
        let Some(end) = self.recovering.take() else { return };
        let next = F::after(&self.checkpoint, end, self.deduplicate);
        let mut done = std::mem::replace(&mut self.folding, next);
        done.end_at(end);
        self.recovered = Some(done);
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
            let next = F::after(&self.checkpoint, self.folding.end(), self.deduplicate);
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
    pub fn gather(&mut self, offset: i64, produced_at: Option<Timestamp>, payload: &[u8], threads: &Threads) {
        self.take_in(offset, |gathered| gathered.push(offset, produced_at, payload, threads));
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
    use stockstream_model::{event::Stream, settings::Topics};

    fn slot(next: i64, pending: Option<i64>) -> Slot {
        let id = PartitionId { stream: Stream::Sales, partition: 0 };
        Slot::new(Checkpoint { pending, ..Checkpoint::new(id, next, None) }, None)
    }

    fn read(slot: &mut Slot, threads: &Threads, offsets: impl IntoIterator<Item = i64>) {
        for offset in offsets {
            slot.gather(offset, None, b"{}", threads);
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
