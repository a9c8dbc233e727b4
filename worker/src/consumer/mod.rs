//! Reading: a group consumer on a thread of its own. Positions come from the store; Kafka's committed offsets are a copy.

mod assignment;
mod factory;
mod flow_control;
pub(crate) mod intake;
mod log_source;
mod rebalance;
mod resolved;
mod revocation;
mod start_offsets;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use assignment::NotRead;
pub(crate) use factory::{ConsumerFactory, bound};
pub(crate) use intake::Intake;
use intake::{Misplaced, ReadRecord};
pub(crate) use log_source::{LogSource, Unknown};
use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer},
    error::KafkaError as Client,
    types::RDKafkaErrorCode as Code,
};
pub(crate) use rebalance::Context;
pub(crate) use start_offsets::{Resolver, resolver};
use stockstream_kafka::{
    CredentialReloader, Failure, HasRecords, KafkaError, Reader, Record, close, grant_command, is_about_the_connection,
    is_unreadable,
};
use stockstream_model::{
    Timestamp,
    documents::PartitionId,
    settings::{Kafka, Settings, Topics},
};
use stockstream_store::fail_point;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::{
    flush::{Flushed, Job, Reached, topic_identity::renew},
    progress::unreadable_sentence,
    state::WorkerState,
};

/// How many records are read before the loop looks at anything else.
const BURST: usize = 2_000;
/// How many records are read at once, after which the size of the batch is looked at.
const AT_ONCE: usize = 100;
/// Fewer where they are large: an event may change thousands of keys.
const BYTES_AT_ONCE: usize = 256 << 10;
/// How many are read before it is known how large they are.
const FIRST: usize = 10;
const IDLE_POLL: Duration = Duration::from_millis(100);
const BUSY_POLL: Duration = Duration::from_millis(1);
/// How long an orderly end waits for the flush under way.
const FINISH: Duration = Duration::from_secs(20);
/// How long the client may take to leave the group. What it held goes to others once its session ends.
const LEAVE: Duration = Duration::from_secs(10);
/// How long a full batch waits for the flush under way before partitions are paused: pausing throws away what the
/// client has fetched ahead.
const BEFORE_PAUSE: Duration = Duration::from_millis(500);

/// What is further behind than so many events is catching up: what it shows is old whatever it does, and few large
/// flushes cost less than many small ones, which change the same keys again and again.
const CATCH_UP_LAG: i64 = 100_000;
/// How old what is shown may be while catching up, from reading to the end of its flush.
const MAX_STALENESS: Duration = Duration::from_secs(9);

/// How often partitions that stand still are looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How often it is looked whether another worker's claim is complete.
const LOOK_AT_CLAIMS: Duration = Duration::from_millis(300);

/// How often the password's file is looked at while a broker refuses us.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// Errors that come with every poll are told so often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How often positions pass what is no event.
const PASS_EVERY: Duration = Duration::from_secs(1);

/// How often it is told how far partitions are read.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// The reading side of a worker.
pub(crate) struct Source {
    consumers: ConsumerFactory,
    consumer: Reader<Context>,
    _role: Role,
    settings: Settings,
    shared: Arc<WorkerState>,
    intake: Intake,
    jobs: Sender<Job>,
    done: mpsc::Receiver<Flushed>,
    shutdown: CancellationToken,
    not_read: NotRead,
    last_look: Instant,
    last_look_at_claims: Instant,
    last_flush: Instant,
    /// How long the last flush took, until what was handed over was folded and in the database; a guess before the first.
    last_took: Duration,
    last_commit: Instant,
    uncommitted: HashMap<PartitionId, i64>,
    sign_in: Option<CredentialReloader>,
    last_renewal: Instant,
    last_report: Instant,
    last_pass: Instant,
    /// When an error of Kafka was told that nothing else tells.
    last_told: Option<Instant>,
}

impl Source {
    pub fn new(
        consumers: ConsumerFactory,
        settings: Settings,
        shared: Arc<WorkerState>,
        intake: Intake,
        jobs: Sender<Job>,
        done: mpsc::Receiver<Flushed>,
        shutdown: CancellationToken,
    ) -> Result<Self, KafkaError> {
        let now = Instant::now();
        let sign_in = CredentialReloader::new(&settings.kafka)?;
        Ok(Self {
            consumer: consumers.make()?,
            _role: Role(Arc::clone(&shared)),
            consumers,
            settings,
            shared,
            intake,
            jobs,
            done,
            shutdown,
            not_read: NotRead::default(),
            last_look: now,
            last_look_at_claims: now,
            last_flush: now,
            last_took: MAX_STALENESS / 2,
            last_commit: now,
            uncommitted: HashMap::new(),
            sign_in,
            last_renewal: now,
            last_report: now,
            last_pass: now,
            last_told: None,
        })
    }

    /// Reads until told to end: then finishes the flush under way, commits and leaves the group.
    ///
    /// # Errors
    /// Why only another process can go on.
    pub fn run(mut self) -> Result<(), String> {
        while !self.shutdown.is_cancelled() {
            self.shared.tick();
            self.intake.check();
            self.take_done();
            self.give_back_if_done();
            self.pass_if_due();
            self.flush_if_ready();
            self.apply_backpressure();
            self.read();
            self.report();
            self.commit_if_due();
            self.renew_if_barred();
            self.recreate_consumer_if_stale()?;
            self.look_again_if_due();
        }
        self.end();
        Ok(())
    }

    /// A partition that is not read goes on by itself once its log fits again, or nothing of it is claimed any more.
    fn look_again_if_due(&mut self) {
        for (ids, last, every) in [
            (&self.not_read.stopped, &mut self.last_look, LOOK_AGAIN),
            (&self.not_read.claimed, &mut self.last_look_at_claims, LOOK_AT_CLAIMS),
        ] {
            if ids.is_empty() {
                *last = Instant::now();
            } else if last.elapsed() >= every {
                let ids: Vec<PartitionId> = ids.iter().copied().collect();
                assignment::reassign(&self.consumer, &self.settings, &ids);
                *last = Instant::now();
            }
        }
    }

    /// Gives back what the group asks for once nothing of it is left to be flushed: its next owner finds nothing claimed, and
    /// this worker does not read the whole batch again as somebody else claimed a part of it.
    fn give_back_if_done(&mut self) {
        let Self { not_read, intake, shared, .. } = self;
        if not_read.asked.is_due(|ids| shared.flush.is_in_flight() || intake.holds_any(ids)) {
            not_read.asked.give_back(&self.consumer, &self.settings, &self.shared);
        }
    }

    /// The same, without waiting any longer; and what the group asks for from now on goes back at once.
    fn leave(&mut self) {
        self.consumer.context().set_leaving();
        let Self { consumer, intake, not_read, settings, shared, .. } = self;
        assignment::take(consumer, intake, not_read, settings, shared);
        not_read.asked.give_back(consumer, settings, shared);
    }

    /// A client that knows a topic that is gone is replaced by one that knows nothing.
    fn recreate_consumer_if_stale(&mut self) -> Result<(), String> {
        if !self.shared.take_stale() {
            return Ok(());
        }
        tracing::info!("leaving the group, and joining it again with a new Kafka client");
        self.finish_flush();
        self.leave();
        self.intake.clear();
        self.not_read = NotRead::default();
        self.uncommitted.clear();
        self.shared.metrics.paused.set(0);
        match self.consumers.make() {
            Ok(consumer) => {
                self.consumer.unsubscribe();
                if !close(std::mem::replace(&mut self.consumer, consumer), LEAVE) {
                    return Err(format!(
                        "Kafka's client did not leave the group within {} s. Start the worker again, as Kubernetes does by itself",
                        LEAVE.as_secs()
                    ));
                }
                self.shared.partitions.assigned(&[], &self.not_read.stopped, std::iter::empty());
            }
            Err(error) => {
                tracing::warn!(%error, "no other client can be made; trying again");
                self.shared.set_stale();
                std::thread::sleep(IDLE_POLL);
            }
        }
        Ok(())
    }

    fn end(mut self) {
        tracing::info!("ending: finishing the flush under way, then leaving the group");
        self.finish_flush();
        self.commit(CommitMode::Sync);
        self.leave();
        // Revoked here, partitions need no further care: what was folded and not claimed is read again by their next owner.
        self.intake.clear();
        self.consumer.unsubscribe();
        if close(self.consumer, LEAVE) {
            tracing::info!("left the group");
        } else {
            tracing::warn!(
                waited_s = LEAVE.as_secs(),
                "Kafka's client does not leave the group: others get its partitions when its session ends"
            );
        }
    }

    fn finish_flush(&mut self) {
        if !self.shared.flush.is_in_flight() {
            return;
        }
        match self.done.recv_timeout(FINISH) {
            Ok(flushed) => self.take(flushed),
            // Nothing is lost: the range is claimed, and its next owner applies what is left of it.
            Err(_) => tracing::warn!("the flush under way did not end in time; its partitions' next owner finishes it"),
        }
    }

    fn read(&mut self) {
        self.serve();
        let busy = self.shared.flush.is_in_flight() || self.intake.is_ready();
        let mut wait = if busy { BUSY_POLL } else { IDLE_POLL };
        let (mut read, mut most) = (0, FIRST);
        while read < BURST {
            // The consumer is borrowed by its records; taking the parts apart keeps the rest free to change.
            let Self { consumer, intake, settings, shared, .. } = self;
            let batch = consumer.read(wait, most);
            if batch.is_empty() {
                intake.send();
                break;
            }
            let (mut bytes, mut troubles) = (0, Vec::new());
            for record in batch.iter() {
                match record {
                    Ok(record) => {
                        bytes += record.payload.len();
                        if let Err(failure) = gather(intake, &settings.kafka.topics, &record, consumer) {
                            take_failure(intake, &settings.kafka, shared, &failure);
                        }
                    }
                    Err(failure) => {
                        if failure.code != Code::PartitionEOF {
                            consumer.context().error(Client::Global(failure.code), &failure.words);
                        }
                        troubles.extend(take_failure(intake, &settings.kafka, shared, &failure));
                    }
                }
            }
            read += batch.len();
            most = (BYTES_AT_ONCE * batch.len() / bytes.max(1)).clamp(1, AT_ONCE);
            drop(batch);
            troubles.iter().for_each(|error| self.trouble(error));
            // Reading may have been begun again: that is taken in before the next record.
            if !troubles.is_empty() || self.is_full() {
                break;
            }
            wait = Duration::ZERO;
        }
    }

    /// Serves rebalances, statistics and errors of the whole client. What they change in the assignment is taken in before any
    /// record is read.
    fn serve(&mut self) {
        loop {
            let Self { consumer, intake, not_read, settings, shared, .. } = self;
            if consumer.context().has_news() {
                assignment::take(consumer, intake, not_read, settings, shared);
            }
            if !consumer.has_events() {
                break;
            }
            match consumer.poll(Duration::ZERO) {
                Some(Err(error)) => self.trouble(&error),
                Some(Ok(record)) => {
                    // Its partition is forwarded by now: records behind it may be read before it.
                    let id = partition(&settings.kafka.topics, record.topic(), record.partition());
                    drop(record);
                    let ids: Vec<PartitionId> = id.into_iter().filter(|id| intake.is_ours(*id)).collect();
                    tracing::warn!(?ids, "a record came by the consumer's own queue; its partition is read again");
                    assignment::reassign(consumer, settings, &ids);
                }
                None => {}
            }
        }
    }

    /// Tells how far partitions are read, and stops those that were found unreadable.
    fn report(&mut self) {
        for id in self.shared.partitions.take_stops() {
            if self.intake.is_ours(id) {
                tracing::error!(partition = %id, "the partition stops: what comes next cannot be read");
                self.intake.close(id);
                self.stop_fetching(id);
                self.shared.partitions.closed(id);
            }
        }
        if self.last_report.elapsed() >= REPORT_EVERY {
            self.last_report = Instant::now();
            self.shared.partitions.read(self.intake.ends());
        }
    }

    /// Has positions pass what is no event at the end of their logs, markers of transactions above all: left there, it would be
    /// lag for ever, and seem lost once Kafka deletes it.
    fn pass_if_due(&mut self) {
        if self.shared.flush.is_in_flight() || self.last_pass.elapsed() < PASS_EVERY {
            return;
        }
        self.last_pass = Instant::now();
        let shared = &self.shared;
        // The epoch of the leader is at least that of what is passed, and is what the log is checked by later.
        let epoch = |id, to| shared.partitions.fetched_of(id).filter(|of| of.position == to).map(|of| of.epoch);
        let ranges = self.intake.passable(epoch);
        if !ranges.is_empty() {
            self.hand(Job::Pass(ranges));
        }
    }

    fn hand(&mut self, job: Job) {
        self.shared.flush.hand_over();
        if self.jobs.blocking_send(job).is_err() {
            self.shared.flush.close();
        }
    }

    /// Hands the batch to the flusher, if that is free and it is time.
    fn flush_if_ready(&mut self) {
        let since = self.last_flush.elapsed();
        // What is read while a full batch waits would come on top.
        let is_urgent = self.intake.is_urgent() || self.is_full();
        if self.shared.flush.is_in_flight() || (since < self.settings.limits.flush_every.duration() && !is_urgent) {
            return;
        }
        if since + self.last_took < MAX_STALENESS && !is_urgent && self.is_far_behind() {
            return;
        }
        let Some(batch) = self.intake.hand() else { return };
        self.last_flush = Instant::now();
        self.hand(Job::Flush(batch));
    }

    fn take_done(&mut self) {
        while let Ok(flushed) = self.done.try_recv() {
            self.take(flushed);
        }
    }

    fn take(&mut self, flushed: Flushed) {
        self.shared.flush.close();
        match flushed {
            Flushed::Completed(reached) => {
                self.last_took = self.last_flush.elapsed();
                self.completed(&reached);
            }
            Flushed::Passed(passed) => {
                self.uncommitted.extend(passed.iter().map(|(id, range)| (*id, range.end)));
                self.intake.pass(&passed);
            }
            // What is being folded lies behind what was dropped.
            Flushed::Dropped => {
                self.last_took = self.last_flush.elapsed();
                self.reassign();
            }
        }
    }

    fn completed(&mut self, reached: &BTreeMap<PartitionId, Reached>) {
        self.uncommitted.extend(reached.iter().map(|(id, reached)| (*id, reached.next)));
        self.intake.completed(reached);
    }

    /// Drops the batch, and reads all partitions again from their positions.
    fn reassign(&mut self) {
        let ids = self.intake.ids();
        self.intake.clear();
        assignment::reassign(&self.consumer, &self.settings, &ids);
    }

    fn is_far_behind(&self) -> bool {
        self.shared.partitions.lag(self.intake.ends()) > CATCH_UP_LAG
    }

    fn is_full(&self) -> bool {
        self.consumers.budget.is_full(self.intake.filled())
    }

    /// Backpressure: a full batch first waits a little for the flush under way, then its partitions are paused.
    fn apply_backpressure(&mut self) {
        if !self.shared.flush.is_in_flight() || !self.is_full() {
            // Not only a flush empties the batch: a rebalance may take away what filled it.
            self.set_held_back(false);
            return;
        }
        if self.consumer.context().is_paused() {
            return;
        }
        if let Ok(flushed) = self.done.recv_timeout(BEFORE_PAUSE) {
            self.take(flushed);
            return;
        }
        self.set_held_back(true);
    }

    fn set_held_back(&self, back: bool) {
        let context = self.consumer.context();
        if context.is_paused() == back {
            return;
        }
        match context.pause_fetching(&self.consumer, back) {
            Ok(()) if back => tracing::debug!("batch is full: paused until the flush under way is done"),
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, back, "what Kafka sends cannot be held back, or let go; trying again"),
        }
    }

    fn stop_fetching(&self, id: PartitionId) {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.settings.kafka.topics.of(id.stream).name, id.partition);
        if let Err(error) = self.consumer.context().remove(&self.consumer, &list) {
            tracing::debug!(partition = %id, %error, "cannot stop fetching");
        }
    }

    /// An error that `poll` reports instead of a record. The client itself goes on.
    fn trouble(&mut self, error: &Client) {
        match error.rdkafka_error_code() {
            // The log no longer fits a position; the error does not say whose. Decide again from the positions.
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
                tracing::warn!(%error, "a position is not in the log any more");
                self.reassign();
            }
            Some(code) if is_about_the_connection(code) => {} // the context told why
            Some(Code::GroupAuthorizationFailed) => {
                let group = self.settings.group_id();
                let command = grant_command(&self.settings.kafka, "Read", &format!("--group {group}"));
                let what = format!("Kafka does not let this user read in group {group}; grant it with: {command}");
                tracing::warn!("{what}");
                self.shared.problems.set_blocked(rebalance::GROUP, what);
            }
            _ if self.last_told.is_none_or(|told| told.elapsed() >= TELL_EVERY) => {
                self.last_told = Some(Instant::now());
                tracing::warn!(%error, "Kafka reports an error; a partition that does not move is told in the status");
            }
            _ => tracing::debug!(%error, "Kafka reports an error"),
        }
    }

    /// While a broker refuses us, the password's file is looked at: it may have changed there too.
    fn renew_if_barred(&mut self) {
        if self.sign_in.is_some() && self.last_renewal.elapsed() >= RENEW_EVERY {
            self.last_renewal = Instant::now();
            if self.shared.problems.blocked().is_some() {
                renew(self.sign_in.as_mut(), &self.consumer);
            }
        }
    }

    fn commit_if_due(&mut self) {
        if !self.uncommitted.is_empty() && self.last_commit.elapsed() >= self.settings.limits.commit_every.duration() {
            self.commit(CommitMode::Async);
        }
    }

    /// Kafka's committed offsets follow the positions, for the tools that look there. Nothing depends on them.
    fn commit(&mut self, mode: CommitMode) {
        fail_point("before-commit");
        self.last_commit = Instant::now();
        let mut list = TopicPartitionList::new();
        for (id, next) in self.uncommitted.drain().filter(|(id, _)| self.intake.is_ours(*id)) {
            let topic = &self.settings.kafka.topics.of(id.stream).name;
            let _ = list.add_partition_offset(topic, id.partition, Offset::Offset(next));
        }
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, mode)
        {
            tracing::debug!(%error, "offsets were not committed to Kafka; the positions in the database stand");
        }
    }
}

/// Takes an event in.
fn gather<'a, C: HasRecords>(
    intake: &mut Intake,
    topics: &Topics,
    record: &Record<'a>,
    reader: &Reader<C>,
) -> Result<(), Failure<'a>> {
    let Record { topic, offset, timestamp, epoch, payload, .. } = *record;
    let Some(id) = partition(topics, topic, record.partition) else { return Ok(()) };
    let record = ReadRecord { offset, produced_at: timestamp.map(Timestamp::from_millis), epoch, payload };
    let log_end = || reader.known_end(topic, id.partition);
    intake.gather(id, &record, log_end).map_err(|Misplaced { expected, offset, log_end }| {
        let words =
            format!("a record says that its offset is {offset}, and the log ends at {log_end}: the batch is damaged");
        Failure { topic, partition: id.partition, offset: expected, code: Code::BadMessage, words }
    })
}

/// Takes in what the client says of a partition in the place of a record. Gives back what is an error of another kind.
fn take_failure(intake: &mut Intake, kafka: &Kafka, shared: &WorkerState, failure: &Failure<'_>) -> Option<Client> {
    let Failure { topic, offset, code, words, .. } = failure;
    let id = partition(&kafka.topics, topic, failure.partition);
    match (id, code) {
        (Some(id), Code::PartitionEOF) => intake.reach(id, *offset),
        // The client goes on behind it: nothing of that may count before it.
        (Some(id), code) if is_unreadable(*code) => {
            // A partition that was stopped or lost may still have some on their way.
            if let Some(expected) = intake.expected(id) {
                intake.close(id);
                shared.stop(id, unreadable_sentence(kafka, id, expected.max(*offset), words));
            }
        }
        _ => return Some(Client::MessageConsumption(*code)),
    }
    None
}

fn partition(topics: &Topics, topic: &str, partition: i32) -> Option<PartitionId> {
    Some(PartitionId { stream: topics.stream(topic)?, partition })
}

/// Takes the publisher's role back, however reading ends.
struct Role(Arc<WorkerState>);

impl Drop for Role {
    fn drop(&mut self) {
        self.0.publisher.store(false, Ordering::Relaxed);
    }
}
