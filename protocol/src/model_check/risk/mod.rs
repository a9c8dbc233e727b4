//! Publication of stock at risk: it is never empty once it was full, and at rest it is right, whoever died or stood still in the
//! midst of writing rows.

mod alike;
mod publisher;
mod tests;
mod world;

use alike::canonicalize;
use stateright::{Model, Property};
use stockstream_model::{documents::ViewCondition, settings::OnEmptyResult};
use world::{At, Publisher, Truth, World};

use super::{Known, Left};

/// A guard that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarding {
    /// A revision is claimed by one publisher.
    Claim,
    /// No row is changed by an earlier revision than its own.
    Revision,
    /// A turn with a write that was sent again is not completed.
    Again,
    /// After a claim that was never completed, all rows are written again.
    Doubt,
    /// And rows of earlier revisions are looked for from then on.
    Tidy,
    /// No row is deleted before one is known that stays.
    Held,
    /// What changed is enough only where nobody else published since.
    Base,
    /// And only where the rows that stand are not those of before.
    Kept,
    /// The view is read before the state.
    ViewFirst,
}

/// The model.
pub struct Risk {
    /// The settings of each publisher.
    pub publishers: &'static [u8],
    /// What the state gives, one after the other.
    pub truths: &'static [Truth],
    pub policy: OnEmptyResult,
    /// Whether a turn may read the positions before the view, too.
    pub both_orders: bool,
    /// A write of a row that is not acknowledged is sent again, and its first copy takes effect later.
    pub left: Left,
    pub without: Option<Guarding>,
    /// What stands in the database, where it is known how it ends.
    pub ended: Known,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Events are applied, so that the state gives the next truth.
    Apply,
    /// The positions follow.
    Complete,
    Turn {
        publisher: usize,
        positions_first: bool,
        is_heard: bool,
    },
    Tidy {
        publisher: usize,
    },
    Crash {
        publisher: usize,
    },
    /// What was under way takes effect.
    Late,
}

impl Risk {
    /// What a publisher may do by itself.
    fn work(&self, world: &World, publisher: usize, steps: &mut Vec<Step>) {
        let of = &world.publishers[publisher];
        let turn = |positions_first| Step::Turn { publisher, positions_first, is_heard: true };
        match &of.at {
            At::Idle if of.seen.as_ref() == Some(&world.fingerprint()) => {
                if world.is_untidy() && self.without != Some(Guarding::Tidy) {
                    steps.push(Step::Tidy { publisher });
                }
            }
            At::Idle if self.both_orders => steps.extend([turn(false), turn(true)]),
            _ => steps.push(turn(false)),
        }
    }

    fn step(&self, world: &mut World, step: Step) {
        match step {
            Step::Apply => world.applied += 1,
            Step::Complete => world.completed = world.applied,
            Step::Turn { publisher, positions_first, is_heard } => {
                self.turn(world, publisher, positions_first, is_heard);
            }
            Step::Tidy { publisher } => Self::tidy(world, publisher),
            Step::Crash { publisher } => {
                let settings = world.publishers[publisher].settings;
                world.publishers[publisher] = Publisher { has_begun: true, settings, ..Publisher::default() };
            }
            Step::Late => {
                if let Some((batch, value, revision)) = world.late.take() {
                    self.write(world, batch, value, revision);
                }
            }
        }
    }

    /// The rows that events and settings give.
    fn truth(&self, events: usize, settings: u8) -> Truth {
        self.truths[events].map(|value| value.map(|value| value + 10 * settings))
    }

    fn is_never_emptied(&self, world: &World) -> bool {
        self.policy == OnEmptyResult::Clear || !world.was_full || world.rows.iter().any(Option::is_some)
    }

    /// Whether the view shows the newest result, all of it with the same settings, and says so.
    fn is_right(&self, world: &World) -> bool {
        let (shown, truth) = (world.shown(), self.truth(world.completed, world.said_with));
        let is_empty = |rows: &Truth| rows.iter().all(Option::is_none);
        let condition = match (is_empty(&truth), is_empty(&shown)) {
            (true, true) => ViewCondition::Empty,
            (true, false) => ViewCondition::Kept,
            _ => ViewCondition::Published,
        };
        (shown == truth || condition == ViewCondition::Kept && self.policy == OnEmptyResult::Keep)
            && world.view.condition == condition
            && world.view.rows == shown.iter().flatten().count() as i64
    }

    /// Once every publisher has come to rest, and one has seen all there is, the view is right: nobody need look again, but for
    /// rows that were written late.
    fn rests_right(&self, world: &World) -> bool {
        let seen = Some(world.fingerprint());
        let at_rest = world.applied == world.completed
            && world.late.is_none()
            && world.publishers.iter().all(|publisher| publisher.at == At::Idle)
            && world.publishers.iter().any(|publisher| publisher.seen == seen)
            && (!world.is_untidy() || self.without == Some(Guarding::Tidy));
        !at_rest || self.is_right(world)
    }

    /// Whether a publisher that takes over makes all right by itself.
    fn ends(&self, world: &World) -> bool {
        let World { view, rows, .. } = world;
        self.ended.once((view, rows), || self.makes_right(world.clone()))
    }

    fn makes_right(&self, mut world: World) -> bool {
        world.applied = self.truths.len() - 1;
        world.completed = world.applied;
        world.publishers.push(Publisher::default());
        let publisher = world.publishers.len() - 1;
        let mut steps = Vec::new();
        for _turn in 0..100 {
            steps.clear();
            self.work(&world, publisher, &mut steps);
            let Some(step) = steps.first() else { break };
            self.step(&mut world, *step);
            if !self.is_never_emptied(&world) {
                return false;
            }
        }
        self.is_right(&world) && world.publishers[publisher].seen == Some(world.fingerprint())
    }
}

impl Model for Risk {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::start(self.publishers, self.left)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.applied > world.completed {
            steps.push(Step::Complete);
        } else if world.applied + 1 < self.truths.len() {
            steps.push(Step::Apply);
        }
        if world.late.is_some() {
            steps.push(Step::Late);
        }
        for (publisher, of) in world.publishers.iter().enumerate() {
            self.work(world, publisher, steps);
            if world.left.crashes > 0 && (of.at != At::Idle || of.seen.is_some()) {
                steps.push(Step::Crash { publisher });
            }
            if world.left.unheard > 0
                && let At::Turn(_) = &of.at
            {
                steps.push(Step::Turn { publisher, positions_first: false, is_heard: false });
            }
            if !of.has_begun && self.publishers.iter().all(|settings| *settings == of.settings) {
                break; // publishers are alike: the next one takes part after this one did
            }
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        match step {
            Step::Crash { .. } => world.left.crashes -= 1,
            Step::Turn { is_heard: false, .. } => world.left.unheard -= 1,
            _ => {}
        }
        self.step(&mut world, step);
        canonicalize(&mut world);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what was full is never empty", Self::is_never_emptied),
            Property::always("at rest the view is right", Self::rests_right),
            Property::sometimes("the last result is shown", |model: &Self, world: &World| {
                world.completed + 1 == model.truths.len()
                    && world.publishers.iter().all(|publisher| publisher.at == At::Idle)
                    && model.is_right(world)
            }),
            Property::always("from here one publisher makes all right", Self::ends),
        ]
    }
}
