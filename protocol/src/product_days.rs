//! Sales by day of a product: the latest are in the product's document, which every sale rewrites; older ones are moved out of it,
//! a block of days a document.
//!
//! A move takes three steps, each a statement of its own. It *freezes* the older days: one update of the product takes them out of
//! the days that sales change and keeps them under the move's number. It *adds* the frozen days to their blocks, each of which takes
//! a move only where its number is the one that the product notes of it, and has the move's number then; only a block of which
//! nothing is noted is made. It *finishes*: one update of the product drops what was frozen and notes which number each block has. A move
//! that was begun can be carried on from any step, by anybody and by several at once: numbers only grow, a product has one move at a
//! time, and no statement that is sent again, or late, has an effect of its own.
//!
//! A reader takes the product first and then the blocks that it names. It adds what is frozen to a block that has the number before,
//! and not to one that has the move's; a block with any other number was changed after the product was read, and so the reader begins
//! again. What it returns are the days of the moment at which the product was read.

use std::collections::{BTreeMap, BTreeSet};

use stockstream_model::{Day, documents::DayTotals};

/// Totals by day.
pub type Days = BTreeMap<Day, DayTotals>;

/// How many days in a row a block has.
const BLOCK_DAYS: i32 = 32;

/// Some days in a row, by number; 0 begins with 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block(pub i32);

impl Block {
    /// The one that has a day.
    pub fn of(day: Day) -> Self {
        Self(day.number().div_euclid(BLOCK_DAYS))
    }

    fn is_before(self, from: Option<Day>) -> bool {
        from.is_some_and(|from| self < Self::of(from))
    }
}

/// What a block's document holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BlockDays {
    /// The number of the last move that added to it; 0 where there is no document.
    pub number: i64,
    /// Its days.
    pub days: Days,
}

impl BlockDays {
    /// What an addition does.
    pub fn take(&mut self, addition: &Addition) {
        if self.number == addition.seen {
            self.number = addition.number;
            add(&mut self.days, &addition.days);
        }
    }
}

/// Days that are taken out of a product and not all in their blocks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Moving {
    /// The move's number.
    pub number: i64,
    /// The days.
    pub days: Days,
}

/// What a move adds to a block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Addition {
    /// The move's number.
    pub number: i64,
    /// The number that the block has before; 0 where there is no document. One that was deleted is not made again.
    pub seen: i64,
    /// The days.
    pub days: Days,
}

/// What a product's document says of its days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    /// Those that sales change.
    pub live: Days,
    /// The last sale; a return is none.
    pub last_sale: Option<Day>,
    /// How many moves were begun: the number of the last.
    pub moves: i64,
    /// The move under way.
    pub moving: Option<Moving>,
    /// Blocks, each with the number of the last finished move that added to it.
    pub moved: BTreeMap<Block, i64>,
    /// What lies before is dropped and never comes back; only grows.
    pub kept_from: Option<Day>,
}

/// How many days are kept, and where.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// Kept are so many days up to the last sale.
    pub history_days: u32,
    /// With more days than this a product is crowded: older ones are moved.
    pub most: usize,
    /// So many of the latest stay in the product.
    pub latest: usize,
}

/// The most days that a product's document has for long. Moves are rare with more, and what every sale rewrites is little with fewer.
pub const MOST_LIVE_DAYS: usize = 8;
/// Sales come for the day that is and for the one before.
const LATEST_DAYS: usize = 2;

impl Keeping {
    /// With so much history.
    pub fn of(history_days: u32) -> Self {
        Self { history_days, most: MOST_LIVE_DAYS, latest: LATEST_DAYS }
    }
}

/// The first step of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Freeze {
    /// The move's number. It may begin only where the one before was begun last.
    pub number: i64,
    /// Older days than this are moved.
    pub before: Day,
    /// Older ones than this are dropped.
    pub from: Option<Day>,
}

impl Freeze {
    /// What it does to a product's document.
    pub fn take_effect(&self, on: &mut Ledger) {
        let Self { number, before, from } = *self;
        if on.moves != number - 1 {
            return;
        }
        let latest = on.live.split_off(&before);
        let mut days = std::mem::replace(&mut on.live, latest);
        days.retain(|day, _| from.is_none_or(|from| *day >= from));
        on.moving = Some(Moving { number, days });
        on.moves = number;
        on.kept_from = from;
    }
}

impl Ledger {
    /// The first day that counts.
    fn first_kept(&self, history_days: u32) -> Option<Day> {
        let within =
            self.last_sale.map(|last| Day::from_number(last.number().saturating_sub_unsigned(history_days) + 1));
        self.kept_from.max(within)
    }

    /// The move that is due.
    pub fn due(&self, keeping: &Keeping) -> Option<Freeze> {
        if self.moving.is_some() || self.live.len() <= keeping.most {
            return None;
        }
        let before = *self.live.keys().rev().take(keeping.latest).next_back()?;
        Some(Freeze { number: self.moves + 1, before, from: self.first_kept(keeping.history_days) })
    }

    /// What the move under way adds to each block.
    pub fn additions(&self) -> BTreeMap<Block, Addition> {
        let mut blocks = BTreeMap::new();
        for (day, totals) in self.moving.iter().flat_map(|moving| &moving.days) {
            let block = Block::of(*day);
            let none = || Addition { number: self.moves, seen: self.noted(block), days: Days::new() };
            blocks.entry(block).or_insert_with(none).days.insert(*day, *totals);
        }
        blocks
    }

    /// The number of the last finished move that added to a block.
    fn noted(&self, block: Block) -> i64 {
        self.moved.get(&block).copied().unwrap_or(0)
    }

    /// Blocks of which no day counts any more, to be deleted before the move under way is finished.
    pub fn behind(&self) -> impl Iterator<Item = Block> {
        self.moved.keys().copied().filter(|block| block.is_before(self.kept_from))
    }

    /// What is noted of the blocks once the move under way is finished.
    pub fn moved_then(&self) -> BTreeMap<Block, i64> {
        let mut moved = self.moved.clone();
        moved.extend(self.additions().into_keys().map(|block| (block, self.moves)));
        moved.retain(|block, _| !block.is_before(self.kept_from));
        moved
    }

    /// The blocks to read for what a product kept so long.
    pub fn blocks(&self, history_days: u32) -> BTreeSet<Block> {
        let from = self.first_kept(history_days);
        let all = self.moved.keys().copied().chain(self.additions().into_keys());
        all.filter(|block| !block.is_before(from)).collect()
    }

    /// All days that count, from the product and its blocks, which were read after it. `None` where a block was changed since: then
    /// the product is to be read again.
    pub fn whole(&self, blocks: &BTreeMap<Block, BlockDays>, history_days: u32) -> Option<Days> {
        let mut days = self.live.clone();
        let additions = self.additions();
        for block in self.blocks(history_days) {
            let (added, standing) = (additions.get(&block), blocks.get(&block));
            let number = standing.map_or(0, |standing| standing.number);
            let is_added = added.is_some() && number == self.moves;
            if !is_added && number != self.noted(block) {
                return None;
            }
            if let Some(added) = added.filter(|_| !is_added) {
                add(&mut days, &added.days);
            }
            if let Some(standing) = standing {
                add(&mut days, &standing.days);
            }
        }
        let from = self.first_kept(history_days);
        days.retain(|day, _| from.is_none_or(|from| *day >= from));
        Some(days)
    }
}

fn add(days: &mut Days, more: &Days) {
    for (day, totals) in more {
        days.entry(*day).or_default().add(totals);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(of: &[(i32, i64)]) -> Days {
        let totals = |units| DayTotals { units, ..DayTotals::default() };
        of.iter().map(|(day, units)| (Day::from_number(*day), totals(*units))).collect()
    }

    #[test]
    fn a_block_has_the_days_that_follow_each_other() {
        let of = |day| Block::of(Day::from_number(day)).0;
        assert_eq!([-33, -32, -1, 0, 31, 32].map(of), [-2, -1, -1, 0, 0, 1]);
    }

    #[test]
    fn the_latest_days_stay_and_what_is_behind_the_history_is_dropped() {
        let keeping = Keeping { history_days: 60, most: 3, latest: 2 };
        let last_sale = Some(Day::from_number(100));
        let three = Ledger { live: days(&[(40, 1), (41, 1), (100, 1)]), last_sale, ..Ledger::default() };
        assert_eq!(three.due(&keeping), None, "not crowded");
        let mut product = Ledger { live: days(&[(40, 1), (41, 2), (70, 3), (99, 4), (100, 5)]), ..three };
        product.due(&keeping).unwrap().take_effect(&mut product);
        assert_eq!(product.live, days(&[(99, 4), (100, 5)]));
        let added: Vec<_> = product.additions().into_iter().map(|(block, of)| (block.0, of.seen, of.days)).collect();
        assert_eq!(added, [(1, 0, days(&[(41, 2)])), (2, 0, days(&[(70, 3)]))]);
        assert_eq!((product.moves, product.kept_from), (1, Some(Day::from_number(41))));
        assert_eq!(product.moved_then(), [(Block(1), 1), (Block(2), 1)].into());
        let crowded = Ledger { live: days(&[(1, 1), (2, 1), (3, 1), (4, 1)]), ..product };
        assert_eq!(crowded.due(&keeping), None, "a product has one move at a time");
    }

    #[test]
    fn returns_alone_have_no_history_to_fall_behind() {
        let keeping = Keeping { history_days: 1, most: 1, latest: 1 };
        let mut product = Ledger { live: days(&[(-50_000, -1), (5, -1)]), ..Ledger::default() };
        product.due(&keeping).unwrap().take_effect(&mut product);
        assert_eq!(product.whole(&BTreeMap::new(), 1), Some(days(&[(-50_000, -1), (5, -1)])));
    }

    #[test]
    fn a_reader_begins_again_where_a_block_was_changed_since() {
        let frozen = Some(Moving { number: 4, days: days(&[(3, 10)]) });
        let product = Ledger { live: days(&[(3, 1)]), moves: 4, moving: frozen, ..Ledger::default() };
        let product = Ledger { moved: [(Block(0), 3)].into(), ..product };
        let with = |number, units| [(Block(0), BlockDays { number, days: days(&[(3, units)]) })].into();
        assert_eq!(product.whole(&with(3, 100), 9), Some(days(&[(3, 111)])), "not added yet");
        assert_eq!(product.whole(&with(4, 110), 9), Some(days(&[(3, 111)])), "added");
        for other in [with(5, 111), with(2, 90), BTreeMap::new()] {
            assert_eq!(product.whole(&other, 9), None, "{other:?}");
        }
    }
}
