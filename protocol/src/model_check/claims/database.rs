//! The database: conditional updates of positions, guarded changes of documents, and what each of them must never do.

use std::collections::BTreeMap;

use crate::{
    claim::{ClaimRequest, Completion, MarkVerdict, accepts, judge_mark},
    positions::{OffsetRange, Position, Positions},
    update::Update,
};

use super::{
    Guard, Lanes,
    world::{Change, Entry, Fate, Message, World, topic_of},
};

/// Whether the sender of a write hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Heard,
    Unheard,
    /// It takes effect later, and the sender does not wait.
    Late,
}

impl Lanes {
    /// Sends an update of the positions. `None` where its sender hears nothing.
    pub fn send(&self, world: &mut World, update: &Update, events: u32, answer: Answer) -> Option<bool> {
        match answer {
            Answer::Heard => Some(self.update(world, update, events)),
            Answer::Unheard => {
                self.update(world, update, events);
                None
            }
            Answer::Late => {
                world.messages.push(Message::Update(update.clone(), events));
                world.messages.sort_by_cached_key(|message| format!("{message:?}"));
                None
            }
        }
    }

    /// Applies an update if its condition holds, but for the part of the condition that is left out.
    pub fn update(&self, world: &mut World, update: &Update, events: u32) -> bool {
        if !update.condition(&self.lenient(&world.positions, update)) {
            return false;
        }
        let before = world.positions.clone();
        // What its condition would have kept from happening happens.
        world.positions = self.lenient(&world.positions, update);
        let applied = update.apply(&mut world.positions);
        self.restore(&before, &mut world.positions, update);
        self.check(world, &before, update, events);
        applied
    }

    /// The positions as the condition sees them where a part of it is left out.
    fn lenient(&self, positions: &Positions, update: &Update) -> Positions {
        let mut seen = positions.clone();
        match (update, self.without) {
            (Update::Claim(ClaimRequest { claim, .. }), Some(guard)) => {
                for (id, range) in &claim.partitions {
                    let Some(position) = seen.partitions.get_mut(id) else { continue };
                    match guard {
                        Guard::ClaimIncarnation => position.incarnation = range.incarnation,
                        Guard::ClaimNext => position.next = range.start,
                        Guard::ClaimPending => position.pending = None,
                        Guard::ClaimFrozen => position.frozen = None,
                        _ => {}
                    }
                }
                if let Some(lane) = seen.lanes.get_mut(&claim.lane) {
                    match guard {
                        Guard::ClaimSeq => lane.seq = claim.seq - 1,
                        Guard::ClaimLaneClosed => lane.open = false,
                        _ => {}
                    }
                }
            }
            (Update::Complete(Completion { lane, seq, partitions, .. }), Some(Guard::Completion)) => {
                if let Some(lane) = seen.lanes.get_mut(lane) {
                    (lane.open, lane.seq) = (true, *seq);
                }
                for (id, applied) in partitions {
                    if let Some(pending) = seen.partitions.get_mut(id).and_then(|position| position.pending.as_mut()) {
                        (pending.lane, pending.seq, pending.end) = (*lane, *seq, applied.end);
                    }
                }
            }
            _ => {}
        }
        seen
    }

    /// Takes back what was only made believe, where the update did not write it.
    fn restore(&self, before: &Positions, after: &mut Positions, update: &Update) {
        let Update::Claim(ClaimRequest { claim, .. }) = update else { return };
        for id in claim.partitions.keys() {
            let (Some(old), Some(new)) = (before.partitions.get(id), after.partitions.get_mut(id)) else { continue };
            (new.incarnation, new.next) = (old.incarnation, old.next);
            new.frozen.clone_from(&old.frozen);
        }
    }

    /// Notes what an update says of events, and what must not happen.
    fn check(&self, world: &mut World, before: &Positions, update: &Update, events: u32) {
        for (id, new) in &world.positions.partitions {
            let Some(old) = before.partitions.get(id) else { continue };
            if (new.incarnation, new.next) < (old.incarnation, old.next) {
                world.wrong = Some("a position went back");
            }
        }
        if before.lanes.iter().any(|(id, old)| world.positions.lanes.get(id).is_none_or(|new| new.seq < old.seq)) {
            world.wrong = Some("a lane's sequence went back");
        }
        match update {
            Update::Claim(ClaimRequest { claim, .. }) => {
                let is_frozen = |position: &Position| position.frozen.is_some();
                if claim.partitions.keys().any(|id| before.partitions.get(id).is_some_and(is_frozen)) {
                    world.wrong = Some("a frozen partition was claimed");
                }
            }
            Update::Complete(completion) => {
                for id in completion.partitions.keys() {
                    let Some(old) = before.partitions.get(id).cloned() else { continue };
                    let end = old.pending.map_or(old.next, |pending| pending.end);
                    self.pass(world, id.partition as usize, &old, (old.next, end), events);
                }
            }
            Update::LoseClaimed { id, range, .. } => {
                let Some(old) = before.partitions.get(id) else { return };
                self.lose(world, id.partition as usize, old, *range, Fate::Partial);
            }
            Update::Move { id, expected, position, .. } => {
                let partition = id.partition as usize;
                let end = if position.incarnation > expected.incarnation { self.bounds.length } else { position.next };
                if let Some(range) = OffsetRange::new(expected.next, end) {
                    self.lose(world, partition, expected, range, Fate::Lost);
                }
            }
            Update::AcquireLane { .. } | Update::ReleaseLane { .. } | Update::AddPartition { .. } => {}
        }
    }

    /// A completed claim passes a range: what it folded counts.
    fn pass(&self, world: &mut World, partition: usize, old: &Position, range: (i64, i64), events: u32) {
        for offset in range.0..range.1.min(self.bounds.length) {
            for epoch in 0..self.bounds.epochs() {
                let event = self.bounds.event(topic_of(old), epoch as i32, partition, offset);
                if events >> event & 1 == 1 && world.fates[event] == Fate::Due {
                    world.fates[event] = Fate::Applied;
                }
            }
            let passed = (0..self.bounds.epochs()).any(|epoch| {
                world.fates[self.bounds.event(topic_of(old), epoch as i32, partition, offset)] != Fate::Due
            });
            if !passed {
                world.wrong = Some("a position passed what was neither folded nor named as lost");
            }
        }
    }

    /// Notes what is named as lost, which must be lost.
    fn lose(&self, world: &mut World, partition: usize, old: &Position, range: OffsetRange, fate: Fate) {
        let (log, topic) = (world.logs[partition].clone(), topic_of(old));
        for offset in range.start..range.end.min(self.bounds.length) {
            let is_there = |epoch: usize| {
                log.topic == topic && (log.first..log.end).contains(&offset) && log.epoch_of(offset) == epoch as i32
            };
            // An event of the first leader is named; what the second one wrote in its place never counts.
            if is_there(0) && self.bounds.left.returns == 0 {
                world.wrong = Some("what is there was named as lost");
            }
            for epoch in 0..self.bounds.epochs() {
                let event = self.bounds.event(topic, epoch as i32, partition, offset);
                if world.fates[event] == Fate::Due {
                    world.fates[event] = fate;
                }
            }
        }
    }

    /// One change of one document, up to where the server inserts a document that it did not find.
    pub fn change(&self, world: &mut World, key: usize, change: Change, entry: Entry, answer: Answer) -> Entry {
        let document = &world.documents[key];
        let accepted = self.accepts(document.marks.get(&change.lane).copied(), change.seq);
        match (entry, answer) {
            (Entry::Send, Answer::Heard) if !document.exists => return Entry::Insert,
            (Entry::Send, Answer::Heard) if !accepted => return Entry::Refused,
            (Entry::Insert, Answer::Heard) if document.exists => return Entry::Refused,
            (_, Answer::Late) => {
                world.messages.push(Message::Change { key, change });
                world.messages.sort_by_cached_key(|message| format!("{message:?}"));
                return Entry::Send;
            }
            _ => {}
        }
        self.take(world, key, change);
        if answer == Answer::Heard { Entry::Done } else { Entry::Send }
    }

    fn accepts(&self, mark: Option<i64>, seq: i64) -> bool {
        match self.without {
            Some(Guard::Mark) => true,
            Some(Guard::MarkIsStrict) => accepts(mark.map(|mark| mark - 1), seq),
            _ => accepts(mark, seq),
        }
    }

    /// A document takes a change, if its mark lets it.
    pub fn take(&self, world: &mut World, key: usize, change: Change) {
        let document = &mut world.documents[key];
        let mark = document.marks.get(&change.lane).copied();
        if !self.accepts(mark, change.seq) {
            return;
        }
        document.exists = true;
        for event in 0..document.counted.len() {
            if change.events >> event & 1 == 1 && self.bounds.touches(event, key) {
                document.counted[event] = (document.counted[event] + 1).min(2);
            }
        }
        if mark.is_some_and(|mark| mark > change.seq) {
            world.wrong = Some("a mark went back");
        }
        document.marks.insert(change.lane, change.seq);
    }

    /// What a refusal means.
    pub fn judge(&self, marks: &BTreeMap<u32, i64>, change: Change) -> MarkVerdict {
        match judge_mark(marks.get(&change.lane).copied(), change.seq) {
            MarkVerdict::Applied if self.without == Some(Guard::EqualMark) => MarkVerdict::Superseded,
            verdict => verdict,
        }
    }
}
