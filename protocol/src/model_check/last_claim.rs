//! What changed is found: at rest the row of a product shows all that claims made of the product and of its stock, whichever worker
//! named the product's last claim in between.

use std::ops::RangeInclusive;

use stateright::{Model, Property};
use stockstream_model::{
    Day,
    documents::{View, ViewState},
};

use super::{holds, is_missed};
use crate::{
    last_claim::last_claim,
    positions::{Derivation, Lane, LaneId, Positions},
    risk::Base,
};

const GENERATION: i64 = 1;
const DAY: Day = Day::from_number(20_500);

/// A rule that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// A claim changes stock before it changes the product, which names it.
    StockFirst,
    /// What an open claim changed is read once more when it is complete.
    Open,
    /// The positions are read before the state.
    PositionsFirst,
}

/// What a claim changes: the product with every sale and record, its stock with a record alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Sale,
    Record,
}

/// The model: the claims of each lane, one after the other.
struct Changes {
    lanes: &'static [&'static [Kind]],
    without: Option<Rule>,
}

/// How far a lane is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Progress {
    seq: usize,
    open: bool,
    has_stock: bool,
    has_product: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    lanes: Vec<Progress>,
    /// How often it was changed, and the claim that did so last.
    product: (u8, i64),
    stock: u8,
    /// How often product and stock had been changed, as the row shows it.
    row: (u8, u8),
    base: Option<Vec<Progress>>,
    turn: Option<Turn>,
}

/// A turn that read the positions, and perhaps the first of product and stock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Turn {
    lanes: Vec<Progress>,
    read: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Claim(usize),
    Stock(usize),
    Product(usize),
    Complete(usize),
    Begin,
    /// Reads the next of product and stock; after the second, the turn ends.
    Read,
}

impl World {
    /// Whether every claim is complete, and the last turn saw that.
    fn is_at_rest(&self) -> bool {
        self.turn.is_none() && self.lanes.iter().all(|lane| !lane.open) && self.base.as_ref() == Some(&self.lanes)
    }
}

fn positions(lanes: &[Progress]) -> Positions {
    let lane = |(number, of): (usize, &Progress)| {
        let derivation = Derivation { generation: GENERATION, since: 0 };
        (number as LaneId, Lane { seq: of.seq as i64, open: of.open, derivation, ..Lane::default() })
    };
    Positions { lanes: lanes.iter().enumerate().map(lane).collect(), ..Positions::default() }
}

impl Changes {
    fn kind(&self, lane: usize, of: Progress) -> Kind {
        self.lanes[lane][of.seq - 1]
    }

    /// The claims whose products are read again; `None` where all stock is walked.
    fn changed(&self, world: &World, turn: &Turn) -> Option<Vec<RangeInclusive<i64>>> {
        let mut left = world.base.clone()?;
        if self.without == Some(Rule::Open) {
            left.iter_mut().for_each(|lane| lane.open = false);
        }
        let view = ViewState::new(View::LossRiskProducts);
        let base = Base::of(view.clone(), &positions(&left), DAY);
        base.changed(&view, &positions(&turn.lanes), DAY, GENERATION)
    }

    fn read(&self, world: &mut World, mut turn: Turn) {
        let changed = self.changed(world, &turn);
        match (&changed, turn.read) {
            (Some(changed), None) if !changed.iter().any(|of| of.contains(&world.product.1)) => {}
            (_, None) => {
                turn.read = Some(if changed.is_some() { world.product.0 } else { world.stock });
                world.turn = Some(turn);
                return;
            }
            (Some(_), Some(product)) => world.row = (product, world.stock),
            (None, Some(stock)) => world.row = (world.product.0, stock),
        }
        world.turn = None;
        world.base = Some(if self.without == Some(Rule::PositionsFirst) { world.lanes.clone() } else { turn.lanes });
    }
}

impl Model for Changes {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let lanes = vec![Progress::default(); self.lanes.len()];
        vec![World { lanes, product: (0, 0), stock: 0, row: (0, 0), base: None, turn: None }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        for (lane, of) in world.lanes.iter().copied().enumerate() {
            if !of.open {
                steps.extend((of.seq < self.lanes[lane].len()).then_some(Step::Claim(lane)));
                continue;
            }
            let is_done = of.has_stock || self.kind(lane, of) == Kind::Sale;
            if !is_done {
                steps.push(Step::Stock(lane));
            }
            if !of.has_product && (is_done || self.without == Some(Rule::StockFirst)) {
                steps.push(Step::Product(lane));
            }
            if of.has_product && is_done {
                steps.push(Step::Complete(lane));
            }
        }
        match &world.turn {
            Some(_) => steps.push(Step::Read),
            None if world.base.as_ref() != Some(&world.lanes) => steps.push(Step::Begin),
            None => {}
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        match step {
            Step::Claim(lane) => {
                world.lanes[lane] = Progress { seq: last.lanes[lane].seq + 1, open: true, ..Progress::default() };
            }
            Step::Stock(lane) => {
                world.lanes[lane].has_stock = true;
                world.stock += 1;
            }
            Step::Product(lane) => {
                world.lanes[lane].has_product = true;
                world.product = (last.product.0 + 1, last_claim(lane as LaneId, last.lanes[lane].seq as i64));
            }
            Step::Complete(lane) => {
                world.lanes[lane] = Progress { seq: last.lanes[lane].seq, ..Progress::default() };
            }
            Step::Begin => world.turn = Some(Turn { lanes: last.lanes.clone(), read: None }),
            Step::Read => {
                let turn = last.turn.clone()?;
                self.read(&mut world, turn);
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("at rest the row shows what is", |_, world: &World| {
                !world.is_at_rest() || world.row == (world.product.0, world.stock)
            }),
            Property::sometimes("all claims are shown", |model: &Self, world: &World| {
                world.is_at_rest() && world.lanes.iter().zip(model.lanes).all(|(lane, claims)| lane.seq == claims.len())
            }),
        ]
    }
}

const TWO: &[&[Kind]] = &[&[Kind::Sale, Kind::Sale], &[Kind::Record, Kind::Sale]];
const THREE: &[&[Kind]] = &[&[Kind::Sale], &[Kind::Record], &[Kind::Record]];

#[test]
fn what_claims_of_several_lanes_change_is_found() {
    for lanes in [TWO, THREE] {
        holds(Changes { lanes, without: None });
    }
}

#[test]
fn no_rule_can_be_left_out() {
    for rule in [Rule::StockFirst, Rule::Open, Rule::PositionsFirst] {
        is_missed(rule, Changes { lanes: TWO, without: Some(rule) });
    }
}
