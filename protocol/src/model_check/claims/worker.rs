//! A worker: reading positions and logs, claiming, applying, completing, and finishing the claims of others. It decides with the
//! protocol's own functions.

use std::collections::BTreeMap;

use stockstream_model::{
    Timestamp,
    documents::{KafkaIds, PartitionId},
};

use crate::{
    claim::{Claim, ClaimOutcome, ClaimRequest, MarkVerdict, blocking_lanes},
    log::{Decision, LogState, Loss, Policy, decide, is_as_claimed, remainder},
    positions::{ClaimRules, Counters, LaneId, OffsetRange, Positions},
    update::Update,
};

use super::{
    Guard, Lanes,
    database::Answer,
    world::{Bounds, Change, Entry, Fetched, KEYS, Task, World, name, topic_of},
};

impl Lanes {
    fn policy<'a>(&self, worker: usize, ids: &'a KafkaIds) -> Policy<'a> {
        let (on_lost_offsets, on_recreated_topic) = self.settings(worker);
        Policy { on_lost_offsets, on_recreated_topic, ids, now: Timestamp::default() }
    }

    fn log_state(&self, world: &World, positions: &Positions, partition: usize) -> LogState {
        let position = positions.partitions.get(&Bounds::id(partition));
        world.logs[partition].state(position, self.without != Some(Guard::Epoch))
    }

    /// Takes a lane.
    pub fn acquire(&self, world: &mut World, worker: usize, lane: LaneId) {
        let holder = name(worker, world.workers[worker].life);
        let expected = world.positions.lanes.get(&lane).and_then(|lane| lane.holder.clone());
        let update = Update::AcquireLane { lane, expected, holder };
        self.update(world, &update, 0);
        if self.without == Some(Guard::SeqIsKept)
            && let Some(lane) = world.positions.lanes.get_mut(&lane)
        {
            (lane.seq, lane.open) = (0, false);
        }
        world.workers[worker].lane = Some(lane);
    }

    /// Reads the positions, to go on with these partitions.
    pub fn look(&self, world: &mut World, worker: usize, partitions: Vec<usize>) {
        world.workers[worker].task = Task::Looked { positions: world.positions.clone(), partitions };
    }

    /// Does what comes next, whatever that is.
    pub fn go_on(&self, world: &mut World, worker: usize, answer: Answer) {
        let Some(lane) = world.workers[worker].lane else { return };
        let task = std::mem::take(&mut world.workers[worker].task);
        world.workers[worker].task = match task {
            Task::Idle => Task::Idle,
            Task::Looked { positions, partitions } => self.decide(world, worker, lane, positions, &partitions),
            Task::Reading { positions, partitions } => self.fetch(world, positions, &partitions),
            Task::Fetched { positions, fetched } => self.prepare(world, worker, lane, &positions, &fetched),
            Task::Claiming { request, events } => {
                match self.send(world, &Update::Claim(request.clone()), events, answer) {
                    Some(true) => self.applying(request.claim, events, Vec::new()),
                    Some(false) | None => Task::Doubting { request, events },
                }
            }
            Task::Doubting { request, events } => self.resolve(world, worker, request, events),
            Task::Recovering { positions, claim } => self.remain(world, worker, positions, claim),
            Task::Rereading { positions, claim, losses, folds } => {
                self.refetch(world, positions, claim, losses, &folds)
            }
            Task::Refetched { positions, claim, losses, fetched } => {
                if self.without != Some(Guard::Topics) && !has_topics(world, &positions, &fetched) {
                    Task::Idle
                } else if self.without == Some(Guard::NamedFirst) {
                    self.applying(claim, fetched.events, losses)
                } else {
                    Task::Naming { claim, losses, events: fetched.events }
                }
            }
            Task::Naming { claim, losses, events } => self.name_losses(world, claim, losses, events, answer),
            Task::Applying { claim, change, keys, losses } => self.complete(claim, change, keys, losses),
            Task::Completing { completion, events, mut losses } => {
                if let Some(loss) = losses.pop() {
                    self.update(world, &loss, 0);
                    Task::Completing { completion, events, losses }
                } else {
                    match self.send(world, &Update::Complete(completion.clone()), events, answer) {
                        Some(_) => Task::Idle,
                        None => Task::Completing { completion, events, losses },
                    }
                }
            }
            Task::Moving { update } => {
                self.send(world, &update, 0, answer);
                Task::Idle
            }
        };
    }

    /// Finishes the claim that stands in the way, or finds out what may be read.
    fn decide(&self, world: &World, worker: usize, lane: LaneId, positions: Positions, partitions: &[usize]) -> Task {
        let ids: Vec<PartitionId> = partitions.iter().map(|partition| Bounds::id(*partition)).collect();
        let mut blocking = blocking_lanes(&positions, lane, &ids);
        if matches!(self.without, Some(Guard::OwnLane | Guard::ClaimLaneClosed)) {
            blocking
                .retain(|lane| ids.iter().filter_map(|id| positions.pending(id)).any(|pending| pending.lane == *lane));
        }
        if let Some(claim) = blocking.first().and_then(|lane| Claim::open_in(&positions, *lane)) {
            return Task::Recovering { positions, claim };
        }
        let forgotten = KafkaIds::default();
        let known = if self.without == Some(Guard::Returned) { &forgotten } else { &positions.seen };
        let policy = self.policy(worker, known);
        let mut readable = Vec::new();
        for id in ids {
            let partition = id.partition as usize;
            let Some(position) = positions.partitions.get(&id) else { continue };
            match decide(position, &self.log_state(world, &positions, partition), &policy) {
                Decision::Wait(_) => {}
                Decision::Move { position: new, ids, .. } => {
                    let (expected, position) = (Box::new(position.clone()), new);
                    return Task::Moving { update: Update::Move { id, expected, position, ids } };
                }
                Decision::Read if world.logs[partition].end > position.next => readable.push(id),
                Decision::Read => {}
            }
        }
        if readable.is_empty() { Task::Idle } else { Task::Reading { positions, partitions: readable } }
    }

    /// Reads records behind the positions.
    fn fetch(&self, world: &World, positions: Positions, partitions: &[PartitionId]) -> Task {
        let mut fetched = Fetched::default();
        for id in partitions {
            let (Some(position), log) = (positions.partitions.get(id), &world.logs[id.partition as usize]) else {
                continue;
            };
            if log.first > position.next || log.end <= position.next {
                continue; // out of range, or nothing is left
            }
            fetched.events |= self.bounds.records(log, id.partition as usize, position.next, log.end);
            fetched.ends.insert(*id, (log.end, log.epoch_before(log.end)));
            fetched.topics.insert(*id, log.topic);
        }
        if fetched.ends.is_empty() { Task::Idle } else { Task::Fetched { positions, fetched } }
    }

    /// Asks for the topics' ids again, then claims.
    fn prepare(&self, world: &World, worker: usize, lane: LaneId, positions: &Positions, fetched: &Fetched) -> Task {
        if self.without != Some(Guard::Topics) && !has_topics(world, positions, fetched) {
            return Task::Idle;
        }
        let holder = name(worker, world.workers[worker].life);
        let mut positions = positions.clone();
        match self.without {
            Some(Guard::PositionsFirst) => positions = world.positions.clone(),
            Some(Guard::ClaimLaneClosed) => positions.lanes.values_mut().for_each(|lane| lane.open = false),
            _ => {}
        }
        let request = ClaimRequest::of_batch(&positions, lane, &holder, (ClaimRules::default(), 0), &fetched.ends);
        request.map_or(Task::Idle, |request| Task::Claiming { request, events: fetched.events })
    }

    /// Decides what became of a claim.
    fn resolve(&self, world: &mut World, worker: usize, request: ClaimRequest, events: u32) -> Task {
        let lane = request.claim.lane;
        if self.without == Some(Guard::ExactOutcome)
            && Claim::open_in(&world.positions, lane).is_some_and(|open| open.seq == request.claim.seq)
        {
            return self.applying(request.claim, events, Vec::new());
        }
        match request.outcome(&world.positions) {
            ClaimOutcome::Open => self.applying(request.claim, events, Vec::new()),
            ClaimOutcome::Retry => Task::Claiming { request, events },
            outcome => {
                if self.without == Some(Guard::WholeBatch)
                    && let Some(request) = smaller(world, &request)
                {
                    return Task::Claiming { request, events };
                }
                let holder = world.positions.lanes.get(&lane).and_then(|lane| lane.holder.as_ref());
                if holder != Some(&request.holder) {
                    world.workers[worker].lane = None;
                } else if let ClaimOutcome::Blocked(lanes) = outcome
                    && let Some(open) = lanes.first().and_then(|lane| Claim::open_in(&world.positions, *lane))
                {
                    return Task::Recovering { positions: world.positions.clone(), claim: open };
                }
                Task::Idle
            }
        }
    }

    /// Finds out what the logs still have of a claim.
    fn remain(&self, world: &World, worker: usize, positions: Positions, claim: Claim) -> Task {
        let policy = self.policy(worker, &positions.seen);
        let (mut folds, mut losses) = (BTreeMap::new(), Vec::new());
        for id in claim.partitions.keys() {
            if self.without == Some(Guard::OwnPartitions) && id.partition > 0 {
                continue;
            }
            let Some(position) = positions.partitions.get(id) else { continue };
            let state = self.log_state(world, &positions, id.partition as usize);
            let Some(left) = remainder(position, &state, &policy) else { continue };
            folds.extend(left.fold.map(|fold| (*id, fold)));
            losses.extend(left.lost.into_iter().map(|Loss { range, cause, freeze }| {
                let (lane, seq, id, incarnation) = (claim.lane, claim.seq, *id, position.incarnation);
                Update::LoseClaimed { lane, seq, id, incarnation, range, cause, freeze }
            }));
        }
        Task::Rereading { positions, claim, losses, folds }
    }

    /// Reads that again.
    fn refetch(
        &self,
        world: &World,
        positions: Positions,
        claim: Claim,
        losses: Vec<Update>,
        folds: &BTreeMap<PartitionId, OffsetRange>,
    ) -> Task {
        let mut fetched = Fetched::default();
        for (id, fold) in folds {
            let log = &world.logs[id.partition as usize];
            if log.first > fold.start || log.end < fold.end {
                return Task::Idle; // out of range: found out anew
            }
            let read = log.epoch_before(fold.end);
            let claimed = claim.partitions.get(id).and_then(|range| range.epoch);
            if !is_as_claimed(claimed, read) && self.without != Some(Guard::Epoch) {
                return Task::Idle;
            }
            fetched.events |= self.bounds.records(log, id.partition as usize, fold.start, fold.end);
            fetched.topics.insert(*id, log.topic);
        }
        Task::Refetched { positions, claim, losses, fetched }
    }

    /// Names what is lost of a claim, one range after the other, then applies what is left.
    fn name_losses(
        &self,
        world: &mut World,
        claim: Claim,
        mut losses: Vec<Update>,
        events: u32,
        answer: Answer,
    ) -> Task {
        let Some(loss) = losses.last().cloned() else { return self.applying(claim, events, losses) };
        match self.send(world, &loss, 0, answer) {
            None => return Task::Naming { claim, losses, events },
            Some(true) => {}
            // It is named already, or the claim is complete.
            Some(false) if claim.is_open_in(&world.positions) => {}
            Some(false) => return Task::Idle,
        }
        losses.pop();
        Task::Naming { claim, losses, events }
    }

    fn applying(&self, claim: Claim, events: u32, losses: Vec<Update>) -> Task {
        let change = Change { lane: claim.lane, seq: claim.seq, events };
        let touches = |key: usize| (0..32).any(|event| events >> event & 1 == 1 && self.bounds.touches(event, key));
        let keys = (0..KEYS).map(|key| if touches(key) { Entry::Send } else { Entry::Done }).collect();
        Task::Applying { claim, change, keys, losses }
    }

    /// Goes on with the change of one key.
    pub fn apply(&self, world: &mut World, worker: usize, key: usize, answer: Answer) {
        let Task::Applying { claim, change, mut keys, losses } = std::mem::take(&mut world.workers[worker].task) else {
            return;
        };
        keys[key] = match keys[key] {
            Entry::Refused => match self.judge(&world.documents[key].marks, change) {
                MarkVerdict::Applied => Entry::Done,
                MarkVerdict::Retry => Entry::Send,
                MarkVerdict::Superseded => return, // the claim is complete
            },
            entry => self.change(world, key, change, entry, answer),
        };
        world.workers[worker].task = Task::Applying { claim, change, keys, losses };
    }

    fn complete(&self, claim: Claim, change: Change, keys: Vec<Entry>, losses: Vec<Update>) -> Task {
        if keys.iter().any(|entry| *entry != Entry::Done) {
            return Task::Applying { claim, change, keys, losses };
        }
        let completion = claim.completion(0, |_| <(Counters, _)>::default());
        Task::Completing { completion, events: change.events, losses }
    }
}

/// The claim without the partitions that others went on with, as nobody may make it of a common fold.
fn smaller(world: &World, request: &ClaimRequest) -> Option<ClaimRequest> {
    let mut smaller = request.clone();
    smaller.claim.seq = world.positions.lanes.get(&request.claim.lane)?.seq + 1;
    smaller
        .claim
        .partitions
        .retain(|id, range| world.positions.partitions.get(id).is_some_and(|position| range.may_be_claimed(position)));
    let may_be_made = Update::Claim(smaller.clone()).condition(&world.positions);
    (!smaller.claim.partitions.is_empty() && may_be_made).then_some(smaller)
}

/// Whether the topics of what was read are still those of the positions.
fn has_topics(world: &World, positions: &Positions, fetched: &Fetched) -> bool {
    fetched.topics.keys().all(|id| {
        positions
            .partitions
            .get(id)
            .is_some_and(|position| world.logs[id.partition as usize].topic == topic_of(position))
    })
}
