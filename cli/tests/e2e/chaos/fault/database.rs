//! The database stopped or killed, whole or in part, and started again.

use std::fmt;

use super::Scene;
use crate::harness::Dice;

#[derive(Clone, Copy, Debug)]
enum How {
    Stop,
    KillFront,
    KillPostgres,
    KillBoth,
}

pub struct Database {
    how: How,
    before: u64,
    away: u64,
    after: u64,
}

impl Database {
    pub fn draw(dice: &mut Dice) -> Self {
        let how = *dice.one(&[How::Stop, How::KillFront, How::KillPostgres, How::KillBoth]);
        let (before, away, after) = (dice.between(10, 100), dice.between(1, 200), dice.between(1, 100));
        Self { how, before, away, after }
    }

    pub async fn strike(&self, scene: &mut Scene) {
        scene
            .while_producing(async |stage| {
                stage.produced(self.before).await;
                let services = stage.services();
                match self.how {
                    How::Stop => services.stop_database(),
                    How::KillFront => services.kill_front(),
                    How::KillPostgres => services.kill_postgres(),
                    How::KillBoth => {
                        services.kill_postgres();
                        services.kill_front();
                    }
                }
                stage.produced(self.away).await;
                stage.services().start_database();
                stage.produced(self.after).await;
            })
            .await;
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} after {} events, away for {}, and started", self.how, self.before, self.away)
    }
}
