//! The flush under way, known in this one place: the consumer hands it over, the flusher carries it out, and others wait for its end.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use stockstream_model::Timestamp;

/// How far the flush is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// There is none.
    #[default]
    Idle,
    /// The consumer handed it to the flusher.
    HandedOver,
    /// The flusher works on it, since that time.
    Running(Timestamp),
    /// It ended, and the consumer does not know its outcome yet.
    Ended,
}

/// At most one flush at a time: from the consumer to the flusher and back.
#[derive(Default)]
pub(crate) struct FlushGate {
    stage: Mutex<Stage>,
    ended: Condvar,
}

impl FlushGate {
    /// The consumer hands a flush to the flusher.
    pub fn hand_over(&self) {
        *self.stage.lock() = Stage::HandedOver;
    }

    /// The flusher begins with it.
    pub fn begin(&self, now: Timestamp) {
        *self.stage.lock() = Stage::Running(now);
    }

    /// The flusher is done with it.
    pub fn end(&self) {
        *self.stage.lock() = Stage::Ended;
        self.ended.notify_all();
    }

    /// The consumer knows its outcome, or could not hand it over.
    pub fn close(&self) {
        *self.stage.lock() = Stage::Idle;
        self.ended.notify_all();
    }

    /// Whether the consumer waits for an outcome: until then it hands over no other flush.
    pub fn is_in_flight(&self) -> bool {
        *self.stage.lock() != Stage::Idle
    }

    /// Whether the flusher has still to do with it.
    pub fn is_running(&self) -> bool {
        is_running(&self.stage.lock())
    }

    /// Since when the flusher works on it.
    pub fn since(&self) -> Option<Timestamp> {
        match *self.stage.lock() {
            Stage::Running(since) => Some(since),
            _ => None,
        }
    }

    /// Waits until the flusher is done with it, `at_most` so long.
    pub fn wait(&self, at_most: Duration) {
        self.ended.wait_while_for(&mut self.stage.lock(), |stage| is_running(stage), at_most);
    }
}

fn is_running(stage: &Stage) -> bool {
    matches!(stage, Stage::HandedOver | Stage::Running(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_runs_until_the_flusher_is_done_and_is_in_flight_until_its_outcome_is_known() {
        let (gate, now) = (FlushGate::default(), Timestamp::now());
        let seen = || (gate.is_in_flight(), gate.is_running(), gate.since());
        assert_eq!(seen(), (false, false, None));
        gate.hand_over();
        assert_eq!(seen(), (true, true, None));
        gate.begin(now);
        assert_eq!(seen(), (true, true, Some(now)));
        gate.end();
        assert_eq!(seen(), (true, false, None));
        gate.close();
        assert_eq!(seen(), (false, false, None));
    }

    #[test]
    fn whoever_waits_goes_on_when_the_flush_ends() {
        let gate = FlushGate::default();
        gate.wait(Duration::MAX);
        gate.hand_over();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| gate.wait(Duration::from_secs(3_600)));
            gate.begin(Timestamp::now());
            gate.end();
            waits.join().unwrap();
        });
    }
}
