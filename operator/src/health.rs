//! Whether the operator is well, and what it does.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A turn of the election is bounded by far less.
const STUCK: Duration = Duration::from_secs(60);

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It has not asked who leads yet.
    Starting,
    /// Another one leads; this one takes over when that one ends.
    Follower,
    /// It leads, and does not know all objects yet.
    Syncing,
    /// It leads.
    Leader,
}

/// Whether the operator is well.
pub(crate) struct Health {
    role: Mutex<Role>,
    turned: Mutex<Option<Instant>>,
}

impl Default for Health {
    fn default() -> Self {
        Self { role: Mutex::new(Role::Starting), turned: Mutex::new(None) }
    }
}

impl Health {
    pub fn set(&self, role: Role) {
        *self.role.lock() = role;
    }

    /// The election goes round.
    pub fn turn(&self) {
        *self.turned.lock() = Some(Instant::now());
    }

    /// What it does, in a word; or why it is not ready.
    pub fn ready(&self) -> Result<&'static str, &'static str> {
        match *self.role.lock() {
            Role::Starting => Err("it is not known yet who leads"),
            Role::Follower => Ok("follower"),
            Role::Syncing => Err("leader, reading what there is in the cluster"),
            Role::Leader => Ok("leader"),
        }
    }

    /// Whether it goes round; or since when it does not.
    pub fn alive(&self) -> Result<(), String> {
        match *self.turned.lock() {
            Some(turned) if turned.elapsed() > STUCK => {
                Err(format!("the election has not gone round for {} s", turned.elapsed().as_secs()))
            }
            _ => Ok(()),
        }
    }
}
