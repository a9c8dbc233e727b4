//! Claim, apply, complete: each event counts once, whatever happens in between.

mod database;
mod tests;
mod worker;
mod world;

use database::Answer;
use stateright::{Model, Property};
use stockstream_model::settings::{OnLostOffsets, OnRecreatedTopic};
use world::{Bounds, Entry, Fate, Left, Log, Part, Phase, Worker, World, topic_of};

use super::Known;

/// A guard that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarding {
    /// A claim is written only over the checkpoint it was made from.
    Claim,
    /// An upsert looks at the marks.
    Mark,
    /// A range that is claimed is applied under the claim it has.
    Pending,
    /// The checkpoint is read after the marks of what was refused.
    CheckpointLast,
    /// The incarnation is part of a mark.
    Incarnation,
    /// The log is looked at after the checkpoint was read.
    LogLast,
    /// A write is known again by its writer.
    Writer,
    /// The controller is asked whether the topic is the same.
    Topic,
    /// A log that is shorter than its position is not counted again.
    NeverAgain,
    /// The leader is asked whether the log holds what was read of it.
    Epoch,
    /// What is read again of a claim must end in the record that was claimed.
    AsClaimed,
    /// Of a claim that was cut, nothing is read that took the place of what was lost.
    Until,
    /// A topic that was replaced is known again.
    Replaced,
    /// It is noted before a checkpoint says so.
    NotedFirst,
}

/// The model.
pub struct Apply {
    pub bounds: Bounds,
    pub without: Option<Guarding>,
    /// What stands in logs and database, as hashes, where it is known how it ends.
    ended: Known,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Arrive { partition: usize },
    Trim { partition: usize },
    Remake { partition: usize },
    Return { partition: usize },
    Cut { partition: usize, at: i64 },
    Assign { worker: usize, partition: usize },
    Look { worker: usize, partition: usize },
    Rewrite { worker: usize, partition: usize },
    Read { worker: usize, partition: usize },
    Take { worker: usize },
    Write { worker: usize, index: usize, answer: Answer },
    Consult { worker: usize },
    Crash { worker: usize },
}

impl Apply {
    pub fn new(bounds: Bounds, without: Option<Guarding>) -> Self {
        Self { bounds, without, ended: Known::default() }
    }

    /// Whoever is asked last is told to go on without what is lost.
    fn policy(&self, worker: usize) -> (OnLostOffsets, OnRecreatedTopic) {
        let Bounds { workers, policy, recreated, .. } = self.bounds;
        if worker < workers { (policy, recreated) } else { (OnLostOffsets::Resume, OnRecreatedTopic::Restart) }
    }

    /// What a worker may do by itself.
    fn work(&self, world: &World, worker: usize, steps: &mut Vec<Step>) {
        let Worker { parts, flush, .. } = &world.workers[worker];
        for (partition, part) in parts.iter().enumerate() {
            match part {
                Part::None | Part::Stopped => {}
                Part::Waiting | Part::Looked(..) => steps.push(Step::Look { worker, partition }),
                Part::Rewriting(..) | Part::Noting(_) => steps.push(Step::Rewrite { worker, partition }),
                Part::Reading { position, epoch, .. } => {
                    let log = &world.logs[partition];
                    if *position != log.end || *epoch != log.epoch(None) {
                        steps.push(Step::Read { worker, partition });
                    }
                }
            }
        }
        let Some(flush) = flush else {
            if parts.iter().any(|part| matches!(part, Part::Reading { slot, .. } if slot.is_ready())) {
                steps.push(Step::Take { worker });
            }
            return;
        };
        let write = |index| Step::Write { worker, index, answer: Answer::Heard };
        let open =
            |answers: &[Option<bool>]| (0..answers.len()).filter(|index| answers[*index].is_none()).collect::<Vec<_>>();
        match &flush.phase {
            Phase::Claiming(_, answers) | Phase::Completing(_, answers) => {
                steps.extend(open(answers).into_iter().map(write));
                if answers.iter().all(Option::is_some) {
                    steps.push(Step::Consult { worker });
                }
            }
            Phase::Applying(_, round) => {
                let with = |wanted: fn(&Entry) -> bool| {
                    let entries = round.entries.iter().enumerate();
                    entries.filter(move |(_, entry)| wanted(entry)).map(|(key, _)| key)
                };
                let sent = with(Entry::is_to_be_sent).count();
                let refused = with(|entry| matches!(entry, Entry::Refused(_))).count();
                if sent > 0 {
                    steps.extend(with(Entry::is_to_be_sent).map(write));
                } else if self.without == Some(Guarding::CheckpointLast) && refused > 0 && round.early.is_none() {
                    steps.push(Step::Consult { worker });
                } else if refused > 0 {
                    steps.extend(with(|entry| matches!(entry, Entry::Refused(_))).map(write));
                } else {
                    steps.push(Step::Consult { worker });
                }
            }
        }
    }

    /// Whether a worker that takes everything over comes to the right end.
    fn ends(&self, world: &World) -> bool {
        let World { logs, replaced, checkpoints, ids, documents, fates, .. } = world;
        self.ended.once((logs, replaced, checkpoints, ids, documents, fates), || self.takes_over(world.clone()))
    }

    fn takes_over(&self, mut world: World) -> bool {
        for (partition, checkpoint) in world.checkpoints.clone().iter().enumerate() {
            if world.logs[partition].topic < topic_of(checkpoint) {
                Self::come_back(&mut world, partition); // no position goes on before that
            }
        }
        let worker = world.workers.len();
        world.workers.push(Worker { life: 0, parts: vec![Part::Waiting; self.bounds.partitions], flush: None });
        let mut steps = Vec::new();
        for _turn in 0..200 {
            steps.clear();
            self.work(&world, worker, &mut steps);
            let Some(step) = steps.first() else { break };
            self.step(&mut world, *step);
        }
        world.wrong.is_none()
            && self.is_passed(&world)
            && self.counts_once(&world)
            && self.counts_one_record_of_each_offset(&world)
            && self.what_is_passed_counts(&world)
    }

    /// Whether the positions are behind all that there is.
    fn is_passed(&self, world: &World) -> bool {
        world.checkpoints.iter().zip(&world.logs).all(|(checkpoint, log)| {
            (checkpoint.pending, topic_of(checkpoint)) == (None, log.topic)
                && (checkpoint.next..log.end).all(|offset| self.bounds.gap == Some(offset))
        })
    }

    fn counts(&self, world: &World, holds: impl Fn(Fate, u8) -> bool) -> bool {
        let of_key = |key: usize, event: usize| {
            self.bounds.keys(event) >> key & 1 == 0 || holds(world.fates[event], world.documents[key].counted[event])
        };
        (0..world.fates.len()).all(|event| (0..world.documents.len()).all(|key| of_key(key, event)))
    }

    fn counts_once(&self, world: &World) -> bool {
        self.counts(world, |_, count| count < 2)
    }

    /// Of what was written at one offset one after the other, only one counts, whatever the key.
    fn counts_one_record_of_each_offset(&self, world: &World) -> bool {
        let counts = |event: usize| world.documents.iter().any(|document| document.counted[event] > 0);
        let Bounds { partitions, length, left, .. } = self.bounds;
        (0..=usize::from(left.remakes)).all(|topic| {
            (0..partitions).all(|partition| {
                let event = |epoch, offset| self.bounds.event(topic, epoch, partition, offset);
                self.bounds.epochs() < 2 || (0..length).all(|at| !counts(event(0, at)) || !counts(event(1, at)))
            })
        })
    }

    fn what_is_passed_counts(&self, world: &World) -> bool {
        self.counts(world, |fate, count| match fate {
            Fate::Passed => count == 1,
            Fate::Missing => count == 0,
            Fate::Due | Fate::Partly => true,
        })
    }

    /// Counters follow positions, where nothing was lost.
    fn tallies(&self, world: &World) -> bool {
        let is_event = |offset: &i64| self.bounds.gap != Some(*offset);
        let Left { trims, remakes, cuts, .. } = self.bounds.left;
        let lossless = (trims, remakes, cuts) == (0, 0, 0);
        !lossless || world.checkpoints.iter().all(|c| c.events == (0..c.next).filter(is_event).count() as i64)
    }

    fn step(&self, world: &mut World, step: Step) {
        match step {
            Step::Arrive { partition } => world.logs[partition].end += 1,
            Step::Trim { partition } => world.logs[partition].first += 1,
            Step::Remake { partition } => {
                let topic = world.logs[partition].topic + 1;
                let new = Log { topic, first: 0, end: self.bounds.length, cut: None };
                world.replaced[partition] = Some(std::mem::replace(&mut world.logs[partition], new));
            }
            Step::Return { partition } => Self::come_back(world, partition),
            Step::Cut { partition, at } => {
                let log = &mut world.logs[partition];
                *log = Log { end: at, cut: Some(at), ..log.clone() };
            }
            Step::Assign { worker, partition } => world.workers[worker].parts[partition] = Part::Waiting,
            Step::Look { worker, partition } => self.look(world, worker, partition),
            Step::Rewrite { worker, partition } => self.rewrite(world, worker, partition),
            Step::Read { worker, partition } => self.read(world, worker, partition),
            Step::Take { worker } => self.take(world, worker),
            Step::Write { worker, index, answer } => self.write(world, worker, index, answer),
            Step::Consult { worker } => self.consult(world, worker),
            Step::Crash { worker } => Self::crash(&self.bounds, world, worker),
        }
    }

    /// The log that was replaced takes the place of the one that stands.
    fn come_back(world: &mut World, partition: usize) {
        if let Some(replaced) = &mut world.replaced[partition] {
            std::mem::swap(replaced, &mut world.logs[partition]);
        }
    }

    /// What happens by chance, as often as the bounds allow.
    fn chances(&self, world: &World, steps: &mut Vec<Step>) {
        let left = &world.left;
        for (partition, log) in world.logs.iter().enumerate() {
            if log.end < self.bounds.length {
                steps.push(Step::Arrive { partition });
            }
            if left.trims > 0 && log.first < log.end {
                steps.push(Step::Trim { partition });
            }
            if left.remakes > 0 {
                steps.push(Step::Remake { partition });
            }
            // The topic is asked for between reading and claiming: of one that answers for so short a time nobody learns.
            let is_foreign =
                |worker: &Worker| matches!(worker.parts[partition], Part::Reading { is_foreign: true, .. });
            if left.returns > 0 && world.replaced[partition].is_some() && !world.workers.iter().any(is_foreign) {
                steps.push(Step::Return { partition });
            }
            if left.cuts > 0 && log.cut.is_none() {
                steps.extend((log.first..log.end).map(|at| Step::Cut { partition, at }));
            }
        }
        let is_new = |worker: &Worker| {
            *worker == Worker { parts: vec![Part::None; self.bounds.partitions], ..Worker::default() }
        };
        for (worker, of) in world.workers.iter().enumerate() {
            if left.moves > 0 {
                steps.extend((0..world.logs.len()).map(|partition| Step::Assign { worker, partition }));
            }
            if is_new(of) {
                break; // workers are alike: the next one takes part after this one did
            }
            if left.crashes > 0 && of.parts.iter().any(|part| *part != Part::None) {
                steps.push(Step::Crash { worker });
            }
            let awaits = |index: &usize| match of.flush.as_ref().map(|flush| &flush.phase) {
                Some(Phase::Claiming(_, answers) | Phase::Completing(_, answers)) => answers.get(*index) == Some(&None),
                Some(Phase::Applying(_, round)) => round.entries.get(*index).is_some_and(Entry::is_to_be_sent),
                None => false,
            };
            if left.unheard > 0 {
                let unheard = |index| Step::Write { worker, index, answer: Answer::Unheard };
                steps.extend((0..2).filter(awaits).map(unheard));
            }
        }
    }
}

impl Model for Apply {
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
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        let left = &mut world.left;
        match step {
            Step::Trim { .. } => left.trims -= 1,
            Step::Remake { .. } => left.remakes -= 1,
            Step::Return { .. } => left.returns -= 1,
            Step::Cut { .. } => left.cuts -= 1,
            Step::Assign { .. } => left.moves -= 1,
            Step::Crash { .. } => left.crashes -= 1,
            Step::Write { answer: Answer::Unheard, .. } => left.unheard -= 1,
            _ => {}
        }
        self.step(&mut world, step);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no event counts twice", Self::counts_once),
            Property::always("of each offset one record counts", Self::counts_one_record_of_each_offset),
            Property::always("nothing goes wrong", |_, world: &World| world.wrong.is_none()),
            Property::always("what is passed counts, what is named missing does not", Self::what_is_passed_counts),
            Property::always("counters follow positions", Self::tallies),
            Property::sometimes("everything is passed", Self::is_passed),
            Property::always("from here the right end can be reached", Self::ends),
        ]
    }
}
