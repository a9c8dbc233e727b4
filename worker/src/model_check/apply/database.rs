//! The database: compare-and-set, guarded upserts, and what each of them must never do.

use stockstream_model::documents::{Checkpoint, PartitionId};
use stockstream_store::core::{
    swap::{follows, which_stand},
    verdict::{Guard, Judgement, judge},
};

use super::{
    Apply, Guarding,
    world::{Document, Entry, Fate, KEYS, Round, Seen, World, topic_of},
};

/// What is lost when a write is not acknowledged, and when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Heard,
    Unheard,
}

/// What a checkpoint is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    Claim,
    /// What it passes counts.
    Completion,
    Rewrite,
}

impl Apply {
    /// Writes a checkpoint by compare-and-set; returns whether it was written. A completion has folded these events.
    pub fn swap(&self, world: &mut World, new: &Checkpoint, of: Swap, events: u32) -> bool {
        let standing = &mut world.checkpoints[new.id.partition as usize];
        let unasked = of == Swap::Claim && self.without == Some(Guarding::Claim);
        if !follows(new, standing) && !unasked {
            return false;
        }
        let old = std::mem::replace(standing, new.clone());
        if (new.incarnation, new.next) < (old.incarnation, old.next) || new.version <= old.version {
            world.wrong = Some("a position went back");
        }
        if of == Swap::Completion {
            for offset in old.next..new.next {
                self.pass(world, &old, offset, events);
            }
        }
        true
    }

    /// A position passes an offset: what was claimed there counts, and where the log lost it since, may count in part.
    fn pass(&self, world: &mut World, claimed: &Checkpoint, offset: i64, events: u32) {
        let partition = claimed.id.partition as usize;
        let event = |epoch| self.bounds.event(topic_of(claimed), epoch, partition, offset);
        let log = &world.logs[partition];
        let is_lost = log.topic == topic_of(claimed) && log.cut.is_some_and(|cut| offset >= cut);
        let was_folded = events >> event(0) & 1 == 1;
        let was_claimed_before = claimed.known_epoch().is_some_and(|epoch| epoch.value == 0);
        let (event, fate) = match () {
            () if !is_lost || was_folded => (event(0), Fate::Passed),
            () if was_claimed_before => (event(0), Fate::Partly),
            () => (event(1), Fate::Passed),
        };
        if world.fates[event] == Fate::Due {
            world.fates[event] = fate;
        }
    }

    /// Which writes stand, as a look at the checkpoints tells.
    pub fn recheck(&self, world: &World, new: &[Checkpoint]) -> Vec<bool> {
        if self.without != Some(Guarding::Writer) {
            return which_stand(new, &world.checkpoints);
        }
        let nameless = |list: &[Checkpoint]| {
            list.iter().map(|c| Checkpoint { writer: String::new(), ..c.clone() }).collect::<Vec<_>>()
        };
        which_stand(&nameless(new), &nameless(&world.checkpoints))
    }

    pub fn guard(&self, claim: &Checkpoint) -> Guard {
        let guard = Guard::of(claim);
        if self.without == Some(Guarding::Incarnation) { Guard { mark: claim.id.mark(0), ..guard } } else { guard }
    }

    /// Whether a document lets an upsert through.
    fn passes(&self, document: &Document, held: &[Checkpoint], of: &[usize]) -> bool {
        let passes = |index: &usize| {
            let guard = self.guard(&held[*index]);
            guard.passes(mark(&document.marks, &guard))
        };
        self.without == Some(Guarding::Mark) || of.iter().all(passes)
    }

    /// One upsert, up to where the server inserts a document that it did not find.
    pub fn upsert(
        &self,
        world: &mut World,
        key: usize,
        held: &[Checkpoint],
        ranges: &[(PartitionId, Seen)],
        entry: &mut Entry,
        answer: Answer,
    ) {
        let document = &world.documents[key];
        let inserts = matches!(entry, Entry::Insert(_));
        let together = matches!(entry, Entry::Together(_));
        let (Entry::Together(of) | Entry::Send(of) | Entry::Insert(of)) = entry.clone() else { return };
        let all = if together { (0..held.len()).collect() } else { of.clone() };
        if !document.is_there && !inserts && !together {
            *entry = Entry::Insert(of);
        } else if document.is_there == inserts || !self.passes(document, held, &all) {
            *entry = Entry::Refused(of);
        } else {
            for index in &all {
                self.count(world, key, &held[*index], ranges);
            }
            *entry = match answer {
                Answer::Heard => Entry::Done,
                Answer::Unheard if together => Entry::Together(of),
                Answer::Unheard => Entry::Send(of),
            };
        }
    }

    fn count(&self, world: &mut World, key: usize, claim: &Checkpoint, ranges: &[(PartitionId, Seen)]) {
        let document = &mut world.documents[key];
        document.is_there = true;
        for (_, seen) in ranges.iter().filter(|(id, _)| *id == claim.id) {
            let touches = |event: &usize| seen.events >> event & 1 == 1 && self.bounds.keys(*event) >> key & 1 == 1;
            for event in (0..document.counted.len()).filter(touches) {
                document.counted[event] = (document.counted[event] + 1).min(2);
            }
        }
        let Guard { mark: name, end, .. } = self.guard(claim);
        match document.marks.iter_mut().find(|(standing, _)| *standing == name) {
            Some((_, mark)) if *mark > end => world.wrong = Some("a mark went back"),
            Some((_, mark)) => *mark = end,
            None => {
                document.marks.push((name, end));
                document.marks.sort_unstable();
            }
        }
    }

    /// Decides on everything that was refused.
    pub fn judge(&self, world: &mut World, held: &[Checkpoint], round: &mut Round) {
        let standing = round.early.take().unwrap_or_else(|| world.checkpoints.clone());
        let guards: Vec<Guard> = held.iter().map(|claim| self.guard(claim)).collect();
        for key in 0..KEYS {
            let Entry::Marked(of, marks) = &round.entries[key] else { continue };
            let part = |index: usize| (&held[index], &guards[index]);
            let Judgement { again, lost, broken, .. } = judge(of, part, |guard| mark(marks, guard), &standing);
            if broken.is_some() {
                world.wrong = Some("an invariant was found broken");
            }
            round.void.extend(lost);
            round.entries[key] = Entry::Send(again);
        }
        round.void.sort_unstable();
        round.void.dedup();
        for entry in &mut round.entries {
            let Entry::Send(of) = entry else { continue };
            of.retain(|index| !round.void.contains(&held[*index].id));
            if of.is_empty() {
                *entry = Entry::Done;
            }
        }
    }
}

fn mark(marks: &[(String, i64)], guard: &Guard) -> Option<i64> {
    marks.iter().find(|(name, _)| *name == guard.mark).map(|(_, mark)| *mark)
}
