//! What is kept of submissions: which form was sent already, where its events are, and files that wait to be confirmed.
//!
//! All of it is in memory and bounded. A form carries a token, and a token is sent once: a reload, a second click or the
//! way back lead to what became of the first one. A token that nothing is known of any more (the dashboard was restarted,
//! or has forgotten it) is never sent; its form is shown again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use stockstream_input::{Import, OutboundEvent};
use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, PartitionId},
    event::EventKind,
};

use crate::{
    entry::sender::{NotSent, Receipt, Sender},
    locale::translate::Message,
};

/// How many submissions are remembered.
const SUBMISSIONS: usize = 500;
/// How many of their events altogether.
const EVENTS: usize = 200_000;
/// How many files wait at most, and for how long.
const PREVIEWS: usize = 8;
const PREVIEW_FOR: Duration = Duration::from_secs(30 * 60);
/// How long events are watched.
const WATCH_FOR: Duration = Duration::from_secs(10 * 60);

/// What is kept of submissions.
pub(crate) struct SubmissionStore {
    pub(crate) sender: Arc<dyn Sender>,
    boot: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    next: u64,
    /// Tokens before this one may have been forgotten.
    floor: u64,
    submissions: BTreeMap<u64, Submission>,
    previews: BTreeMap<u64, Preview>,
    watched: bool,
}

/// What became of a form.
#[derive(Clone)]
pub(crate) struct Submission {
    pub(crate) reader: Arc<str>,
    /// What was entered, for a person.
    pub(crate) what: Message,
    pub(crate) at: Timestamp,
    pub(crate) state: State,
}

#[derive(Clone)]
pub(crate) enum State {
    /// It is on its way.
    Sending,
    /// Its events, and what went wrong with some.
    Sent { events: Arc<Vec<Sent>>, counted: Counted, problem: Option<Arc<NotSent>> },
}

/// An event that was sent, or tried.
pub(crate) struct Sent {
    pub(crate) stream: EventKind,
    pub(crate) key: String,
    pub(crate) receipt: Option<Receipt>,
}

/// How far a submission is counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    acknowledged: Instant,
    /// The end of what is waited for in each partition.
    waiting: BTreeMap<PartitionId, i64>,
    /// After what time each partition was.
    pub(crate) after: BTreeMap<PartitionId, Duration>,
}

/// A file that waits to be confirmed.
#[derive(Clone)]
pub(crate) struct Preview {
    reader: Arc<str>,
    kept_since: Instant,
    pub(crate) name: String,
    pub(crate) import: Import,
    pub(crate) events: Arc<Vec<OutboundEvent>>,
}

/// Whether a form may be sent.
pub(crate) enum Begin {
    /// Now, under this number.
    Now(u64),
    /// It was; this is where to look.
    Already(String),
    /// Nothing is known of it.
    Unknown,
}

impl SubmissionStore {
    pub(crate) fn new(sender: Arc<dyn Sender>) -> Self {
        Self { sender, boot: rand::random(), kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock()
    }

    fn text(&self, number: u64) -> String {
        format!("{:x}-{number:x}", self.boot)
    }

    fn number(&self, token: &str) -> Option<u64> {
        let (boot, number) = token.split_once('-')?;
        let number = u64::from_str_radix(number, 16).ok()?;
        (boot == format!("{:x}", self.boot)).then_some(number)
    }

    /// A token for a form that is shown.
    pub(crate) fn token(&self) -> String {
        let mut kept = self.kept();
        kept.next += 1;
        self.text(kept.next)
    }

    /// Takes a form to be sent, unless it was.
    pub(crate) fn begin(&self, token: &str, reader: &Arc<str>, what: &Message) -> Begin {
        let Some(number) = self.number(token) else { return Begin::Unknown };
        let mut kept = self.kept();
        if let Some(known) = kept.submissions.get(&number) {
            return if known.reader == *reader { Begin::Already(token.to_owned()) } else { Begin::Unknown };
        }
        if number > kept.next || number < kept.floor {
            return Begin::Unknown;
        }
        let submission =
            Submission { reader: Arc::clone(reader), what: what.clone(), at: Timestamp::now(), state: State::Sending };
        kept.submissions.insert(number, submission);
        Begin::Now(number)
    }

    /// Nothing was sent: the form may be sent again.
    pub(crate) fn take_back(&self, number: u64) {
        self.kept().submissions.remove(&number);
    }

    /// Its events are there. Whether somebody should begin to watch them.
    pub(crate) fn sent(&self, number: u64, events: Vec<Sent>, problem: Option<NotSent>) -> bool {
        let mut waiting = BTreeMap::new();
        for event in &events {
            let Some(receipt) = &event.receipt else { continue };
            let end = waiting.entry(PartitionId { stream: event.stream, partition: receipt.partition }).or_insert(0);
            *end = receipt.offset.saturating_add(1).max(*end);
        }
        let counted = Counted { acknowledged: Instant::now(), waiting, after: BTreeMap::new() };
        let mut kept = self.kept();
        if let Some(submission) = kept.submissions.get_mut(&number) {
            submission.state = State::Sent { events: Arc::new(events), counted, problem: problem.map(Arc::new) };
        }
        kept.previews.remove(&number);
        kept.forget();
        !std::mem::replace(&mut kept.watched, true)
    }

    /// What became of a form of that reader.
    pub(crate) fn submission(&self, token: &str, reader: &Arc<str>) -> Option<Submission> {
        let number = self.number(token)?;
        self.kept().submissions.get(&number).filter(|submission| submission.reader == *reader).cloned()
    }

    /// Partitions in which events wait to be counted.
    pub(crate) fn waiting(&self) -> BTreeSet<PartitionId> {
        let kept = self.kept();
        let counted = kept.submissions.values().filter_map(|submission| match &submission.state {
            State::Sent { counted, .. } => Some(counted),
            State::Sending => None,
        });
        counted.flat_map(|counted| counted.waiting.keys().copied()).collect()
    }

    /// Compares positions with what is waited for. Whether anything still is; when not, watching has ended.
    pub(crate) fn settle(&self, checkpoints: &[Checkpoint]) -> bool {
        let mut kept = self.kept();
        let mut open = false;
        for submission in kept.submissions.values_mut() {
            match &mut submission.state {
                State::Sent { counted, .. } => open |= counted.settle(checkpoints),
                State::Sending => {} // its own end begins the watch
            }
        }
        kept.watched = open;
        open
    }

    /// Keeps a file for its reader until it is confirmed.
    pub(crate) fn keep(&self, reader: &Arc<str>, name: String, import: Import, events: Vec<OutboundEvent>) -> String {
        let mut kept = self.kept();
        kept.next += 1;
        let number = kept.next;
        let events = Arc::new(events);
        let preview = Preview { reader: Arc::clone(reader), kept_since: Instant::now(), name, import, events };
        kept.previews.retain(|_, preview| preview.kept_since.elapsed() < PREVIEW_FOR);
        kept.previews.insert(number, preview);
        while kept.previews.len() > PREVIEWS {
            kept.previews.pop_first();
        }
        self.text(number)
    }

    /// A file of that reader.
    pub(crate) fn preview(&self, token: &str, reader: &Arc<str>) -> Option<Preview> {
        let number = self.number(token)?;
        let kept = self.kept();
        let preview = kept.previews.get(&number).filter(|preview| preview.reader == *reader);
        preview.filter(|preview| preview.kept_since.elapsed() < PREVIEW_FOR).cloned()
    }
}

impl Kept {
    fn forget(&mut self) {
        let held = |submission: &Submission| match &submission.state {
            State::Sent { events, .. } => events.len(),
            State::Sending => 0,
        };
        let mut events: usize = self.submissions.values().map(held).sum();
        while self.submissions.len() > 1 && (self.submissions.len() > SUBMISSIONS || events > EVENTS) {
            let Some((number, oldest)) = self.submissions.pop_first() else { return };
            events -= held(&oldest);
            self.floor = self.floor.max(number + 1);
        }
    }
}

impl Counted {
    fn settle(&mut self, checkpoints: &[Checkpoint]) -> bool {
        let after = self.acknowledged.elapsed();
        let done = |id: &PartitionId, end: &i64| checkpoints.iter().any(|c| c.id == *id && c.next >= *end);
        self.waiting.retain(|id, end| {
            let done = done(id, end);
            if done {
                self.after.insert(*id, after);
            }
            !done
        });
        !self.waiting.is_empty() && after < WATCH_FOR
    }

    /// Whether all of it is counted.
    pub(crate) fn all(&self) -> bool {
        self.waiting.is_empty()
    }

    /// For how long it has been waited.
    pub(crate) fn since(&self) -> Duration {
        self.acknowledged.elapsed()
    }
}
