//! Answers of the database that several readers share. As long as nothing changed, all requests get the same one, and a request
//! that comes while it is being read waits for that read. An expensive answer is served a little longer than it is fresh, so that however many people
//! watch a page while events arrive, reading it takes only a part of the time.

use std::{
    any::{Any, TypeId},
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Mutex as Turn, time::Instant};

use crate::data::{
    fingerprint::{Fingerprints, Part},
    lru::LruCache,
};

/// So many questions are kept, those asked last.
const QUESTIONS: usize = 64;
/// What changes without an event (derived fields after a change of settings, events that expire, signs of life) is seen
/// after this.
const LONGEST: Duration = Duration::from_secs(30);
/// The same for the state of the pipeline, which tells ages.
const LONGEST_STATUS: Duration = Duration::from_secs(1);
/// An answer that took at least this long is dear.
const SLOW_QUERY: Duration = Duration::from_millis(20);
/// For so many times as long as it took, people are told it although something changed.
const STANDS: u32 = 10;
/// But no longer than this.
const STANDS_AT_MOST: Duration = Duration::from_secs(5);

type Question = (TypeId, Part, String);

/// What is kept for a question.
#[derive(Default)]
struct CacheEntry {
    kept: Mutex<Option<Kept>>,
    /// Whoever holds it reads anew.
    turn: Turn<()>,
}

/// Shared answers.
#[derive(Default)]
pub(crate) struct SharedCache {
    state: State,
    kept: Mutex<LruCache<Question, Arc<CacheEntry>, QUESTIONS>>,
}

struct Kept {
    state: Fingerprints,
    since: Instant,
    took: Duration,
    value: Arc<dyn Any + Send + Sync>,
}

impl Kept {
    /// For how long people are still told it although something changed.
    fn stands(&self, is_being_read: bool) -> Option<Duration> {
        let long = if self.took < SLOW_QUERY { Duration::ZERO } else { (self.took * STANDS).min(STANDS_AT_MOST) };
        let left = long.checked_sub(self.since.elapsed()).filter(|left| !left.is_zero());
        // Who reads it anew waits for it; others need not.
        left.or_else(|| (is_being_read && self.since.elapsed() < long * 2).then_some(self.took))
    }
}

impl CacheEntry {
    /// What is kept, if it may still be told.
    fn told<T: Clone + 'static>(
        &self,
        part: Part,
        now: &Fingerprints,
        is_being_read: bool,
        to_a_person: bool,
    ) -> Option<Answer<T>> {
        let longest = if part == Part::Status { LONGEST_STATUS } else { LONGEST };
        let kept = self.kept.lock();
        let kept = kept.as_ref().filter(|kept| kept.since.elapsed() < longest)?;
        let value = || kept.value.downcast_ref::<T>().cloned();
        if !now.changed_since(Some(&kept.state)).contains(&part) {
            return Some(Answer { value: value()?, retry_after: None });
        }
        let retry_after = kept.stands(is_being_read).filter(|_| to_a_person)?;
        Some(Answer { value: value()?, retry_after: Some(retry_after) })
    }
}

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    /// If something changed since it was read: after how long who asks again is told of it.
    pub(crate) retry_after: Option<Duration>,
}

impl SharedCache {
    /// The answer of `read`, or one that was read in the same state of the database, or, `to_a_person`, a dear one that was
    /// read a moment before. `state` is asked for that state; `question` tells apart what is asked for of one part in one
    /// type.
    ///
    /// # Errors
    /// What `state` or `read` failed with; the next who asks tries again.
    pub(crate) async fn share<T: Clone + Send + Sync + 'static, E>(
        &self,
        part: Part,
        question: String,
        to_a_person: bool,
        state: impl Future<Output = Result<Fingerprints, E>>,
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<Answer<T>, E> {
        // Before the answer is read: it is then never older than the state that it is kept for.
        let now = self.state.current(state).await?;
        let place = self.place((TypeId::of::<T>(), part, question));
        let mut turn = place.turn.try_lock();
        if let Some(answer) = place.told(part, &now, turn.is_err(), to_a_person) {
            return Ok(answer);
        }
        if turn.is_err() {
            turn = Ok(place.turn.lock().await);
            if let Some(answer) = place.told(part, &now, false, to_a_person) {
                return Ok(answer);
            }
        }
        let since = Instant::now();
        let value = read.await?;
        let kept = Kept { state: now, since, took: since.elapsed(), value: Arc::new(value.clone()) };
        *place.kept.lock() = Some(kept);
        drop(turn);
        Ok(Answer { value, retry_after: None })
    }

    fn place(&self, question: Question) -> Arc<CacheEntry> {
        Arc::clone(self.kept.lock().used(question))
    }
}

/// The state of the database as it was read after somebody asked for it: one look for all who asked before it began.
#[derive(Default)]
struct State {
    asked: AtomicU64,
    last: Turn<Option<(u64, Fingerprints)>>,
}

impl State {
    async fn current<E>(&self, read: impl Future<Output = Result<Fingerprints, E>>) -> Result<Fingerprints, E> {
        let number = self.asked.fetch_add(1, Ordering::AcqRel);
        let mut last = self.last.lock().await;
        if let Some((before, state)) = *last
            && number < before
        {
            return Ok(state);
        }
        let before = self.asked.load(Ordering::Acquire);
        let state = read.await?;
        *last = Some((before, state));
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use stockstream_model::documents::{Checkpoint, PartitionId};
    use stockstream_model::event::EventKind;
    use stockstream_store::ChangeProbe;
    use tokio::sync::Semaphore;

    use super::*;

    /// The state after so many events of a stream.
    fn after(stream: EventKind, events: i64) -> Fingerprints {
        let checkpoint = Checkpoint { next: events, ..Checkpoint::new(PartitionId { stream, partition: 0 }, 7, None) };
        Fingerprints::of(&ChangeProbe { checkpoints: vec![checkpoint], ..ChangeProbe::default() })
    }

    async fn ask(answers: &SharedCache, question: &str, state: Fingerprints, value: u32) -> Result<u32, String> {
        let question = question.to_owned();
        let answer = answers.share(Part::Clients, question, true, async { Ok(state) }, async { Ok(value) }).await;
        answer.map(|answer| {
            assert_eq!(answer.retry_after, None, "it is not dear");
            answer.value
        })
    }

    #[tokio::test]
    async fn an_answer_stands_until_its_part_changes() {
        let answers = SharedCache::default();
        let (one, two) = (after(EventKind::Sales, 1), after(EventKind::Sales, 2));
        assert_eq!(ask(&answers, "a", one, 1).await, Ok(1));
        assert_eq!(ask(&answers, "a", one, 2).await, Ok(1), "nothing changed");
        assert_eq!(ask(&answers, "b", one, 3).await, Ok(3), "another question");
        assert_eq!(ask(&answers, "a", two, 4).await, Ok(4), "sales came");
        let stock = after(EventKind::Inventory, 1);
        assert_eq!(ask(&answers, "a", stock, 5).await, Ok(5));
        assert_eq!(ask(&answers, "a", after(EventKind::Inventory, 2), 6).await, Ok(5), "stock is no part of clients");
        let other_type =
            answers.share(Part::Clients, "a".into(), true, async { Ok::<_, ()>(stock) }, async { Ok("text") });
        assert_eq!(other_type.await.map(|answer| answer.value), Ok("text"));
    }

    #[tokio::test(start_paused = true)]
    async fn people_are_told_a_dear_answer_a_little_longer_and_when_to_ask_again() {
        let answers = SharedCache::default();
        let (one, two) = (after(EventKind::Sales, 1), after(EventKind::Sales, 2));
        let dear = async |state, value, to_a_person| {
            let read = async {
                tokio::time::sleep(SLOW_QUERY).await;
                Ok::<u32, ()>(value)
            };
            answers.share(Part::Clients, "a".into(), to_a_person, async { Ok(state) }, read).await.unwrap()
        };
        assert_eq!(dear(one, 1, true).await, Answer { value: 1, retry_after: None });
        let left = SLOW_QUERY * (STANDS - 1); // it is as old as its reading's begin
        assert_eq!(dear(two, 2, true).await, Answer { value: 1, retry_after: Some(left) });
        assert_eq!(dear(two, 3, false).await, Answer { value: 3, retry_after: None }, "a program is told the newest");
        assert_eq!(dear(two, 4, true).await, Answer { value: 3, retry_after: None }, "and whoever asks after it");
    }

    #[test]
    fn an_answer_stands_in_proportion_to_what_it_took() {
        let stands = |took, age, is_being_read| {
            let since = Instant::now().checked_sub(Duration::from_millis(age)).unwrap();
            let (state, took) = (after(EventKind::Sales, 1), Duration::from_millis(took));
            Kept { state, since, took, value: Arc::new(()) }.stands(is_being_read)
        };
        assert_eq!([stands(19, 0, true), stands(30, 300, false), stands(60_000, 5_000, false)], [None; 3]);
        assert!(stands(60_000, 4_000, false).is_some_and(|left| left <= Duration::from_secs(1)));
        assert_eq!(stands(300, 4_000, true), Some(Duration::from_millis(300)), "until it is read anew");
        assert_eq!(stands(300, 6_000, true), None);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let answers = SharedCache::default();
        let state = after(EventKind::Sales, 1);
        let failed =
            answers.share(Part::Clients, "a".into(), true, async { Ok(state) }, async { Err::<u32, _>("away") });
        assert_eq!(failed.await, Err("away"));
        assert_eq!(ask(&answers, "a", state, 2).await, Ok(2));
        let blind = answers.share(Part::Clients, "a".into(), true, async { Err("away") }, async { Ok(3_u32) });
        assert_eq!(blind.await, Err("away"), "the state is not known");
    }

    #[tokio::test]
    async fn those_who_ask_at_once_are_answered_by_one_read_and_two_looks() {
        let (answers, gate) = (SharedCache::default(), Semaphore::new(0));
        let (reads, looks) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let one = || {
            let state = async {
                looks.fetch_add(1, Ordering::Relaxed);
                gate.acquire().await.map_err(drop)?.forget();
                Ok::<_, ()>(after(EventKind::Sales, 1))
            };
            let read = async { Ok(reads.fetch_add(1, Ordering::Relaxed)) };
            answers.share(Part::Clients, String::new(), true, state, read)
        };
        let all = futures_util::future::join_all((0..100).map(|_| one()));
        let (all, ()) = tokio::join!(all, async { gate.add_permits(100) });
        assert!(all.iter().all(|answer| *answer == Ok(Answer { value: 0, retry_after: None })), "{all:?}");
        assert_eq!((reads.into_inner(), looks.into_inner()), (1, 2));
    }

    #[tokio::test]
    async fn who_asks_during_a_look_waits_for_the_next() {
        let state = State::default();
        let (old, new) = (after(EventKind::Sales, 1), after(EventKind::Sales, 2));
        let gate = Semaphore::new(0);
        let first = state.current(async {
            gate.acquire().await.map_err(drop)?.forget();
            Ok::<_, ()>(old)
        });
        let second = async {
            tokio::task::yield_now().await;
            let second = state.current(async { Ok::<_, ()>(new) });
            let (second, ()) = tokio::join!(second, async { gate.add_permits(1) });
            second
        };
        assert_eq!(tokio::join!(first, second), (Ok(old), Ok(new)));
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let answers = SharedCache::default();
        for number in 0..200 {
            let _ = ask(&answers, &number.to_string(), after(EventKind::Sales, 1), number).await;
        }
        assert_eq!(answers.kept.lock().len(), QUESTIONS);
    }
}
