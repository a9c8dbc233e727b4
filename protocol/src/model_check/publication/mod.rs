//! Publication of a ranking: what is shown never goes back, is never empty once it was full, and never stays wrong.

mod alike;
mod publisher;
mod tests;
mod world;

use alike::canonicalize;
use stateright::{Model, Property};
use stockstream_model::{documents::ViewCondition, settings::OnEmptyResult};
use world::{At, Publisher, Reader, World};

use super::{Known, Left};
use crate::publication::Ranking;

/// A guard that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarding {
    /// A revision is claimed by one publisher.
    Claim,
    /// Something is said only where the view is as it was read.
    Note,
    /// The pointer moves only forward.
    Forward,
    /// And only where nothing was said since the view was read.
    Unsaid,
    /// The view is read before the state.
    ViewFirst,
    /// A reader looks at the pointer again.
    Reread,
}

/// The model.
pub struct Publication {
    pub publishers: usize,
    /// The results that the state gives, one after the other.
    pub truths: &'static [&'static [u8]],
    pub policy: OnEmptyResult,
    pub left: Left,
    /// Whether there is a reader.
    pub reads: bool,
    pub without: Option<Guarding>,
    /// What stands in the database, where it is known how it ends.
    pub ended: Known,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Events are applied, so that the state gives the next result.
    Apply,
    /// The positions follow.
    Complete,
    Turn {
        publisher: usize,
        index: usize,
        is_heard: bool,
    },
    Tidy {
        publisher: usize,
    },
    Crash {
        publisher: usize,
    },
    Read,
}

impl Publication {
    /// What a publisher may do by itself.
    fn work(&self, world: &World, publisher: usize, steps: &mut Vec<Step>) {
        let of = &world.publishers[publisher];
        let turn = |index| Step::Turn { publisher, index, is_heard: true };
        match &of.at {
            At::Idle if of.seen.as_ref() == Some(&world.fingerprint()) => {
                if !world.below(world.view.pointer).is_empty() {
                    steps.push(Step::Tidy { publisher });
                }
            }
            At::Ranking { step: Ranking::Clear(_), rows, .. } | At::Tidying(rows) => {
                steps.extend((0..rows.len()).map(turn));
            }
            // What a reader finds does not depend on that.
            At::Idle if self.without.is_none() && !self.reads => steps.extend([turn(0), turn(1)]),
            _ => steps.push(turn(0)),
        }
    }

    fn step(&self, world: &mut World, step: Step) {
        match step {
            Step::Apply => world.applied += 1,
            Step::Complete => world.completed = world.applied,
            Step::Turn { publisher, index, is_heard } => self.turn(world, publisher, index, is_heard),
            Step::Tidy { publisher } => Self::tidy(world, publisher),
            Step::Crash { publisher } => {
                world.publishers[publisher] = Publisher { has_begun: true, ..Publisher::default() };
            }
            Step::Read => self.read(world),
        }
    }

    /// What the pointer shows, as it was made.
    fn shown(&self, world: &World) -> &'static [u8] {
        if world.view.pointer == 0 { &[] } else { self.truths[world.made_from[world.view.pointer as usize]] }
    }

    /// Whether the ranking that is shown is whole, and the view says how many rows it has.
    fn is_whole(&self, world: &World) -> bool {
        let shown = self.shown(world);
        world.ranking(world.view.pointer) == shown && world.view.rows == shown.len() as i64
    }

    fn is_never_emptied(&self, world: &World) -> bool {
        self.policy == OnEmptyResult::Clear || world.view.pointer == 0 || !self.shown(world).is_empty()
    }

    /// Whether the view shows the newest result, and says so.
    fn is_right(&self, world: &World) -> bool {
        let (shown, truth) = (self.shown(world), self.truths[world.completed]);
        let condition = match (truth, shown) {
            ([], []) => ViewCondition::Empty,
            ([], _) => ViewCondition::Kept,
            _ => ViewCondition::Published,
        };
        (shown == truth || condition == ViewCondition::Kept && self.policy == OnEmptyResult::Keep)
            && world.view.condition == condition
    }

    /// Once every publisher has come to rest, and one has seen all there is, the view is right: nobody need look again.
    fn rests_right(&self, world: &World) -> bool {
        let seen = Some(world.fingerprint());
        let at_rest = world.applied == world.completed
            && world.publishers.iter().all(|publisher| publisher.at == At::Idle)
            && world.publishers.iter().any(|publisher| publisher.seen == seen);
        !at_rest || self.is_right(world)
    }

    /// Whether a publisher that takes over makes all right by itself.
    fn ends(&self, world: &World) -> bool {
        let World { view, rows, made_from, .. } = world;
        self.ended.once((view, rows, made_from), || self.makes_right(world.clone()))
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
        }
        self.is_right(&world)
            && self.is_whole(&world)
            && world.wrong.is_none()
            && world.below(world.view.pointer).is_empty()
            && world.publishers[publisher].seen == Some(world.fingerprint())
    }
}

impl Model for Publication {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::start(self.publishers, self.left)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.wrong.is_some() {
            return;
        }
        if world.applied > world.completed {
            steps.push(Step::Complete);
        } else if world.applied + 1 < self.truths.len() {
            steps.push(Step::Apply);
        }
        // The reader's look at an empty view finds nothing.
        if self.reads && (world.view.pointer > 0 || world.reader != Reader::Idle) {
            steps.push(Step::Read);
        }
        for (publisher, of) in world.publishers.iter().enumerate() {
            self.work(world, publisher, steps);
            if world.left.crashes > 0 && (of.at != At::Idle || of.seen.is_some()) {
                steps.push(Step::Crash { publisher });
            }
            if world.left.unheard > 0
                && let At::Ranking { step: Ranking::Claim(..) | Ranking::Point(..) | Ranking::Note(_), .. } = &of.at
            {
                steps.push(Step::Turn { publisher, index: 0, is_heard: false });
            }
            if !of.has_begun {
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
        if self.without.is_none() {
            canonicalize(&mut world);
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing goes wrong", |_, world: &World| world.wrong.is_none()),
            Property::always("what is shown is whole", Self::is_whole),
            Property::always("what was full is never empty", Self::is_never_emptied),
            Property::always("at rest the view is right", Self::rests_right),
            Property::sometimes("the last result is shown", |model: &Self, world: &World| {
                world.completed + 1 == model.truths.len() && model.rests_right(world) && model.is_right(world)
            }),
            Property::always("from here one publisher makes all right", Self::ends),
        ]
    }
}
