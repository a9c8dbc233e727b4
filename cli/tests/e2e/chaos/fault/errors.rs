//! A database that answers with transient errors in bursts, before and after it did what it was asked.

use std::fmt;

use stockstream_relay::Answer;

use super::Scenario;
use crate::harness::SeededRng;

/// Errors of a server that pass: interrupted, out of time, shutting down, in conflict, not primary, and what nobody knows.
const CODES: [i32; 16] = [1, 6, 50, 64, 89, 91, 112, 175, 189, 249, 262, 365, 10_107, 11_600, 11_601, 99_999];

pub struct Errors {
    /// Of so many commands one fails.
    one_in: u64,
    seed: u64,
    /// For so many events.
    away: u64,
    after: u64,
}

impl Errors {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let (one_in, seed) = (rng.between(1, 6), rng.between(0, u64::MAX));
        Self { one_in, seed, away: rng.between(50, 400), after: rng.between(1, 100) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        let (mut rng, one_in) = (SeededRng::new(self.seed), self.one_in);
        scenario
            .while_producing(async |stage| {
                let struck = stage.relay.answer(u64::MAX, move |request| {
                    if request.is_hello() || rng.between(0, one_in) > 0 {
                        return None;
                    }
                    let code = *rng.one(&CODES);
                    let answer = match rng.between(0, 5) {
                        0 => Answer::write_errors(code),
                        1 => Answer::write_concern(code),
                        2 => Answer::close(),
                        _ => Answer::code(code),
                    };
                    Some(if rng.between(0, 2) == 0 { answer } else { answer.afterwards() })
                });
                stage.produced(self.away).await;
                struck.at_least(1).await;
                stage.relay.heal();
                stage.produced(self.after).await;
            })
            .await;
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as answers to 1 in {} commands, for {} events", self.one_in, self.away)
    }
}
