//! The protocol, checked exhaustively within bounds: every order of every step of a few workers that read the same partitions,
//! with crashes, stolen lanes, lost acknowledgements, writes that take effect late, and logs that change.
//!
//! What is decided is decided by this crate's own functions; Kafka, the database and who does something next are played here.
//! So that a check that finds nothing means something, each rule can be left out, and must then be missed.

mod checks;
mod database;
mod steps;
mod tests;
mod worker;
mod world;

use database::Answer;
use stateright::{Model, Property};
use stockstream_model::settings::{OnLostOffsets, OnRecreatedTopic};
use world::{Bounds, Worker, World};

use crate::{exhaustive::Known, positions::LaneId};

/// A rule that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A claim names the lane's next sequence number.
    ClaimSeq,
    /// A claim is made only in a lane without an open one.
    ClaimLaneClosed,
    /// A claim is of the incarnation that was read.
    ClaimIncarnation,
    /// A claim begins at the position.
    ClaimNext,
    /// A claim is made only where none is open.
    ClaimPending,
    /// A frozen partition takes no claim.
    ClaimFrozen,
    /// A claim is taken for open only where it is exactly the one that was made.
    ExactOutcome,
    /// A batch that cannot be claimed whole is dropped whole.
    WholeBatch,
    /// The positions are read before the log.
    PositionsFirst,
    /// The topics' ids are asked for after the log was read.
    Topics,
    /// A document takes no change that its mark says it has.
    Mark,
    /// An equal mark says so, too.
    MarkIsStrict,
    /// An equal mark says nothing about other documents.
    EqualMark,
    /// A claim is completed only while it is open.
    Completion,
    /// A worker finishes the claim in its own lane, also on partitions that it does not read.
    OwnLane,
    /// Whoever finishes a claim finishes it on all its partitions.
    OwnPartitions,
    /// A lane's sequence number outlives its holder.
    SeqIsKept,
    /// What is lost of a claim is named before what is left of it is applied.
    NamedFirst,
    /// Leaders are asked whether their logs still contain what was read and claimed.
    Epoch,
    /// A topic that was replaced is recognized.
    Returned,
}

/// The model.
pub struct Lanes {
    pub bounds: Bounds,
    pub without: Option<Guard>,
    /// What stands in logs and database, where it is known that it can be finished.
    finished: Known,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Arrive {
        partition: usize,
    },
    Trim {
        partition: usize,
    },
    Recreate {
        partition: usize,
    },
    Return {
        partition: usize,
    },
    Cut {
        partition: usize,
        at: i64,
    },
    Acquire {
        worker: usize,
        lane: LaneId,
    },
    /// Of some partitions, as bits.
    Look {
        worker: usize,
        partitions: u8,
    },
    GoOn {
        worker: usize,
        answer: Answer,
    },
    /// It drops the batch whose claim it is not sure of, as where its partitions are revoked.
    Abandon {
        worker: usize,
    },
    Apply {
        worker: usize,
        key: usize,
        answer: Answer,
    },
    Deliver {
        message: usize,
    },
    Crash {
        worker: usize,
    },
}

impl Lanes {
    pub fn new(bounds: Bounds, without: Option<Guard>) -> Self {
        Self { bounds, without, finished: Known::default() }
    }

    /// Whoever is asked last is told to go on without what is lost.
    fn settings(&self, worker: usize) -> (OnLostOffsets, OnRecreatedTopic) {
        let Bounds { workers, on_lost_offsets, on_recreated_topic, .. } = self.bounds;
        if worker < workers {
            (on_lost_offsets, on_recreated_topic)
        } else {
            (OnLostOffsets::Resume, OnRecreatedTopic::Restart)
        }
    }
}

impl Model for Lanes {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![self.bounds.start()]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.wrong.is_some() {
            return;
        }
        self.chances(world, steps);
        for worker in 0..self.bounds.workers {
            self.work(world, worker, steps);
            if world.workers[worker] == Worker::default() {
                break;
            }
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        let left = &mut world.left;
        match step {
            Step::Trim { .. } => left.trims -= 1,
            Step::Recreate { .. } => left.recreations -= 1,
            Step::Return { .. } => left.returns -= 1,
            Step::Cut { .. } => left.cuts -= 1,
            Step::Crash { .. } => left.crashes -= 1,
            Step::GoOn { answer: Answer::Unheard, .. } | Step::Apply { answer: Answer::Unheard, .. } => {
                left.unheard -= 1;
            }
            Step::GoOn { answer: Answer::Late, .. } | Step::Apply { answer: Answer::Late, .. } => left.late -= 1,
            Step::Acquire { lane, .. } if last.positions.lanes.get(&lane).is_some_and(|lane| lane.holder.is_some()) => {
                left.steals -= 1;
            }
            _ => {}
        }
        self.step(&mut world, step);
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no event counts twice", Self::counts_once),
            Property::always("of each offset one record counts", Self::counts_one_record_of_each_offset),
            Property::always("nothing goes wrong", |_, world: &World| world.wrong.is_none()),
            Property::always("what is applied counts, what is named as lost does not", Self::counts_what_was_applied),
            Property::sometimes("everything is applied", |model: &Self, world: &World| {
                model.is_passed(world, &(0..model.bounds.partitions).collect::<Vec<_>>())
            }),
            Property::always("everything can be finished from here", Self::can_be_finished),
        ]
    }
}
