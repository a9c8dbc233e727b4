//! What becomes of a view: which step comes after which answer, and what is said of it. Nothing moved, nothing written; an
//! empty result never replaces a good one; an equal result only says that it was checked; otherwise publish so that no
//! reader ever finds a view empty.

use std::collections::BTreeMap;

use stockstream_model::{
    Day, Timestamp,
    documents::{PartitionId, ViewCondition, ViewState},
    settings::OnEmptyResult,
};

use crate::{
    positions::{Lane, LaneId, Positions},
    revision::is_complete,
};

/// What became of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublishOutcome {
    /// New rows are visible.
    Changed,
    /// The result equals what stands.
    Same,
    /// The result was empty, so what stands stays.
    Kept,
    /// The result is empty and so is the view.
    Empty,
    /// Another publisher was faster; the next turn looks again.
    Conflict,
}

impl PublishOutcome {
    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Same => "same",
            Self::Kept => "kept",
            Self::Empty => "empty",
            Self::Conflict => "overtaken",
        }
    }
}

/// When and to which day an evaluation counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Clock {
    /// The time of the evaluation.
    pub now: Timestamp,
    /// The day to which days are counted.
    pub as_of: Day,
}

/// What a publication saw: where every partition stood.
pub type Seen = Vec<(PartitionId, i64, i64)>;

/// Where every partition stands.
pub fn fingerprint(positions: &Positions) -> Seen {
    positions.partitions.iter().map(|(id, position)| (*id, position.incarnation, position.next)).collect()
}

/// What a turn leaves as seen: nothing where another publisher was faster, so that the next turn looks again.
pub fn seen_after(seen: Seen, outcome: PublishOutcome) -> Option<Seen> {
    Some(seen).filter(|_| outcome != PublishOutcome::Conflict)
}

/// How far each lane was when derived fields were computed again: since when it was written with settings of the generation that
/// wrote it last, and its last claim that was complete.
pub type Since = BTreeMap<LaneId, (i64, i64)>;

/// What the positions say of that.
pub fn since(positions: &Positions) -> Since {
    let complete = |of: &Lane| of.seq - i64::from(of.open);
    positions.lanes.iter().map(|(lane, of)| (*lane, (of.derivation.since, complete(of)))).collect()
}

/// Whether derived fields may have been written with settings of another generation since derived fields were computed again
/// behind those positions: also where this generation has written with the lane since.
pub fn is_foreign(positions: &Positions, generation: i64, swept: &Since) -> bool {
    positions.lanes.iter().filter(|(_, of)| of.seq > 0).any(|(lane, of)| {
        let (since, seq) = swept.get(lane).copied().unwrap_or_default();
        // A lane that nobody used since keeps the generation of who used it last.
        of.derivation.since != since || (of.derivation.generation != generation && of.seq != seq)
    })
}

/// What is to be said of a view, where it is still as it was seen, and what has become of it then.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// The view as it was read, before what it was compared with.
    pub seen: ViewState,
    /// What is said of it now.
    pub said: ViewState,
    /// What has become of the view, if that succeeds.
    pub outcome: PublishOutcome,
}

impl Note {
    /// What became of the view, by whether the note stands.
    pub fn noted(&self, stands: bool) -> PublishOutcome {
        if stands { self.outcome } else { PublishOutcome::Conflict }
    }
}

/// The publication of a ranking: a whole one under a new revision, then the pointer forward, then the old rows away. Each
/// step is done, and its answer taken in, before the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ranking {
    /// Rank what there is now.
    Rank(ViewState),
    /// Compare so many rows with the ranking that the pointer names.
    Compare(ViewState, usize),
    /// Claim the revision after the one that was seen, for so many rows.
    Claim(ViewState, usize),
    /// Insert the rows of the revision, of a view that was seen and one that is to be.
    Insert(ViewState, ViewState),
    /// Move the pointer from the one to the other.
    Point(ViewState, ViewState),
    /// Delete the rows of the revisions below it.
    Clear(i64),
    /// Say it.
    Note(Box<Note>),
    /// Nothing more.
    Done(PublishOutcome),
}

impl Ranking {
    /// Begins with the view, read before the state.
    pub fn begin(view: ViewState) -> Self {
        Self::Rank(view)
    }

    /// Takes in how many rows the ranking has.
    pub fn ranked(self, rows: usize, policy: OnEmptyResult, why_empty: &str, clock: Clock) -> Self {
        match self {
            Self::Rank(view) if rows == 0 && (keeps(policy) || view.rows == 0) => {
                Self::Note(Box::new(empty_result(view, why_empty, clock)))
            }
            Self::Rank(view) => Self::Compare(view, rows),
            other => other,
        }
    }

    /// Takes in whether the ranking is the one that stands.
    pub fn compared(self, is_same: bool, clock: Clock) -> Self {
        match self {
            // A revision that was claimed and never pointed to is another publisher's that died, or is about to overtake.
            Self::Compare(view, _) if is_same && is_complete(&view) => Self::Note(Box::new(same_result(view, clock))),
            Self::Compare(view, rows) => Self::Claim(view, rows),
            other => other,
        }
    }

    /// Takes in whether the revision was claimed.
    pub fn claimed(self, won: bool, clock: Clock) -> Self {
        match self {
            Self::Claim(..) if !won => Self::Done(PublishOutcome::Conflict),
            Self::Claim(view, rows) => {
                let revision = view.revision + 1;
                let state = ViewState { revision, pointer: revision, ..published(&view, rows, clock) };
                Self::Insert(view, state)
            }
            other => other,
        }
    }

    /// Takes in that the rows are inserted.
    pub fn inserted(self) -> Self {
        match self {
            Self::Insert(seen, state) => Self::Point(seen, state),
            other => other,
        }
    }

    /// Takes in whether the pointer stands at the revision.
    pub fn pointed(self, stands: bool) -> Self {
        match self {
            Self::Point(_, state) if stands => Self::Clear(state.revision),
            Self::Point(..) => Self::Done(PublishOutcome::Conflict),
            other => other,
        }
    }

    /// Takes in that the old rows are deleted.
    pub fn cleared(self) -> Self {
        match self {
            Self::Clear(_) => Self::Done(PublishOutcome::Changed),
            other => other,
        }
    }

    /// Takes in whether the note stands.
    pub fn noted(self, stands: bool) -> Self {
        match self {
            Self::Note(note) => Self::Done(note.noted(stands)),
            other => other,
        }
    }
}

/// Whether an empty result leaves the view as it is.
pub fn keeps(policy: OnEmptyResult) -> bool {
    policy == OnEmptyResult::Keep
}

/// When a view was checked: later than whatever was said of it, so that no two notes after one another look alike.
fn checked_at(view: &ViewState, clock: Clock) -> Option<Timestamp> {
    Some(view.checked_at.map_or(clock.now, |before| clock.now.max(before.plus_millis(1))))
}

/// What is said of a view whose newest result is empty.
pub fn empty_result(view: ViewState, why: &str, clock: Clock) -> Note {
    let condition = if view.rows > 0 { ViewCondition::Kept } else { ViewCondition::Empty };
    let since = if view.condition == condition && view.since.is_some() { view.since } else { Some(clock.now) };
    let (why, checked_at) = (Some(why.to_owned()), checked_at(&view, clock));
    let outcome = if condition == ViewCondition::Kept { PublishOutcome::Kept } else { PublishOutcome::Empty };
    Note { said: ViewState { condition, why, since, checked_at, ..view.clone() }, seen: view, outcome }
}

/// What is said of a view whose newest result equals what stands.
pub fn same_result(view: ViewState, clock: Clock) -> Note {
    let since = if view.condition == ViewCondition::Published { view.since } else { Some(clock.now) };
    let (condition, checked_at) = (ViewCondition::Published, checked_at(&view, clock));
    let said = ViewState { condition, why: None, since, checked_at, ..view };
    Note { seen: view, said, outcome: PublishOutcome::Same }
}

/// The state of a view that now shows so many rows.
pub fn published(view: &ViewState, rows: usize, clock: Clock) -> ViewState {
    let condition = if rows > 0 { ViewCondition::Published } else { ViewCondition::Empty };
    let since = if view.condition == condition { view.since.or(Some(clock.now)) } else { Some(clock.now) };
    let why = (rows == 0).then(|| "the newest result is empty and onEmptyResult is Clear".to_owned());
    ViewState {
        condition,
        why,
        since,
        checked_at: checked_at(view, clock),
        published_at: Some(clock.now),
        rows: rows as i64,
        as_of: Some(clock.as_of),
        ..*view
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::documents::View;

    const CLOCK: Clock = Clock { now: Timestamp::from_millis(1_000), as_of: Day::from_number(0) };

    fn shown(revision: i64, pointer: i64) -> ViewState {
        let condition = ViewCondition::Published;
        ViewState { revision, pointer, rows: 2, condition, ..ViewState::new(View::ProductWinners) }
    }

    #[test]
    fn an_equal_ranking_is_published_anew_only_over_a_revision_that_was_left() {
        let compared = |view| Ranking::begin(view).ranked(2, OnEmptyResult::Keep, "", CLOCK).compared(true, CLOCK);
        assert!(matches!(compared(shown(3, 3)), Ranking::Note(note) if note.noted(true) == PublishOutcome::Same));
        assert!(matches!(compared(shown(4, 3)), Ranking::Claim(..)));
    }

    #[test]
    fn an_empty_ranking_replaces_one_only_where_that_is_wanted() {
        let ranked = |view, policy| Ranking::begin(view).ranked(0, policy, "why", CLOCK);
        let kept = ranked(shown(3, 3), OnEmptyResult::Keep);
        assert!(
            matches!(&kept, Ranking::Note(note) if note.said.condition == ViewCondition::Kept && note.said.rows == 2)
        );
        assert_eq!(kept.noted(false), Ranking::Done(PublishOutcome::Conflict));
        assert!(matches!(ranked(shown(3, 3), OnEmptyResult::Clear), Ranking::Compare(_, 0)));
    }

    #[test]
    fn what_another_generation_wrote_is_not_missed_where_this_one_wrote_since() {
        let flushed = |positions: &Positions, generation| {
            let mut positions = positions.clone();
            let lane = positions.lanes.entry(0).or_default();
            let derivation = lane.claimed_by(generation);
            *lane = Lane { seq: lane.seq + 1, derivation, ..lane.clone() };
            positions
        };
        let ours = flushed(&flushed(&Positions::default(), 2), 2);
        let swept = since(&ours);
        assert!(!is_foreign(&ours, 2, &Since::new()), "nobody else ever wrote");
        assert!(!is_foreign(&flushed(&ours, 2), 2, &swept));
        let theirs = flushed(&ours, 1);
        assert!(is_foreign(&theirs, 2, &swept));
        let ours_again = flushed(&flushed(&theirs, 2), 2);
        assert!(is_foreign(&ours_again, 2, &swept));
        assert!(!is_foreign(&flushed(&ours_again, 2), 2, &since(&ours_again)));
        assert!(!is_foreign(&theirs, 2, &since(&theirs)), "nobody used the lane since");
        let mut open = flushed(&theirs, 1);
        open.lanes.values_mut().for_each(|lane| lane.open = true);
        assert!(is_foreign(&open, 2, &since(&open)), "what is open may still be applied");
    }

    #[test]
    fn whoever_is_overtaken_looks_again() {
        let claim = Ranking::Claim(shown(3, 3), 2);
        assert_eq!(claim.clone().claimed(false, CLOCK), Ranking::Done(PublishOutcome::Conflict));
        let point = claim.claimed(true, CLOCK).inserted();
        assert!(matches!(&point, Ranking::Point(_, state) if (state.revision, state.pointer) == (4, 4)));
        assert_eq!(point.pointed(false), Ranking::Done(PublishOutcome::Conflict));
        assert_eq!(seen_after(Vec::new(), PublishOutcome::Conflict), None);
    }

    #[test]
    fn a_later_note_never_looks_like_the_one_before() {
        let ahead = ViewState { checked_at: Some(Timestamp::from_millis(5_000)), ..shown(3, 3) };
        assert_eq!(same_result(ahead, CLOCK).said.checked_at, Some(Timestamp::from_millis(5_001)));
        assert_eq!(same_result(shown(3, 3), CLOCK).said.checked_at, Some(CLOCK.now));
    }
}
