//! Stock at risk, decided part by part: what a turn has to evaluate, which rows it writes and deletes, and what is said of the
//! view then. Never more than a bounded number of rows and keys is held.
//!
//! A turn that writes claims the revision after the one it saw; every row carries the revision that wrote it, and no row is
//! changed by an earlier one. Where a claim was never completed, its publisher died, or stands still and may go on at any time:
//! then every row is written again under a later revision, and what appears below that revision afterwards holds for nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use stockstream_model::{
    Day,
    documents::{RiskRow, ViewCondition, ViewState},
    settings::OnEmptyResult,
};

use crate::{
    last_claim::claims_since,
    positions::Positions,
    publication::{Clock, Note, PublishOutcome, Since, empty_result, is_foreign, keeps, published, same_result, since},
    revision::{is_as_seen, is_complete},
};

/// What a batch of stock is known by: its product, and its number.
pub type StockKey = (String, Option<String>);

/// A row of `loss_risk_products`, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StandingRisk {
    /// The row.
    pub row: RiskRow,
    /// The revision that wrote it; 0 where a version before revisions did.
    pub revision: i64,
}

/// What to do to `loss_risk_products`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskUpdate {
    /// The claimed revision that does it. What a later one wrote stays as it is.
    pub revision: i64,
    /// Rows to write, new or changed.
    pub upsert: Vec<RiskRow>,
    /// Rows that hold no more.
    pub delete: Vec<StockKey>,
}

const NOTHING_AT_RISK: &str = "no stock is at risk";

/// How much is held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Batches of stock that are read at once.
    pub at_once: u32,
    /// Changed products that are read at once: the events wait for no more than this.
    pub changed_at_once: u32,
    /// Batches, or rows, of the products that are read at once: of products with more, all stock is walked.
    pub of_products: u32,
    /// Keys of rows that are to be deleted, but not yet.
    pub held: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { at_once: 1_000, changed_at_once: 200, of_products: 10_000, held: 10_000 }
    }
}

/// What a publisher left behind: the next turn need evaluate no more than what changed since.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Base {
    /// The view as it left it.
    pub view: ViewState,
    /// How far each lane was before it read the state.
    pub since: Since,
    /// How many offsets were lost by then.
    pub lost: i64,
    /// The day to which days were counted.
    pub as_of: Day,
}

/// How many offsets were ever lost.
fn lost(positions: &Positions) -> i64 {
    positions.partitions.values().map(|partition| partition.lost.offsets).sum()
}

impl Base {
    /// What a turn left that read these positions before the state.
    pub fn of(view: ViewState, positions: &Positions, as_of: Day) -> Self {
        Self { view, since: since(positions), lost: lost(positions), as_of }
    }

    /// The claims whose products are to be evaluated again; `None` where that is not enough: nobody else may have published
    /// since, nor changed anything under another version or other settings, and the day must be the same, as days are part of
    /// every row. A claim of which a part was lost may have been applied in part before: its stock, and not the product that
    /// would name it.
    pub fn changed(
        &self,
        view: &ViewState,
        positions: &Positions,
        as_of: Day,
        generation: i64,
    ) -> Option<Vec<RangeInclusive<i64>>> {
        let stands = is_as_seen(view, &self.view) && is_complete(view) && self.as_of == as_of;
        if !stands || lost(positions) != self.lost || is_foreign(positions, generation, &self.since) {
            return None;
        }
        let claims = positions.lanes.iter().map(|(lane, of)| {
            let (_, complete) = self.since.get(lane).copied().unwrap_or_default();
            claims_since(*lane, complete, of.seq)
        });
        Some(claims.filter(|claims| !claims.is_empty()).collect())
    }
}

/// What is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All stock, in the order of its keys.
    All,
    /// The stock of what changed.
    Changed,
}

/// A turn on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Evaluation {
    /// The view as it was read, before the state.
    pub seen: ViewState,
    /// What it evaluates.
    pub scope: Scope,
    /// The revision that it claimed.
    pub claimed: Option<i64>,
    policy: OnEmptyResult,
    most_held: usize,
    /// Rows of a revision below are written again, also where they are right.
    fence: i64,
    /// How many rows stand, as far as it got.
    rows: i64,
    /// A row that is right and stays: from then on rows may be deleted, and no reader finds the view empty.
    stays: Option<StockKey>,
    /// Rows to delete once one stays, or once it is known that none does.
    held: BTreeSet<StockKey>,
    /// Whether there were more of them than are held: all stock is walked once more.
    has_more: bool,
    /// Whether nothing is at risk, and rows go all the same.
    clears: bool,
    is_empty: bool,
    has_changed: bool,
}

/// What follows from rows that were compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Compared {
    /// Write and delete these, if any, and go on.
    Write(RiskUpdate),
    /// What changed is not enough to know: begin again with all stock.
    Widen,
}

/// What follows once all was compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// Delete these, then say it.
    Delete(RiskUpdate),
    /// Walk all stock once more.
    Again,
    /// Say it.
    Say,
}

/// The last step of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Saying {
    /// Rows were written: the pointer moves to their revision, with what is said.
    Point(Box<Note>),
    /// None were.
    Note(Box<Note>),
}

impl Evaluation {
    /// Begins with the view, read before the state.
    pub fn begin(seen: ViewState, scope: Scope, policy: OnEmptyResult, most_held: usize) -> Self {
        let fence = if is_complete(&seen) { seen.fence } else { seen.revision + 1 };
        let rows = if scope == Scope::Changed { seen.rows } else { 0 };
        Self {
            seen,
            scope,
            claimed: None,
            policy,
            most_held,
            fence,
            rows,
            stays: None,
            held: BTreeSet::new(),
            has_more: false,
            clears: false,
            is_empty: false,
            has_changed: false,
        }
    }

    /// Whether a claim before was never completed. Then the next revision is claimed first of all, so that the doubt ends with
    /// this turn.
    pub fn is_doubtful(&self) -> bool {
        !is_complete(&self.seen)
    }

    /// Takes in that the revision after the one that was seen is this turn's.
    pub fn claimed(&mut self) {
        self.claimed = Some(self.seen.revision + 1);
    }

    /// Begins again with all stock.
    pub fn widen(&mut self) {
        let again = Self::begin(self.seen.clone(), Scope::All, self.policy, self.most_held);
        *self = Self { claimed: self.claimed, has_changed: self.has_changed, ..again };
    }

    /// Compares rows as they should be with all those that stand of the same stock.
    pub fn compare(&mut self, wanted: Vec<RiskRow>, standing: Vec<StandingRisk>) -> Compared {
        if self.scope == Scope::Changed && self.seen.condition == ViewCondition::Kept {
            // Every row that stands is one of before: with the first that is right, all others go.
            return if wanted.is_empty() { Compared::Write(RiskUpdate::default()) } else { Compared::Widen };
        }
        if self.scope == Scope::Changed && standing.iter().any(|standing| standing.revision < self.fence) {
            return Compared::Widen; // a row that was written late is in no count
        }
        let mut before: BTreeMap<StockKey, StandingRisk> =
            standing.into_iter().map(|standing| (standing.row.key(), standing)).collect();
        let mut upsert = Vec::new();
        for row in wanted {
            let key = row.key();
            let stood = before.remove(&key);
            self.held.remove(&key); // a product that changes meanwhile may come twice
            self.rows += i64::from(self.scope == Scope::All || stood.is_none());
            let is_same = stood.as_ref().is_some_and(|stood| stood.row.same_as(&row));
            self.has_changed |= !is_same;
            if !is_same || stood.is_some_and(|stood| stood.revision < self.fence) {
                upsert.push(row);
            }
            self.stays.get_or_insert(key);
        }
        for (key, stood) in before {
            self.rows += i64::from(self.scope == Scope::All);
            if self.stays.as_ref() == Some(&key) {
                continue; // it was right before, and what changed it since, the next turn finds
            }
            if self.stays.is_none() && stood.revision < self.fence {
                upsert.push(stood.row); // perhaps it is kept: then no other publisher may delete it
            }
            self.held.insert(key);
        }
        let delete = if self.stays.is_some() || self.clears { self.let_go() } else { Vec::new() };
        if self.held.len() > self.most_held {
            self.held.clear();
            self.has_more = true;
            if self.scope == Scope::Changed {
                return Compared::Widen;
            }
        }
        Compared::Write(self.update(upsert, delete))
    }

    /// Takes in that all was compared.
    pub fn ended(&mut self) -> Ended {
        let is_kept = self.scope == Scope::Changed && self.seen.condition == ViewCondition::Kept;
        let may_rest = self.scope == Scope::Changed && self.rows > self.held.len() as i64;
        self.is_empty = self.stays.is_none() && (is_kept || !may_rest);
        if self.is_empty && (is_kept || keeps(self.policy)) {
            self.held.clear();
            return Ended::Say;
        }
        if std::mem::take(&mut self.has_more) {
            self.clears = self.is_empty;
            self.rows = 0;
            self.held.clear();
            return Ended::Again;
        }
        let delete = self.let_go();
        if delete.is_empty() { Ended::Say } else { Ended::Delete(self.update(Vec::new(), delete)) }
    }

    /// What is said at the end.
    pub fn say(&self, clock: Clock) -> Saying {
        let view = ViewState { rows: self.rows, ..self.seen.clone() };
        let note = if self.is_empty && (keeps(self.policy) || !self.has_changed) {
            empty_result(view, NOTHING_AT_RISK, clock)
        } else if self.has_changed {
            let said = published(&view, self.rows as usize, clock);
            Note { seen: view, said, outcome: PublishOutcome::Changed }
        } else {
            same_result(view, clock)
        };
        let note = Note { seen: self.seen.clone(), ..note };
        let Some(revision) = self.claimed else { return Saying::Note(Box::new(note)) };
        let fence = if self.is_doubtful() { revision } else { self.seen.fence };
        let said = ViewState { revision, pointer: revision, fence, ..note.said };
        Saying::Point(Box::new(Note { said, ..note }))
    }

    /// Every revision that it holds, for the model check.
    #[cfg(test)]
    pub fn revisions(&mut self) -> impl Iterator<Item = &mut i64> {
        let ViewState { revision, pointer, fence, .. } = &mut self.seen;
        [revision, pointer, fence, &mut self.fence].into_iter().chain(&mut self.claimed)
    }

    fn let_go(&mut self) -> Vec<StockKey> {
        self.rows -= self.held.len() as i64;
        self.has_changed |= !self.held.is_empty();
        std::mem::take(&mut self.held).into_iter().collect()
    }

    fn update(&self, upsert: Vec<RiskRow>, delete: Vec<StockKey>) -> RiskUpdate {
        RiskUpdate { revision: self.seen.revision + 1, upsert, delete }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::positions::{Derivation, Lane, Lost, Position};
    use stockstream_model::{
        Timestamp,
        documents::{PartitionId, View},
        event::EventKind,
    };

    const DAY: Day = Day::from_number(20_500);

    fn positions(lanes: &[(u32, i64, bool, i64)]) -> Positions {
        let lane = |(lane, seq, open, generation): &(u32, i64, bool, i64)| {
            let derivation = Derivation { generation: *generation, since: 0 };
            (*lane, Lane { seq: *seq, open: *open, derivation, ..Lane::default() })
        };
        Positions { lanes: lanes.iter().map(lane).collect(), ..Positions::default() }
    }

    fn base() -> Base {
        let view = ViewState { revision: 4, pointer: 4, rows: 2, ..ViewState::new(View::LossRiskProducts) };
        Base::of(view, &positions(&[(0, 7, true, 1), (1, 3, false, 1)]), DAY)
    }

    #[test]
    fn what_changed_is_what_claims_did_that_were_not_complete() {
        let now = positions(&[(0, 9, false, 1), (1, 3, false, 1), (2, 1, true, 1)]);
        let changed = base().changed(&base().view, &now, DAY, 1);
        assert_eq!(changed, Some(vec![claims_since(0, 6, 9), claims_since(2, 0, 1)]));
        let still = positions(&[(0, 7, false, 1), (1, 3, false, 1)]);
        assert_eq!(base().changed(&base().view, &still, DAY, 1), Some(vec![claims_since(0, 6, 7)]), "it was open");
    }

    #[test]
    fn what_changed_is_not_enough_on_another_day_or_where_others_published_or_wrote() {
        let now = positions(&[(0, 8, false, 1), (1, 3, false, 1)]);
        let view = base().view;
        assert!(base().changed(&view, &now, DAY, 1).is_some());
        assert_eq!(base().changed(&view, &now, Day::from_number(20_501), 1), None);
        assert_eq!(base().changed(&ViewState { revision: 5, ..view.clone() }, &now, DAY, 1), None);
        assert_eq!(base().changed(&ViewState { revision: 5, pointer: 5, ..view.clone() }, &now, DAY, 1), None);
        let said = ViewState { checked_at: Some(Timestamp::default()), ..view.clone() };
        assert_eq!(base().changed(&said, &now, DAY, 1), None);
        assert_eq!(base().changed(&view, &now, DAY, 2), None, "a worker of other settings wrote");
        let lost = Position { lost: Lost { offsets: 1, ..Lost::default() }, ..Position::default() };
        let partitions = [(PartitionId { stream: EventKind::Inventory, partition: 0 }, lost)].into();
        assert_eq!(base().changed(&view, &Positions { partitions, ..now }, DAY, 1), None, "a part was lost");
    }
}
