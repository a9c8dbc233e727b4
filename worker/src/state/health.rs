//! Whether a worker is alive, ready, and makes progress.

use std::sync::atomic::Ordering;

use stockstream_model::Timestamp;
use stockstream_store::Trouble;

use super::WorkerState;

/// Stall timeout of the read loop, in milliseconds.
const STUCK_MS: i64 = 60_000;
/// A flush that takes longer, or something that fails for longer, means that the database cannot be used. In milliseconds.
const LASTING_MS: i64 = 15_000;

impl WorkerState {
    /// Why not everything of this worker's moves, if it does not.
    pub fn no_progress(&self, now: Timestamp) -> Option<String> {
        let blocking = self.problems.blocking();
        (!blocking.is_empty()).then(|| blocking.join("\n")).or_else(|| self.not_ready(now))
    }

    /// Why the worker is not healthy, if it is not: only its restart would help.
    pub fn unhealthy(&self, now: Timestamp) -> Option<String> {
        let last = self.last_turn.load(Ordering::Relaxed);
        let silence = now.millis() - last;
        (last > 0 && silence > STUCK_MS).then(|| format!("the reading loop has not turned for {} s", silence / 1_000))
    }

    /// Why the worker is not ready, if it is not.
    pub fn not_ready(&self, now: Timestamp) -> Option<String> {
        if let Some(why) = self.disowned.get() {
            return Some(why.clone());
        }
        let waiting_for = self.waiting_for.lock().clone();
        let first = self.problems.retried().into_iter().next();
        // Before there is work nothing has to last; later what is over in a moment is none of a probe's business.
        let counts = |trouble: &Trouble| waiting_for.is_some() || now.millis() - trouble.since.millis() > LASTING_MS;
        let lasting = first.filter(counts).map(|trouble| trouble.message);
        if let Some(what) = self.problems.blocked().or(lasting).or(waiting_for) {
            return Some(what);
        }
        let slow = self.flush.since().filter(|since| now.millis() - since.millis() > LASTING_MS)?;
        Some(format!("a flush to the database is under way since {} s", (now.millis() - slow.millis()) / 1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_nothing_from_moving_is_a_problem_and_progress_is_there() {
        let state = WorkerState::new("worker".into());
        state.runs();
        let (key, words) = ("sums of client ann", "revenue of client ann");
        assert!(state.problems.warn(key, words) && !state.problems.warn(key, words));
        assert_eq!((state.problems.all(), state.no_progress(Timestamp::now())), (vec![words.to_owned()], None));
        state.problems.add("sales/3", "sales/3 stopped");
        assert_eq!(state.no_progress(Timestamp::now()).as_deref(), Some("sales/3 stopped"));
        state.problems.remove("sales/3");
        state.problems.remove_warning(key);
        assert_eq!(state.problems.all(), Vec::<String>::new());
    }

    #[test]
    fn what_fails_is_a_problem_at_once_and_keeps_from_being_ready_if_it_lasts() {
        let state = WorkerState::new("worker".into());
        state.problems.retrying("apply", "code 365".into());
        let after = |seconds: i64| state.not_ready(Timestamp::now().plus_millis(seconds * 1_000));
        assert_eq!(after(0).as_deref(), Some("code 365"), "before there is work nothing has to last");
        state.runs();
        assert_eq!((state.problems.all(), after(0)), (vec!["code 365".to_owned()], None));
        // Another step that works says nothing of this one; another word about it is not another trouble.
        state.problems.recovered("heartbeat");
        state.problems.retrying("apply", "code 13".into());
        assert_eq!(after(16).as_deref(), Some("code 13"));
        state.problems.recovered("apply");
        assert_eq!((state.problems.all(), after(16)), (vec![], None));
    }

    #[test]
    fn a_flush_that_takes_long_keeps_from_being_ready() {
        let (state, now) = (WorkerState::new("worker".into()), Timestamp::now());
        state.runs();
        state.flush.begin(now);
        assert_eq!(state.not_ready(now.plus_millis(LASTING_MS)), None);
        let slow = state.not_ready(now.plus_millis(16_000));
        assert_eq!(slow.as_deref(), Some("a flush to the database is under way since 16 s"));
    }
}
