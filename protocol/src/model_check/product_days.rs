//! Days that move out of products into blocks while sales go on: several movers, which die between and inside the steps, statements
//! that take effect late or twice, and a reader.

use std::collections::{BTreeMap, BTreeSet};

use stateright::{Model, Property};
use stockstream_model::{Day, documents::DayTotals};

use super::{holds, is_missed};
use crate::product_days::{Addition, Block, BlockDays, Days, Freeze, Keeping, Ledger};

/// A guard that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guarding {
    /// A sale counts once: the product has its mark.
    Mark,
    /// A move begins only after the one that was seen.
    Seen,
    /// A block takes each move once.
    Once,
    /// A block takes a move only behind the one that the product notes.
    Exactly,
    /// A move is finished under its number alone.
    Number,
    /// A move is finished after all blocks have their days.
    All,
    /// A reader compares the numbers of the blocks.
    Compare,
    /// A reader adds what is frozen to a block that has not got it.
    Frozen,
    /// What is dropped is noted in the product.
    Horizon,
    /// A block is deleted only when none of its days counts.
    Behind,
}

/// The model: one product.
struct Moves {
    /// The day of each sale, in units of a day.
    sales: &'static [i32],
    /// The history that each mover keeps; the reader has that of the last.
    movers: &'static [u32],
    /// How many statements may be left to take effect at any time.
    late: u8,
    reads: u8,
    without: Option<Guarding>,
}

/// With more days than one a product is crowded, and one stays.
fn keeping(history_days: u32) -> Keeping {
    Keeping { history_days, most: 1, latest: 1 }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Statement {
    Freeze(Freeze),
    Add(Block, Addition),
    Delete(BTreeSet<Block>),
    Finish(i64, BTreeMap<Block, i64>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Mover {
    /// It is to read the product.
    Looks,
    /// It read the product, and has so many of a move's blocks done; then it deletes, then finishes.
    Moves(Ledger, usize),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Reader {
    Rests,
    /// It read the product, when these days counted, and these blocks.
    Reads(Ledger, Days, BTreeMap<Block, Option<BlockDays>>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    product: Ledger,
    blocks: BTreeMap<Block, BlockDays>,
    /// Which sales the product has the marks of, and which were sent again.
    sold: Vec<bool>,
    again: Vec<bool>,
    /// All that was sold, by day.
    truth: Days,
    movers: Vec<Mover>,
    /// What may still take effect, once each.
    late: Vec<Statement>,
    may_be_late: u8,
    reader: Reader,
    reads: u8,
    begun_again: bool,
    deleted: bool,
    wrong: Option<&'static str>,
}

/// What becomes of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// It takes effect and is acknowledged.
    Acknowledged,
    /// So it is, and takes effect once more some day.
    Twice,
    /// Its sender dies; it takes effect some day, or never.
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Sell { sale: usize },
    Look { mover: usize },
    Send { mover: usize, sent: Sent },
    Deliver { late: usize },
    BeginRead,
    ReadBlock { block: Block },
    EndRead,
}

fn unit() -> DayTotals {
    DayTotals { units: 1, ..DayTotals::default() }
}

impl Moves {
    fn lacks(&self, guarding: Guarding) -> bool {
        self.without == Some(guarding)
    }

    fn history(&self) -> u32 {
        self.movers.last().copied().unwrap_or(1)
    }

    /// What a mover does next, after what it read.
    fn next(&self, mover: usize, ledger: &Ledger, done: usize) -> Option<Statement> {
        let additions = ledger.additions();
        if ledger.moving.is_none() {
            return ledger.due(&keeping(self.movers.get(mover).copied().unwrap_or(1))).map(Statement::Freeze);
        }
        let behind = || match self.without {
            Some(Guarding::Behind) => ledger.moved.keys().copied().collect(),
            _ => ledger.behind().collect(),
        };
        Some(match additions.into_iter().nth(done) {
            Some((block, addition)) if !self.lacks(Guarding::All) => Statement::Add(block, addition),
            _ if done == ledger.additions().len() => Statement::Delete(behind()),
            _ => Statement::Finish(ledger.moves, ledger.moved_then()),
        })
    }

    /// The database carries it out.
    fn take_effect(&self, world: &mut World, statement: &Statement) {
        match statement {
            Statement::Freeze(freeze) => {
                let before = world.product.clone();
                if self.lacks(Guarding::Seen) {
                    world.product.moves = freeze.number - 1;
                }
                freeze.take_effect(&mut world.product);
                if self.lacks(Guarding::Horizon) {
                    world.product.kept_from = before.kept_from;
                }
            }
            Statement::Add(block, addition) => {
                let mut standing = world.blocks.get(block).cloned().unwrap_or_default();
                let mut addition = addition.clone();
                if self.lacks(Guarding::Once) || (self.lacks(Guarding::Exactly) && standing.number < addition.number) {
                    addition.seen = standing.number;
                }
                standing.take(&addition);
                if standing.number > 0 {
                    world.blocks.insert(*block, standing);
                }
            }
            Statement::Delete(blocks) => {
                world.deleted |= blocks.iter().any(|block| world.blocks.remove(block).is_some());
            }
            Statement::Finish(number, moved) => {
                let is_of_it = world.product.moving.as_ref().is_some_and(|moving| moving.number == *number);
                if is_of_it || self.lacks(Guarding::Number) {
                    world.product.moving = None;
                    world.product.moved = moved.clone();
                }
            }
        }
    }

    fn sell(&self, world: &mut World, sale: usize) {
        let day = Day::from_number(self.sales[sale]);
        if world.sold[sale] {
            world.again[sale] = true;
            if !self.lacks(Guarding::Mark) {
                return;
            }
        } else {
            world.sold[sale] = true;
            world.truth.entry(day).or_default().add(&unit());
        }
        world.product.live.entry(day).or_default().add(&unit());
        world.product.last_sale = world.product.last_sale.max(Some(day));
    }

    fn send(&self, world: &mut World, mover: usize, sent: Sent) {
        let Mover::Moves(ledger, done) = world.movers[mover].clone() else { return };
        let Some(statement) = self.next(mover, &ledger, done) else { return };
        if sent != Sent::Acknowledged {
            world.may_be_late -= 1;
            world.late.push(statement.clone());
        }
        world.movers[mover] = match (&statement, sent) {
            (_, Sent::Late) | (Statement::Finish(..) | Statement::Freeze(_), _) => Mover::Looks,
            _ => Mover::Moves(ledger, done + 1),
        };
        if sent != Sent::Late {
            self.take_effect(world, &statement);
        }
    }

    /// What a reader finds, and what is right: the days that counted when it read the product.
    fn read(&self, product: &Ledger, truth: &Days, blocks: &BTreeMap<Block, BlockDays>) -> (Option<Days>, Days) {
        let history = self.history();
        let mut product = product.clone();
        if self.lacks(Guarding::Frozen) {
            product.moving = None;
        }
        let mut found = product.whole(blocks, history);
        if self.lacks(Guarding::Compare) && found.is_none() {
            // Whatever the blocks hold, they hold.
            product.moved = blocks.iter().map(|(block, days)| (*block, days.number)).collect();
            found = product.whole(blocks, history);
        }
        let last = product.last_sale.map(|last| Day::from_number(last.number() - history as i32 + 1));
        let from = product.kept_from.max(last);
        let right = truth.iter().filter(|(day, _)| from.is_none_or(|from| **day >= from));
        (found, right.map(|(day, totals)| (*day, *totals)).collect())
    }

    /// Whether the product and its blocks hold exactly what was sold and counts.
    fn is_exact(&self, world: &World) -> bool {
        let (found, right) = self.read(&world.product, &world.truth, &world.blocks);
        world.wrong.is_none() && found == Some(right)
    }

    /// Whether one mover that goes on alone gets all that is to be moved out of the product.
    fn ends(&self, world: &World) -> bool {
        let mut world = world.clone();
        let mover = self.movers.len() - 1;
        for _ in 0..40 {
            world.movers[mover] = Mover::Moves(world.product.clone(), 0);
            while matches!(world.movers[mover], Mover::Moves(..)) {
                let Mover::Moves(ledger, done) = &world.movers[mover] else { break };
                if self.next(mover, ledger, *done).is_none() {
                    return world.product.moving.is_none() && world.product.live.len() <= 1 && self.is_exact(&world);
                }
                self.send(&mut world, mover, Sent::Acknowledged);
            }
        }
        false
    }
}

impl Model for Moves {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            product: Ledger::default(),
            blocks: BTreeMap::new(),
            sold: vec![false; self.sales.len()],
            again: vec![false; self.sales.len()],
            truth: Days::new(),
            movers: vec![Mover::Looks; self.movers.len()],
            late: Vec::new(),
            may_be_late: self.late,
            reader: Reader::Rests,
            reads: self.reads,
            begun_again: false,
            deleted: false,
            wrong: None,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        for sale in 0..self.sales.len() {
            let sends_again = world.sold[sale] && !world.again[sale] && self.lacks(Guarding::Mark);
            if !world.sold[sale] || sends_again {
                steps.push(Step::Sell { sale });
            }
        }
        for (mover, of) in world.movers.iter().enumerate() {
            match of {
                Mover::Looks if world.product.live.len() > 1 || world.product.moving.is_some() => {
                    steps.push(Step::Look { mover });
                }
                Mover::Looks => {}
                Mover::Moves(..) => {
                    steps.push(Step::Send { mover, sent: Sent::Acknowledged });
                    if world.may_be_late > 0 {
                        steps.extend([Sent::Twice, Sent::Late].map(|sent| Step::Send { mover, sent }));
                    }
                }
            }
        }
        steps.extend((0..world.late.len()).map(|late| Step::Deliver { late }));
        match &world.reader {
            Reader::Rests if world.reads > 0 => steps.push(Step::BeginRead),
            Reader::Rests => {}
            Reader::Reads(product, _, read) => {
                let unread = product.blocks(self.history()).into_iter().filter(|block| !read.contains_key(block));
                let before = steps.len();
                steps.extend(unread.map(|block| Step::ReadBlock { block }));
                if steps.len() == before {
                    steps.push(Step::EndRead);
                }
            }
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        match step {
            Step::Sell { sale } => self.sell(&mut world, sale),
            Step::Look { mover } => {
                let product = world.product.clone();
                self.next(mover, &product, 0)?;
                world.movers[mover] = Mover::Moves(product, 0);
            }
            Step::Send { mover, sent } => self.send(&mut world, mover, sent),
            Step::Deliver { late } => {
                let statement = world.late.remove(late);
                self.take_effect(&mut world, &statement);
            }
            Step::BeginRead => {
                world.reads -= 1;
                world.reader = Reader::Reads(world.product.clone(), world.truth.clone(), BTreeMap::new());
            }
            Step::ReadBlock { block } => {
                let found = world.blocks.get(&block).cloned();
                let Reader::Reads(.., read) = &mut world.reader else { return None };
                read.insert(block, found);
            }
            Step::EndRead => {
                let Reader::Reads(product, truth, read) = std::mem::replace(&mut world.reader, Reader::Rests) else {
                    return None;
                };
                let read = read.into_iter().filter_map(|(block, days)| Some((block, days?))).collect();
                let (found, right) = self.read(&product, &truth, &read);
                match found {
                    Some(found) if found != right => world.wrong = Some("a reader found other days than counted"),
                    Some(_) => {}
                    None => world.begun_again = true,
                }
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![
            Property::always("every sale counts once in its day", |moves: &Self, world: &World| moves.is_exact(world)),
            Property::always("from here all days can be moved", Self::ends),
            Property::sometimes("a day moves again", |_, world: &World| {
                world
                    .blocks
                    .values()
                    .any(|block| block.number > 1 && block.days.values().any(|totals| totals.units > 1))
            }),
        ];
        if self.reads > 0 {
            all.push(Property::sometimes("a reader begins again", |_, world: &World| world.begun_again));
        }
        if self.sales.contains(&FAR) {
            all.push(Property::sometimes("a block is deleted", |_, world: &World| world.deleted));
        }
        all
    }
}

/// Behind every history of the days before.
const FAR: i32 = 90;
/// Two days that lie in one block, one of the block after it, and one that comes late.
const NEAR: &[i32] = &[1, 1, 31, 33];
const AND_FAR: &[i32] = &[10, 10, 33, FAR];
const LONG: u32 = 366;

#[test]
fn sales_count_once_while_their_days_move() {
    holds(Moves { sales: NEAR, movers: &[LONG, LONG], late: 1, reads: 0, without: None });
    holds(Moves { sales: &[1, 1, 33], movers: &[LONG], late: 2, reads: 0, without: None });
}

#[test]
fn a_reader_finds_the_days_of_one_moment() {
    holds(Moves { sales: NEAR, movers: &[LONG], late: 0, reads: 1, without: None });
    holds(Moves { sales: &[1, 1, 33], movers: &[LONG, LONG], late: 1, reads: 1, without: None });
}

#[test]
fn what_is_behind_the_history_never_comes_back() {
    // Settings change: one keeps less than the other.
    holds(Moves { sales: AND_FAR, movers: &[30, LONG], late: 1, reads: 0, without: None });
    holds(Moves { sales: AND_FAR, movers: &[30], late: 1, reads: 1, without: None });
}

#[test]
fn no_guard_can_be_left_out() {
    use Guarding::*;
    for without in [Mark, Seen, Once, Number, All, Frozen] {
        is_missed(without, Moves { sales: NEAR, movers: &[LONG], late: 1, reads: 0, without: Some(without) });
    }
    is_missed(Compare, Moves { sales: NEAR, movers: &[LONG], late: 0, reads: 1, without: Some(Compare) });
    let behind = |without, reads| Moves { sales: AND_FAR, movers: &[30, LONG], late: 1, reads, without: Some(without) };
    is_missed(Horizon, behind(Horizon, 0));
    is_missed(Behind, behind(Behind, 0));
    // Nobody who reads the product after the block was deleted looks at it, but who read it before may.
    is_missed(Exactly, Moves { movers: &[30], ..behind(Exactly, 1) });
}
