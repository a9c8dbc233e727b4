//! A publisher's turn and a reader's look, one read or write at a time. What follows from an answer is decided by the
//! publisher's own functions.

use stockstream_model::{Day, Timestamp, documents::ViewState};

use super::{
    Guarding, Publication,
    world::{At, Publisher, ROWS, Reader, Row, World},
};
use crate::{
    publication::{Clock, Ranking, seen_after},
    revision::{is_as_seen, is_at, is_claimable, may_point},
};

/// It stands still: what is said after something else was said is later all the same.
const CLOCK: Clock = Clock { now: Timestamp::from_millis(0), as_of: Day::from_number(0) };

/// No result was read yet.
const UNREAD: usize = usize::MAX;

impl Publication {
    /// The next step of a turn; `index` tells which of several rows comes first, or whether positions are read before the view.
    pub fn turn(&self, world: &mut World, publisher: usize, index: usize, is_heard: bool) {
        let checked = world.fingerprint();
        let early = (self.without == Some(Guarding::ViewFirst)).then_some(world.applied);
        let Publisher { at, seen, has_begun } = &mut world.publishers[publisher];
        *has_begun = true;
        let next = match std::mem::take(at) {
            At::Idle if seen.as_ref() == Some(&checked) => At::Idle,
            At::Idle if index == 1 => {
                *seen = None;
                At::Checked(checked)
            }
            At::Checked(checked) => {
                let step = Ranking::begin(world.view.clone());
                At::Ranking { step, checked, result: UNREAD, rows: Vec::new() }
            }
            At::Idle => {
                *seen = None;
                // Positions that moved stay moved: the view may as well be read at once.
                At::Viewed(world.view.clone(), early)
            }
            At::Viewed(view, early) => {
                let view = if early.is_some() { world.view.clone() } else { view };
                At::Ranking { step: Ranking::begin(view), checked, result: early.unwrap_or(UNREAD), rows: Vec::new() }
            }
            At::Tidying(mut rows) => {
                world.delete(rows.remove(index));
                if rows.is_empty() { At::Idle } else { At::Tidying(rows) }
            }
            At::Ranking { step, checked, result, rows } => {
                let (step, result, rows) = self.publish(world, (step, result, rows), index, is_heard);
                if let Ranking::Done(outcome) = step {
                    world.publishers[publisher].seen = seen_after(checked, outcome);
                    At::Idle
                } else {
                    At::Ranking { step, checked, result, rows }
                }
            }
        };
        world.publishers[publisher].at = next;
    }

    /// One step of a publication, with the result it is of and the rows that are left to write or delete.
    fn publish(
        &self,
        world: &mut World,
        (step, mut result, mut rows): (Ranking, usize, Vec<Row>),
        index: usize,
        is_heard: bool,
    ) -> (Ranking, usize, Vec<Row>) {
        let next = match step.clone() {
            Ranking::Rank(_) => {
                result = if result == UNREAD { world.applied } else { result };
                step.ranked(self.truths[result].len(), self.policy, "", CLOCK)
            }
            Ranking::Compare(view, _) => step.compared(world.ranking(view.pointer) == self.truths[result], CLOCK),
            Ranking::Claim(seen, _) => {
                let won = self.claim(world, &seen, result);
                if is_heard { step.claimed(won, CLOCK) } else { step }
            }
            Ranking::Insert(..) => {
                world.insert(rows.remove(index)); // in order: nobody looks at them yet
                return if rows.is_empty() { (step.inserted(), result, rows) } else { (step, result, rows) };
            }
            Ranking::Point(seen, state) => {
                let stands = self.point_to(world, &seen, &state);
                if is_heard { step.pointed(stands) } else { step }
            }
            Ranking::Clear(_) => {
                world.delete(rows.remove(index));
                return if rows.is_empty() { (step.cleared(), result, rows) } else { (step, result, rows) };
            }
            Ranking::Note(note) => {
                let stands = self.without == Some(Guarding::Note) || is_as_seen(&world.view, &note.seen);
                if stands {
                    let ViewState { revision, pointer, .. } = world.view;
                    world.view = ViewState { revision, pointer, ..note.said.clone() };
                }
                if is_heard { step.noted(stands) } else { step }
            }
            Ranking::Done(_) => step,
        };
        match next {
            Ranking::Insert(seen, state) => {
                let values = self.truths[result].iter().enumerate();
                rows = values.map(|(rank, value)| Row { revision: state.revision, rank, value: *value }).collect();
                let step = Ranking::Insert(seen, state);
                if rows.is_empty() { (step.inserted(), result, rows) } else { (step, result, rows) }
            }
            Ranking::Clear(below) => {
                rows = world.below(below);
                let step = Ranking::Clear(below);
                if rows.is_empty() { (step.cleared(), result, rows) } else { (step, result, rows) }
            }
            next => (next, result, rows),
        }
    }

    /// Claims the revision after the one that was seen, to be made from that result.
    fn claim(&self, world: &mut World, seen: &ViewState, result: usize) -> bool {
        let free = self.without == Some(Guarding::Claim) || is_claimable(&world.view, seen.revision);
        if free {
            world.view.revision = world.view.revision.max(seen.revision + 1);
            world.made_from.resize(world.view.revision as usize + 1, 0);
            world.made_from[seen.revision as usize + 1] = result;
        }
        free
    }

    fn point_to(&self, world: &mut World, seen: &ViewState, state: &ViewState) -> bool {
        let moves = match self.without {
            Some(Guarding::Forward) => true,
            Some(Guarding::Unsaid) => world.view.pointer < state.pointer,
            _ => may_point(&world.view, seen, state.pointer),
        };
        if moves {
            let (old, new) = (world.view.pointer, state.pointer);
            if new < old || world.made_from[new as usize] < world.made_from[old as usize] {
                world.wrong = Some("what is shown went back");
            }
            world.view = ViewState { revision: world.view.revision, ..state.clone() };
        }
        moves || is_at(&world.view, state.pointer)
    }

    /// Looks for rows below the pointer.
    pub fn tidy(world: &mut World, publisher: usize) {
        let below = world.below(world.view.pointer);
        if !below.is_empty() {
            world.publishers[publisher].at = At::Tidying(below);
        }
    }

    /// The reader reads a row, or the pointer.
    pub fn read(&self, world: &mut World) {
        let now = world.view.pointer;
        let begin = |pointer| Reader::Rows { pointer, rank: 0, found: Vec::new() };
        world.reader = match std::mem::take(&mut world.reader) {
            Reader::Idle => begin(now),
            Reader::Rows { pointer, rank, mut found } if rank < ROWS => {
                found.extend(world.rows.iter().filter(|r| (r.revision, r.rank) == (pointer, rank)).map(|r| r.value));
                Reader::Rows { pointer, rank: rank + 1, found }
            }
            Reader::Rows { pointer, .. } if pointer != now && self.without != Some(Guarding::Reread) => begin(now),
            Reader::Rows { pointer, found, .. } => {
                if found != self.truths[world.made_from[pointer as usize]] {
                    world.wrong = Some("a reader has no whole ranking");
                }
                Reader::Idle
            }
        };
    }
}
