//! A worker: finding out where to read, reading, flushing. It decides with the worker's own functions.

use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, EpochCheck, KafkaIds, LeaderEpoch, PartitionId},
};

use super::{
    Apply, Guarding,
    database::{Answer, Swap},
    world::{Bounds, Entry, Fate, Flush, KEYS, Named, Part, Phase, Round, Seen, Worker, World, topic_id, topic_of},
};
use crate::{
    core::{
        flight::{Claiming, Landed},
        position::{LogFacts, Policy, Resume, Stamp, is_of_topic, resume, successor},
    },
    folding::Rules,
    source::slot::Slot,
};

impl Apply {
    /// What identifies a write: with the version it writes, no other write has its name.
    fn stamp(worker: usize, life: u8, of: Swap) -> Stamp {
        Stamp { writer: format!("{worker}.{life} {of:?}"), generation: 1, at: Timestamp::default() }
    }

    /// Looks at the checkpoint and at the log, one after the other, and decides how to go on.
    pub fn look(&self, world: &mut World, worker: usize, partition: usize) {
        let log = &world.logs[partition];
        let standing = world.checkpoints[partition].clone();
        let leader = log.epoch(None);
        let facts = LogFacts {
            first: log.first,
            end: log.end,
            topic_id: Some(topic_id(log.topic)),
            cluster_id: None,
            epoch: EpochCheck::Unknown,
        };
        let asked = |checkpoint: &Checkpoint| match self.without {
            Some(Guarding::Epoch) => EpochCheck::Unknown,
            _ if topic_of(checkpoint) != log.topic => EpochCheck::Unknown,
            _ => log.check(checkpoint.known_epoch()),
        };
        let part = &world.workers[worker].parts[partition];
        let (checkpoint, facts) = match part {
            Part::Looked(Some(checkpoint), _) => (checkpoint.clone(), LogFacts { epoch: asked(checkpoint), ..facts }),
            Part::Looked(None, Some(facts)) => (standing, facts.clone()),
            _ if self.without == Some(Guarding::LogLast) => {
                world.workers[worker].parts[partition] = Part::Looked(None, Some(facts));
                return;
            }
            _ => {
                world.workers[worker].parts[partition] = Part::Looked(Some(standing), None);
                return;
            }
        };
        let life = world.workers[worker].life;
        let forgets = self.without == Some(Guarding::Replaced);
        let ids = if forgets { KafkaIds::default() } else { world.ids.clone() };
        let (on_lost_offsets, on_recreated_topic) = self.policy(worker);
        let decided = match self.without {
            Some(Guarding::NeverAgain) if facts.end < checkpoint.next => again(&checkpoint),
            _ => resume(&checkpoint, &facts, &Policy { on_lost_offsets, on_recreated_topic, ids: &ids }),
        };
        world.workers[worker].parts[partition] = match decided {
            Resume::Stop(_) => Part::Stopped,
            Resume::Rewrite { checkpoint: new, ids, note } => {
                let is_new = new.incarnation > checkpoint.incarnation;
                let named = named(&checkpoint, is_new, &note.unwrap_or_default(), self.bounds.length);
                let new = successor(&new, Self::stamp(worker, life, Swap::Rewrite));
                Part::Rewriting(new, named, Some(ids).filter(|ids| *ids != KafkaIds::default()))
            }
            Resume::Read { position, until, note } => {
                let partly = note.iter().flat_map(|note| partly(note)).collect();
                self.name(world, partition, &Named { topic: topic_of(&checkpoint), partly, ..Named::default() });
                let reclaims = self.without == Some(Guarding::Pending);
                let pending = checkpoint.pending.filter(|_| !reclaims);
                let until = until.filter(|_| self.without != Some(Guarding::Until));
                let slot = Slot::new(Checkpoint { pending, ..checkpoint }, until, Rules::default());
                Part::Reading { slot, position, epoch: leader, is_foreign: false }
            }
        };
    }

    /// Notes what is replaced, then writes the checkpoint that was decided on. Whoever won, it is decided anew.
    pub fn rewrite(&self, world: &mut World, worker: usize, partition: usize) {
        let part = std::mem::replace(&mut world.workers[worker].parts[partition], Part::Waiting);
        let notes_last = self.without == Some(Guarding::NotedFirst);
        match part {
            Part::Noting(ids) => world.ids.replaced_topics.extend(ids.replaced_topics),
            Part::Rewriting(checkpoint, named, Some(ids)) if !notes_last => {
                world.ids.replaced_topics.extend(ids.replaced_topics);
                world.workers[worker].parts[partition] = Part::Rewriting(checkpoint, named, None);
            }
            Part::Rewriting(checkpoint, named, ids) => {
                if self.swap(world, &checkpoint, Swap::Rewrite, 0) {
                    self.name(world, partition, &named);
                    let noting = ids.map_or(Part::Waiting, Part::Noting);
                    world.workers[worker].parts[partition] = noting;
                }
            }
            other => world.workers[worker].parts[partition] = other,
        }
    }

    /// Notes what is named as lost, which must be lost.
    fn name(&self, world: &mut World, partition: usize, named: &Named) {
        let log = world.logs[partition].clone();
        for (range, fate) in
            named.missing.iter().map(|r| (r, Fate::Missing)).chain(named.partly.iter().map(|r| (r, Fate::Partly)))
        {
            for offset in range.0..range.1.min(self.bounds.length) {
                let is_there = offset >= log.first && log.cut.is_none_or(|cut| offset < cut);
                // What was replaced may be there again by the time it is named.
                if log.topic == named.topic && is_there && self.bounds.left.returns == 0 {
                    world.wrong = Some("named what is there");
                }
                for epoch in 0..self.bounds.epochs() {
                    let event = self.bounds.event(named.topic, epoch as i32, partition, offset);
                    let of_event = &mut world.fates[event];
                    match (*of_event, fate) {
                        (Fate::Passed, Fate::Missing) => world.wrong = Some("named what counts as missing"),
                        (Fate::Due | Fate::Missing, _) => *of_event = fate,
                        (Fate::Passed | Fate::Partly, _) => {}
                    }
                }
            }
        }
    }

    /// Reads the next event, or finds that its place is not in the log.
    pub fn read(&self, world: &mut World, worker: usize, partition: usize) {
        let log = &world.logs[partition];
        let Worker { parts, .. } = &mut world.workers[worker];
        let Part::Reading { slot, position, epoch, is_foreign } = &mut parts[partition] else { return };
        // Who learns of another leader asks it for the epoch of what was read last.
        let is_cut = *epoch < log.epoch(None) && log.cut.is_some_and(|cut| *position > cut);
        *epoch = log.epoch(None);
        if is_cut || *position < log.first || *position > log.end {
            for part in parts.iter_mut().filter(|part| matches!(part, Part::Reading { .. })) {
                *part = Part::Waiting; // the error does not say whose place it is
            }
            return;
        }
        if *position == log.end {
            return;
        }
        let (offset, written) = (*position, log.epoch(Some(*position)));
        *is_foreign |= topic_of(slot.checkpoint()) != log.topic;
        let event = self.bounds.event(log.topic, written, partition, offset);
        *position += 1;
        if self.bounds.keys(event) == 0 {
            return;
        }
        for _again in 0..2 {
            slot.take_in(offset, |seen| {
                if seen.events >> event & 1 == 1 {
                    world.wrong = Some("an event was folded twice");
                }
                seen.events |= 1 << event;
                seen.end = offset + 1;
                seen.epoch = Some(LeaderEpoch { at: seen.end, value: written });
            });
        }
    }

    /// Hands everything that is ready to the flush, if its topic is still the same.
    pub fn take(&self, world: &mut World, worker: usize) {
        let life = world.workers[worker].life;
        let (mut taken, mut gone) = (Vec::new(), Vec::new());
        for (part, log) in world.workers[worker].parts.iter_mut().zip(&world.logs) {
            let Part::Reading { slot, .. } = part else { continue };
            let Some((checkpoint, seen)) = slot.take() else { continue };
            let unasked = self.without == Some(Guarding::Topic);
            if unasked || is_of_topic(&checkpoint, Some(&topic_id(log.topic))) {
                taken.push((checkpoint, seen));
            } else {
                gone.push(checkpoint.id);
            }
        }
        let trusts = self.without == Some(Guarding::AsClaimed);
        let epoch =
            |checkpoint: &Checkpoint, seen: &Seen| seen.epoch.filter(|_| !trusts || checkpoint.pending.is_none());
        let parts = taken.iter().map(|(checkpoint, seen)| (checkpoint, seen.end, epoch(checkpoint, seen)));
        let claiming = Claiming::begin(parts, || Self::stamp(worker, life, Swap::Claim));
        let answers = vec![None; claiming.wanted().len()];
        let ranges = taken.into_iter().map(|(checkpoint, seen)| (checkpoint.id, seen)).collect();
        let flush = Flush { ranges, gone, phase: Phase::Claiming(claiming, answers) };
        world.workers[worker].flush = Some(flush);
        self.advance(world, worker);
    }

    /// Goes on with a flush, one write or read at a time.
    pub fn write(&self, world: &mut World, worker: usize, index: usize, answer: Answer) {
        let Some(mut flush) = world.workers[worker].flush.take() else { return };
        match &mut flush.phase {
            Phase::Claiming(claiming, answers) => {
                let written = self.swap(world, &claiming.wanted()[index], Swap::Claim, 0);
                answers[index] = (answer == Answer::Heard).then_some(written);
            }
            Phase::Completing(completing, answers) => {
                let new = &completing.done()[index];
                let events = flush.ranges.iter().find(|(id, _)| *id == new.id).map_or(0, |(_, seen)| seen.events);
                let written = self.swap(world, new, Swap::Completion, events);
                answers[index] = (answer == Answer::Heard).then_some(written);
            }
            Phase::Applying(applying, round) => {
                let entry = &mut round.entries[index];
                match entry {
                    Entry::Refused(of) => *entry = Entry::Marked(of.clone(), world.documents[index].marks.clone()),
                    _ => self.upsert(world, index, applying.held(), &flush.ranges, entry, answer),
                }
            }
        }
        world.workers[worker].flush = Some(flush);
        self.advance(world, worker);
    }

    /// Looks at the checkpoints: which writes stand, or what the refused upserts come to.
    pub fn consult(&self, world: &mut World, worker: usize) {
        let Some(mut flush) = world.workers[worker].flush.take() else { return };
        match &mut flush.phase {
            Phase::Claiming(claiming, answers) => {
                *answers = self.recheck(world, claiming.wanted()).into_iter().map(Some).collect();
                let stand: Vec<bool> = answers.iter().flatten().copied().collect();
                flush.phase = self.applying(&flush.ranges, claiming.clone(), &stand);
            }
            Phase::Completing(completing, _) => {
                let stand = self.recheck(world, completing.done());
                let landed = completing.clone().completed(&stand);
                return Self::land(world, worker, landed, flush.gone);
            }
            Phase::Applying(applying, round) => {
                let refused = round.entries.iter().any(|entry| matches!(entry, Entry::Refused(_)));
                if refused {
                    round.early = Some(world.checkpoints.clone());
                } else {
                    self.judge(world, applying.held(), round);
                }
            }
        }
        world.workers[worker].flush = Some(flush);
        self.advance(world, worker);
    }

    fn applying(&self, ranges: &[(PartitionId, Seen)], claiming: Claiming, stand: &[bool]) -> Phase {
        let applying = claiming.claimed(stand);
        let touches = |key: usize, claim: &Checkpoint| {
            let seen = ranges.iter().find(|(id, _)| *id == claim.id).map_or(0, |(_, seen)| seen.events);
            (0..self.bounds.events()).any(|event| seen >> event & 1 == 1 && self.bounds.keys(event) >> key & 1 == 1)
        };
        let entry = |key: usize| {
            let held = applying.held();
            let of: Vec<usize> = (0..held.len()).filter(|index| touches(key, &held[*index])).collect();
            match key {
                _ if of.is_empty() => Entry::Done,
                0 => Entry::Send(of),
                _ => Entry::Together(of),
            }
        };
        let round = Round { entries: (0..KEYS).map(entry).collect(), void: Vec::new(), early: None };
        Phase::Applying(applying, round)
    }

    /// Takes the steps that need nobody's answer.
    fn advance(&self, world: &mut World, worker: usize) {
        let life = world.workers[worker].life;
        let Some(flush) = &mut world.workers[worker].flush else { return };
        if let Phase::Claiming(claiming, answers) = &flush.phase
            && answers.iter().all(|answer| *answer == Some(true))
        {
            let stand = vec![true; answers.len()];
            flush.phase = self.applying(&flush.ranges, claiming.clone(), &stand);
        }
        if let Phase::Applying(applying, round) = &flush.phase
            && round.entries.iter().all(|entry| *entry == Entry::Done)
        {
            let tally = |id: &_| flush.ranges.iter().find(|(of, _)| of == id).map(|(_, seen)| seen.tally());
            let tally = |id: &_| tally(id).unwrap_or_default();
            let completing =
                applying.clone().applied(&round.void, tally, || Self::stamp(worker, life, Swap::Completion));
            let answers = vec![None; completing.done().len()];
            flush.phase = Phase::Completing(completing, answers);
        }
        if let Phase::Completing(completing, answers) = &flush.phase
            && answers.iter().all(|answer| *answer == Some(true))
        {
            let landed = completing.clone().completed(&vec![true; answers.len()]);
            let gone = flush.gone.clone();
            Self::land(world, worker, landed, gone);
        }
    }

    /// Takes in what became of a flush.
    fn land(world: &mut World, worker: usize, landed: Landed, gone: Vec<PartitionId>) {
        let Worker { parts, flush, .. } = &mut world.workers[worker];
        *flush = None;
        for checkpoint in landed.completed {
            let part = &mut parts[checkpoint.id.partition as usize];
            match part {
                Part::Reading { slot, .. } if slot.is_cut() && slot.is_in_flight() => *part = Part::Waiting,
                Part::Reading { slot, .. } => slot.completed(checkpoint),
                _ => {}
            }
        }
        for id in landed.lost.into_iter().chain(gone) {
            let part = &mut parts[id.partition as usize];
            if matches!(part, Part::Reading { .. }) {
                *part = Part::Waiting; // what is lost is begun again from what stands
            }
        }
    }

    pub fn crash(bounds: &Bounds, world: &mut World, worker: usize) {
        let life = world.workers[worker].life + 1;
        world.workers[worker] = Worker { life, parts: vec![Part::None; bounds.partitions], flush: None };
    }
}

/// What a note about a checkpoint names, read as a person would.
fn named(checkpoint: &Checkpoint, is_new_topic: bool, note: &str, length: i64) -> Named {
    let deleted = note.split_once(" before they were read").map(|(deleted, _)| ranges(deleted));
    let missing = if is_new_topic { vec![(checkpoint.next, length)] } else { deleted.unwrap_or_default() };
    Named { topic: topic_of(checkpoint), missing, partly: partly(note) }
}

/// The ranges of which a note says that they may be counted in part: the last one in front of these words.
fn partly(note: &str) -> Vec<(i64, i64)> {
    let (before, _) = note.split_once("may be counted in part").unwrap_or_default();
    ranges(before).pop().into_iter().collect()
}

/// What was decided of a log that is shorter before it had another rule: it would be another topic's.
fn again(checkpoint: &Checkpoint) -> Resume {
    let incarnation = checkpoint.incarnation + 1;
    let checkpoint = Checkpoint { incarnation, next: 0, pending: None, epoch: None, ..checkpoint.clone() };
    Resume::Rewrite { checkpoint: Box::new(checkpoint), ids: KafkaIds::default(), note: None }
}

/// The ranges `[a, b)` in a text, in order.
fn ranges(text: &str) -> Vec<(i64, i64)> {
    let range = |part: &str| {
        let (a, b) = part.split_once(')')?.0.split_once(", ")?;
        Some((a.parse().ok()?, b.parse().ok()?))
    };
    text.split('[').skip(1).filter_map(range).collect()
}
