//! A publisher's turn, one read or write at a time. What follows from an answer is decided by the publisher's own functions.

use stockstream_model::{
    Day, Timestamp,
    documents::{RiskCategory, RiskRow, ViewCondition, ViewState},
};

use super::{
    Guarding, Risk,
    world::{At, BATCHES, Publisher, Row, Turn, World},
};
use crate::{
    publication::{Clock, PublishOutcome, seen_after},
    revision::{is_as_seen, is_at, is_claimable, may_point},
    risk::{Base, Compared, Ended, Evaluation, RiskUpdate, Saying, Scope, StandingRisk, StockKey},
};

/// It stands still: what is said after something else was said is later all the same.
const CLOCK: Clock = Clock { now: Timestamp::from_millis(0), as_of: Day::from_number(0) };

fn key(batch: usize) -> StockKey {
    (batch.to_string(), None)
}

fn batch((product, _): &StockKey) -> usize {
    product.parse().unwrap_or(BATCHES)
}

fn row(batch: usize, value: u8) -> RiskRow {
    let (product_id, batch_number) = key(batch);
    RiskRow {
        product_id,
        product_name: None,
        product_category: None,
        stock_quantity: value.into(),
        purchase_price: None,
        selling_price: None,
        potential_loss_amount: None,
        potential_profit_loss: None,
        risk_category: RiskCategory::DeadStock,
        expiry_date: None,
        days_until_expiry: None,
        last_movement_date: Timestamp::default(),
        days_since_last_movement: 0,
        batch_number,
        analysis_timestamp: Timestamp::default(),
        analysis_source: String::new(),
    }
}

/// All batches, the first one last.
fn all() -> Vec<usize> {
    (0..BATCHES).rev().collect()
}

impl Risk {
    /// The next step of a publisher; `positions_first` tells whether its turn begins with the positions or with the view.
    pub fn turn(&self, world: &mut World, publisher: usize, positions_first: bool, is_heard: bool) {
        world.publishers[publisher].has_begun = true;
        let next = match std::mem::take(&mut world.publishers[publisher].at) {
            At::Idle => {
                world.publishers[publisher].seen = None;
                if positions_first {
                    At::Checked(world.applied, world.completed)
                } else {
                    let early = (self.without == Some(Guarding::ViewFirst)).then_some(world.applied);
                    At::Viewed(world.view.clone(), early)
                }
            }
            At::Checked(applied, completed) => self.begin(world, publisher, None, (applied, completed), None),
            At::Viewed(view, early) => {
                let view = Some(view).filter(|_| early.is_none());
                self.begin(world, publisher, view, (world.applied, world.completed), early)
            }
            At::Turn(turn) => self.go_on(world, publisher, *turn, is_heard),
        };
        world.publishers[publisher].at = next;
    }

    /// Begins the turn, with the view as it was read, or as it is.
    fn begin(
        &self,
        world: &mut World,
        publisher: usize,
        view: Option<ViewState>,
        (applied, completed): (usize, usize),
        early: Option<usize>,
    ) -> At {
        let mut view = view.unwrap_or_else(|| world.view.clone());
        let base = world.publishers[publisher].base.take().map(|base| match self.without {
            Some(Guarding::Base) => Base { view: view.clone(), ..base },
            _ => base,
        });
        let changed = base.and_then(|base| base.changed(&view, &World::positions(applied, completed), CLOCK.as_of, 0));
        match self.without {
            Some(Guarding::Doubt) => view.pointer = view.revision,
            Some(Guarding::Kept) => view.condition = ViewCondition::Published,
            _ => {}
        }
        let scope = if changed.is_some() { Scope::Changed } else { Scope::All };
        let changed = changed.map(|claims| claims.into_iter().map(|of| (*of.start(), *of.end())).collect());
        At::Turn(Box::new(Turn {
            evaluation: Evaluation::begin(view, scope, self.policy, 1),
            applied,
            completed,
            changed,
            early,
            unread: all(),
            writes: Vec::new(),
            has_ended: false,
            saying: None,
        }))
    }

    fn go_on(&self, world: &mut World, publisher: usize, mut turn: Turn, is_heard: bool) -> At {
        let must_claim = turn.evaluation.is_doubtful() || !turn.writes.is_empty();
        if turn.evaluation.claimed.is_none() && must_claim {
            return self.claim(world, turn, is_heard);
        }
        if let Some((batch, value)) = turn.writes.pop() {
            let revision = turn.evaluation.seen.revision + 1;
            self.write(world, batch, value, revision);
            if !is_heard {
                world.late = Some((batch, value, revision));
                if self.without != Some(Guarding::Again) {
                    return At::Idle;
                }
            }
        } else if let Some(saying) = turn.saying.take() {
            return Self::say(world, publisher, turn, saying, is_heard);
        } else if let Some(batch) = turn.unread.pop() {
            self.read(world, publisher, &mut turn, batch);
        } else {
            let ended = if turn.has_ended { Ended::Say } else { turn.evaluation.ended() };
            match ended {
                Ended::Again => turn.unread = all(),
                Ended::Delete(update) => {
                    turn.has_ended = true;
                    queue(&mut turn, &update);
                }
                Ended::Say => turn.saying = Some(turn.evaluation.say(CLOCK)),
            }
        }
        At::Turn(Box::new(turn))
    }

    fn read(&self, world: &World, publisher: usize, turn: &mut Turn, batch: usize) {
        let claim = world.last_claim(self.truths, batch);
        let is_read = |claims: &Vec<(i64, i64)>| claims.iter().any(|(first, last)| (*first..=*last).contains(&claim));
        if !turn.changed.as_ref().is_none_or(is_read) {
            return;
        }
        let settings = world.publishers[publisher].settings;
        let wanted = self.truth(turn.early.unwrap_or(world.applied), settings)[batch];
        let standing = world.rows[batch];
        let rows = standing.map(|stands| StandingRisk { row: row(batch, stands.value), revision: stands.revision });
        let wanted_rows = wanted.map(|value| row(batch, value)).into_iter().collect();
        match turn.evaluation.compare(wanted_rows, rows.into_iter().collect()) {
            Compared::Write(update) => {
                queue(turn, &update);
                if self.without == Some(Guarding::Held) && wanted.is_none() && standing.is_some() {
                    turn.writes.push((batch, None));
                }
            }
            Compared::Widen => {
                turn.evaluation.widen();
                turn.changed = None;
                turn.unread = all();
            }
        }
    }

    fn claim(&self, world: &mut World, mut turn: Turn, is_heard: bool) -> At {
        let seen = &turn.evaluation.seen;
        let won = match self.without {
            Some(Guarding::Claim) => true,
            _ => is_claimable(&world.view, seen.revision),
        };
        if won {
            world.view.revision = world.view.revision.max(seen.revision + 1);
        }
        match (is_heard, won) {
            (false, _) => At::Turn(Box::new(turn)),
            (true, false) => At::Idle,
            (true, true) => {
                turn.evaluation.claimed();
                At::Turn(Box::new(turn))
            }
        }
    }

    pub fn write(&self, world: &mut World, batch: usize, value: Option<u8>, revision: i64) {
        let is_later = world.rows[batch].is_some_and(|standing| standing.revision > revision);
        if !is_later || self.without == Some(Guarding::Revision) {
            world.rows[batch] = value.map(|value| Row { value, revision });
        }
        world.was_full |= world.rows.iter().any(Option::is_some);
    }

    fn say(world: &mut World, publisher: usize, mut turn: Turn, saying: Saying, is_heard: bool) -> At {
        let (note, stands) = match &saying {
            Saying::Point(note) => {
                let moves = may_point(&world.view, &note.seen, note.said.pointer);
                if moves {
                    world.said_with = world.publishers[publisher].settings;
                    world.view = ViewState { revision: world.view.revision, ..note.said.clone() };
                }
                (note, moves || is_at(&world.view, note.said.pointer))
            }
            Saying::Note(note) => {
                let stands = is_as_seen(&world.view, &note.seen);
                if stands {
                    world.said_with = world.publishers[publisher].settings;
                    let ViewState { revision, pointer, .. } = world.view;
                    world.view = ViewState { revision, pointer, ..note.said.clone() };
                }
                (note, stands)
            }
        };
        if !is_heard {
            turn.saying = Some(saying);
            return At::Turn(Box::new(turn));
        }
        let outcome = note.noted(stands);
        let positions = World::positions(turn.applied, turn.completed);
        let base = Base::of(note.said.clone(), &positions, CLOCK.as_of);
        let of: &mut Publisher = &mut world.publishers[publisher];
        of.seen = seen_after(crate::publication::fingerprint(&positions), outcome);
        of.base = Some(base).filter(|_| outcome != PublishOutcome::Conflict);
        At::Idle
    }

    /// Looks for rows of a publisher that was overtaken: the next turn evaluates all.
    pub fn tidy(world: &mut World, publisher: usize) {
        let of = &mut world.publishers[publisher];
        (of.seen, of.base) = (None, None);
    }
}

/// What is to be written, then deleted, one row at a time: the next one last.
fn queue(turn: &mut Turn, update: &RiskUpdate) {
    let writes = update.upsert.iter().map(|row| (batch(&row.key()), Some(row.stock_quantity as u8)));
    let deletes = update.delete.iter().map(|key| (batch(key), None));
    turn.writes = writes.chain(deletes).collect();
    turn.writes.reverse();
}
