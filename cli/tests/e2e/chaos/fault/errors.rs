//! A database that answers with transient errors in bursts, before and after it did what it was asked.

use std::fmt;

use stockstream_relay::Answer;

use super::Scene;
use crate::harness::Dice;

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
    pub fn draw(dice: &mut Dice) -> Self {
        let (one_in, seed) = (dice.between(1, 6), dice.between(0, u64::MAX));
        Self { one_in, seed, away: dice.between(50, 400), after: dice.between(1, 100) }
    }

    pub async fn strike(&self, scene: &mut Scene) {
        let (mut dice, one_in) = (Dice::new(self.seed), self.one_in);
        scene
            .while_producing(async |stage| {
                let struck = stage.relay.answer(u64::MAX, move |request| {
                    if request.is_hello() || dice.between(0, one_in) > 0 {
                        return None;
                    }
                    let code = *dice.one(&CODES);
                    let answer = match dice.between(0, 5) {
                        0 => Answer::write_errors(code),
                        1 => Answer::write_concern(code),
                        2 => Answer::close(),
                        _ => Answer::code(code),
                    };
                    Some(if dice.between(0, 2) == 0 { answer } else { answer.afterwards() })
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
