//! Folding, on threads of its own: the reading side gathers the records of a range, the partition's thread folds them, and
//! the flush waits for what came of them.

mod gathered;
mod threads;
mod told;

pub(crate) use gathered::{Gathered, Gathering, Handed};
use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, FoldRules},
    event::Stream,
    settings::{Sales, Span},
};
use stockstream_store::Range;
pub(crate) use threads::Threads;
use told::Told;

use crate::core::fold::{Folder, Held, Record};

/// A range that events are folded into.
pub(crate) trait Folded {
    /// Nothing, from that offset on.
    fn after(checkpoint: &Checkpoint, next: i64, rules: Rules) -> Self;
    /// Behind the last offset.
    fn end(&self) -> i64;
    /// Moves the end, over offsets that hold no event.
    fn end_at(&mut self, end: i64);
    /// Whether it holds no event.
    fn is_empty(&self) -> bool;
}

/// By which rules a range is folded. Its claim carries them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    pub fold: FoldRules,
    /// How far copies of an invoice lie apart at most; `None` where every sale counts.
    pub deduplicate: Option<Span>,
}

impl Rules {
    /// Those of the settings.
    pub fn of(stream: Stream, sales: &Sales) -> Self {
        let deduplicate = sales.deduplicate.filter(|_| stream == Stream::Sales).map(|copies| copies.within);
        Self { fold: FoldRules::checking(sales.future_tolerance), deduplicate }
    }

    /// Those of a claim.
    pub fn claimed(claim: &Checkpoint) -> Self {
        Self { fold: claim.fold, deduplicate: claim.deduplicate }
    }

    /// The checkpoint whose claim will carry them.
    pub fn on(self, checkpoint: Checkpoint) -> Checkpoint {
        Checkpoint { fold: self.fold, deduplicate: self.deduplicate, ..checkpoint }
    }
}

/// A payload that is kept counts so many times: of others only their sums take memory.
const KEPT: usize = 8;

/// The changes of a range.
#[derive(Default)]
pub(crate) struct Folding {
    pub range: Range,
    /// The earliest Kafka timestamp in it.
    pub oldest: Option<Timestamp>,
    bytes: usize,
    rules: Rules,
    /// Sales that may be copies.
    pub held: Vec<Held>,
}

impl Folding {
    /// Nothing, from that offset on.
    fn after(checkpoint: &Checkpoint, next: i64, rules: Rules) -> Self {
        let range = Range { incarnation: checkpoint.incarnation, next, end: next, ..Range::default() };
        Self { range, rules, ..Self::default() }
    }

    fn fold<'a>(&mut self, records: impl Iterator<Item = Record<'a>>, now: Timestamp, told: &mut Told) {
        let Self { range, oldest, bytes, rules, held } = self;
        let mut folder = Folder::new(range, rules.fold);
        for record in records {
            *oldest = match (*oldest, record.produced_at) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            let rejection = match rules.deduplicate {
                None => folder.fold(&record, now),
                Some(_) => folder.hold(held, &record, now),
            };
            let is_kept = rejection.is_some() || rules.deduplicate.is_some();
            *bytes += record.payload.len() * if is_kept { KEPT } else { 1 };
            if let Some(rejection) = rejection {
                told.rejected(&record, &rejection);
            }
        }
    }

    fn keys(&self) -> usize {
        self.range.keys() + self.held.len()
    }
}
