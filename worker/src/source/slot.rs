//! A partition of ours: its checkpoint, and the ranges that are folded behind it.

use stockstream_model::{Timestamp, documents::Checkpoint, event::Rejection, settings::Span};
use stockstream_store::Range;

use crate::{
    core::fold::{Held, Record, fold, hold},
    flush::FlushPart,
};

/// A partition that is being read. What is folded of its events is for `F` to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot<F = Folding> {
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

/// A range that events are folded into.
pub(crate) trait Folded {
    /// Nothing, from that offset on, of sales that count unless they are copies, where that is told.
    fn after(checkpoint: &Checkpoint, next: i64, deduplicate: Option<Span>) -> Self;
    /// Behind the last offset.
    fn end(&self) -> i64;
    /// Moves the end, over offsets that hold no event.
    fn end_at(&mut self, end: i64);
    /// Whether it holds no event.
    fn is_empty(&self) -> bool;
}

/// A payload that is kept counts so many times: of others only their sums take memory.
const KEPT: usize = 8;

/// The changes of a range.
#[derive(Default)]
pub(crate) struct Folding {
    range: Range,
    oldest: Option<Timestamp>,
    bytes: usize,
    deduplicate: Option<Span>,
    /// Sales that may be copies.
    held: Vec<Held>,
}

impl Folded for Folding {
    fn after(checkpoint: &Checkpoint, next: i64, deduplicate: Option<Span>) -> Self {
        let range = Range { incarnation: checkpoint.incarnation, next, end: next, ..Range::default() };
        Self { range, deduplicate, ..Self::default() }
    }

    fn end(&self) -> i64 {
        self.range.end
    }

    fn end_at(&mut self, end: i64) {
        self.range.end = end;
    }

    fn is_empty(&self) -> bool {
        self.range.events == 0
    }
}

impl Folding {
    fn fold(&mut self, record: &Record<'_>, now: Timestamp) -> Option<Rejection> {
        self.oldest = match (self.oldest, record.produced_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let rejection = match self.deduplicate {
            None => fold(&mut self.range, record, now),
            Some(_) => hold(&mut self.range, &mut self.held, record, now),
        };
        let is_kept = rejection.is_some() || self.deduplicate.is_some();
        self.bytes += record.payload.len() * if is_kept { KEPT } else { 1 };
        rejection
    }
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
    pub fn fold(&mut self, record: &Record<'_>, now: Timestamp) -> Option<Rejection> {
        self.take_in(record.offset, |folding| folding.fold(record, now)).flatten()
    }

    pub fn take_part(&mut self) -> Option<FlushPart> {
        let (mut checkpoint, Folding { range, oldest, deduplicate, held, .. }) = self.take()?;
        checkpoint.deduplicate = deduplicate; // so the claim says it
        Some(FlushPart { checkpoint, range, oldest, held })
    }

    pub fn keys(&self) -> usize {
        self.folding.range.keys() + self.folding.held.len()
    }

    pub fn bytes(&self) -> usize {
        self.folding.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::{documents::PartitionId, event::Stream};

    fn slot(next: i64, pending: Option<i64>) -> Slot {
        let id = PartitionId { stream: Stream::Sales, partition: 0 };
        Slot::new(Checkpoint { pending, ..Checkpoint::new(id, next, None) }, None)
    }

    fn read(slot: &mut Slot, offsets: impl IntoIterator<Item = i64>) {
        for offset in offsets {
            let record = Record { id: slot.checkpoint.id, topic: "t", offset, produced_at: None, payload: b"{}" };
            slot.fold(&record, Timestamp::default());
        }
    }

    #[test]
    fn a_claimed_range_is_flushed_exactly_as_claimed_and_alone() {
        let mut slot = slot(5, Some(8));
        read(&mut slot, [5, 6]);
        assert!(!slot.is_ready());
        read(&mut slot, [7, 8, 9]);
        let part = slot.take_part().unwrap();
        assert_eq!((part.range.next, part.range.end, part.range.events), (5, 8, 3));
        assert!(slot.take_part().is_none(), "one range of a partition at a time");
        slot.completed(Checkpoint { next: 8, pending: None, ..part.checkpoint });
        let part = slot.take_part().unwrap();
        assert_eq!((part.range.next, part.range.end, part.range.events), (8, 10, 2));
    }

    #[test]
    fn a_gap_at_the_end_of_a_claimed_range_is_no_hindrance() {
        let mut slot = slot(5, Some(8));
        read(&mut slot, [5, 11]);
        let part = slot.take_part().unwrap();
        assert_eq!((part.range.next, part.range.end, part.range.events), (5, 8, 1));
        slot.completed(Checkpoint { next: 8, pending: None, ..part.checkpoint });
        assert_eq!(slot.take_part().map(|part| (part.range.next, part.range.end)), Some((8, 12)));
    }

    #[test]
    fn folding_goes_on_while_a_flush_is_under_way_and_what_comes_twice_counts_once() {
        let mut slot = slot(0, None);
        read(&mut slot, [0, 1]);
        let first = slot.take_part().unwrap();
        read(&mut slot, [1, 2, 3]);
        assert!(!slot.is_ready());
        slot.completed(Checkpoint { next: 2, ..first.checkpoint });
        let second = slot.take_part().unwrap();
        assert_eq!((second.range.next, second.range.end, second.range.events), (2, 4, 2));
    }
}
