//! What may happen next, and what happens then.

use super::{
    Lanes, Step,
    database::Answer,
    world::{Bounds, Entry, Left, Log, Message, Task, Worker, World, topic_of},
};

impl Lanes {
    /// What a worker may do.
    pub(super) fn work(&self, world: &World, worker: usize, steps: &mut Vec<Step>) {
        let Worker { lane, task, .. } = &world.workers[worker];
        if lane.is_none() {
            for lane in 0..self.bounds.lanes {
                let is_held = world.positions.lanes.get(&lane).is_some_and(|lane| lane.holder.is_some());
                if !is_held || world.left.steals > 0 {
                    steps.push(Step::Acquire { worker, lane });
                }
            }
            return;
        }
        match task {
            Task::Idle => {
                // One that finds nothing would come back to where it is.
                if world.has_something_to_do() {
                    let all = 1..1_u8 << self.bounds.partitions;
                    steps.extend(all.map(|partitions| Step::Look { worker, partitions }));
                }
            }
            Task::Applying { keys, .. } if keys.iter().any(|entry| *entry != Entry::Done) => {
                for (key, entry) in keys.iter().enumerate().filter(|(_, entry)| **entry != Entry::Done) {
                    steps.push(Step::Apply { worker, key, answer: Answer::Heard });
                    if matches!(entry, Entry::Send) {
                        steps.extend(self.other_answers(world).map(|answer| Step::Apply { worker, key, answer }));
                    }
                }
            }
            _ => {
                steps.push(Step::GoOn { worker, answer: Answer::Heard });
                if matches!(task, Task::Doubting { .. }) {
                    steps.push(Step::Abandon { worker });
                }
                if matches!(task, Task::Claiming { .. } | Task::Naming { .. } | Task::Completing { .. }) {
                    steps.extend(self.other_answers(world).map(|answer| Step::GoOn { worker, answer }));
                }
            }
        }
    }

    pub(super) fn other_answers(&self, world: &World) -> impl Iterator<Item = Answer> + use<> {
        let Left { unheard, late, .. } = world.left;
        let unheard = (unheard > 0).then_some(Answer::Unheard);
        unheard.into_iter().chain((late > 0).then_some(Answer::Late))
    }

    /// What happens by chance, as often as the bounds allow.
    pub(super) fn chances(&self, world: &World, steps: &mut Vec<Step>) {
        let left = &world.left;
        for (partition, log) in world.logs.iter().enumerate() {
            if log.end < self.bounds.length {
                steps.push(Step::Arrive { partition });
            }
            if left.trims > 0 && log.first < log.end {
                steps.push(Step::Trim { partition });
            }
            if left.recreations > 0 {
                steps.push(Step::Recreate { partition });
            }
            // Of a topic that answers for less time than lies between two questions for its id, nobody learns.
            let id = Bounds::id(partition);
            let is_foreign = |worker: &Worker| match &worker.task {
                Task::Fetched { positions, fetched } | Task::Refetched { positions, fetched, .. } => {
                    let counted = positions.partitions.get(&id).map(topic_of);
                    fetched.topics.get(&id).is_some_and(|topic| Some(*topic) != counted)
                }
                _ => false,
            };
            if left.returns > 0 && world.replaced[partition].is_some() && !world.workers.iter().any(is_foreign) {
                steps.push(Step::Return { partition });
            }
            if left.cuts > 0 && log.cut.is_none() {
                steps.extend((log.first..log.end).map(|at| Step::Cut { partition, at }));
            }
        }
        steps.extend((0..world.messages.len()).map(|message| Step::Deliver { message }));
        for worker in 0..self.bounds.workers {
            if world.workers[worker] == Worker::default() {
                break; // workers are alike: the next one takes part after this one did
            }
            if left.crashes > 0 {
                steps.push(Step::Crash { worker });
            }
        }
    }

    pub(super) fn step(&self, world: &mut World, step: Step) {
        match step {
            Step::Arrive { partition } => world.logs[partition].end += 1,
            Step::Trim { partition } => world.logs[partition].first += 1,
            Step::Recreate { partition } => {
                let topic = world.logs[partition].topic + 1;
                let new = Log { topic, first: 0, end: self.bounds.length, cut: None };
                world.replaced[partition] = Some(std::mem::replace(&mut world.logs[partition], new));
            }
            Step::Return { partition } => Self::come_back(world, partition),
            Step::Cut { partition, at } => {
                let log = &mut world.logs[partition];
                (log.end, log.cut) = (at, Some(at));
            }
            Step::Acquire { worker, lane } => self.acquire(world, worker, lane),
            Step::Look { worker, partitions } => {
                let partitions = (0..self.bounds.partitions).filter(|partition| partitions >> partition & 1 == 1);
                self.look(world, worker, partitions.collect());
            }
            Step::GoOn { worker, answer } => self.go_on(world, worker, answer),
            Step::Abandon { worker } => world.workers[worker].task = Task::Idle,
            Step::Apply { worker, key, answer } => {
                self.apply(world, worker, key, answer);
                // All keys are done: what follows is decided without a look at anything.
                if matches!(&world.workers[worker].task, Task::Applying { keys, .. } if keys.iter().all(|key| *key == Entry::Done))
                {
                    self.go_on(world, worker, Answer::Heard);
                }
            }
            Step::Deliver { message } => match world.messages.remove(message) {
                Message::Update(update, events) => drop(self.update(world, &update, events)),
                Message::Change { key, change } => self.take(world, key, change),
            },
            Step::Crash { worker } => {
                let life = world.workers[worker].life + 1;
                world.workers[worker] = Worker { life, ..Worker::default() };
            }
        }
    }

    /// The log that was replaced takes the place of the one that stands.
    pub(super) fn come_back(world: &mut World, partition: usize) {
        if let Some(replaced) = &mut world.replaced[partition] {
            std::mem::swap(replaced, &mut world.logs[partition]);
        }
    }
}

impl World {
    pub(super) fn has_something_to_do(&self) -> bool {
        let is_open = self.positions.lanes.values().any(|lane| lane.open);
        is_open
            || self.positions.partitions.iter().any(|(id, position)| {
                let log = &self.logs[id.partition as usize];
                log.end != position.next
                    || log.topic != topic_of(position)
                    || log.cut.is_some()
                    || log.first > position.next
            })
    }
}
