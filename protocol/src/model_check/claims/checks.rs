//! What must hold in every state.

use super::{
    Lanes, Step,
    database::Answer,
    world::{Bounds, Entry, Fate, Task, Worker, World, topic_of},
};
use crate::positions::LaneId;

impl Lanes {
    /// Whether one worker that comes now finishes everything: in whichever lane, with all partitions or with one of them.
    pub(super) fn can_be_finished(&self, world: &World) -> bool {
        let World { logs, replaced, positions, documents, fates, messages, .. } = world;
        self.finished.once((logs, replaced, positions, documents, fates, messages), || {
            let all: Vec<usize> = (0..self.bounds.partitions).collect();
            let each = all.iter().map(|partition| vec![*partition]);
            let mut reading = std::iter::once(all.clone()).chain(each);
            reading.all(|partitions| (0..self.bounds.lanes).all(|lane| self.finishes(world.clone(), lane, &partitions)))
        })
    }

    pub(super) fn finishes(&self, mut world: World, lane: LaneId, partitions: &[usize]) -> bool {
        for (id, position) in world.positions.partitions.clone() {
            if world.logs[id.partition as usize].topic < topic_of(&position) {
                Self::come_back(&mut world, id.partition as usize); // no position goes on before that
            }
        }
        let worker = world.workers.len();
        world.workers.push(Worker::default());
        self.acquire(&mut world, worker, lane);
        for _ in 0..200 {
            if world.wrong.is_some() || self.is_passed(&world, partitions) {
                break;
            }
            match &world.workers[worker].task {
                Task::Idle if world.workers[worker].lane.is_none() => self.acquire(&mut world, worker, lane),
                Task::Idle => self.look(&mut world, worker, partitions.to_vec()),
                Task::Applying { keys, .. } if keys.iter().any(|entry| *entry != Entry::Done) => {
                    let key = keys.iter().position(|entry| *entry != Entry::Done).unwrap_or_default();
                    self.apply(&mut world, worker, key, Answer::Heard);
                }
                _ => self.go_on(&mut world, worker, Answer::Heard),
            }
        }
        // What is on its way arrives in the end.
        while let Some(message) = world.messages.len().checked_sub(1) {
            self.step(&mut world, Step::Deliver { message });
        }
        world.wrong.is_none()
            && self.is_passed(&world, partitions)
            && self.counts_once(&world)
            && self.counts_one_record_of_each_offset(&world)
            && self.counts_what_was_applied(&world)
    }

    /// Whether the positions are behind all that there is.
    pub(super) fn is_passed(&self, world: &World, partitions: &[usize]) -> bool {
        partitions.iter().all(|partition| {
            let log = &world.logs[*partition];
            world.positions.partitions.get(&Bounds::id(*partition)).is_some_and(|position| {
                position.pending.is_none() && topic_of(position) == log.topic && position.next >= log.end
            })
        })
    }

    pub(super) fn counts(&self, world: &World, holds: impl Fn(Fate, u8) -> bool) -> bool {
        (0..world.fates.len()).all(|event| {
            world.documents.iter().enumerate().all(|(key, document)| {
                !self.bounds.touches(event, key) || holds(world.fates[event], document.counted[event])
            })
        })
    }

    pub(super) fn counts_once(&self, world: &World) -> bool {
        self.counts(world, |_, count| count < 2)
    }

    pub(super) fn counts_what_was_applied(&self, world: &World) -> bool {
        self.counts(world, |fate, count| match fate {
            Fate::Applied => count == 1,
            Fate::Lost => count == 0,
            Fate::Due | Fate::Partial => true,
        })
    }

    /// Of what was written at one offset one after the other, only one counts, whatever the document.
    pub(super) fn counts_one_record_of_each_offset(&self, world: &World) -> bool {
        let counts = |event: usize| world.documents.iter().any(|document| document.counted[event] > 0);
        let Bounds { partitions, length, .. } = self.bounds;
        (0..self.bounds.topics()).all(|topic| {
            (0..partitions).all(|partition| {
                let event = |epoch, offset| self.bounds.event(topic, epoch, partition, offset);
                self.bounds.epochs() < 2 || (0..length).all(|at| !counts(event(0, at)) || !counts(event(1, at)))
            })
        })
    }
}
