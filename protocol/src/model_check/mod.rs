//! The protocol, checked exhaustively within bounds: every order of every step of a few workers, with crashes between and inside
//! the steps and lost acknowledgements. `claims` checks positions, claims, marks and logs; the others what their names say.
//!
//! What is decided is decided by this crate's own functions, as in production; only Kafka, the database and who does
//! something next are played here. So that a check that finds nothing means something, each guard that the database or the
//! glue holds can be left out, and must then be missed.

mod claims;
mod generations;
mod last_claim;
mod product_days;
mod publication;
mod risk;

use crate::exhaustive::{Known, holds, is_missed};

/// How often something may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Left {
    /// A publisher dies, or forgets because the role is given to it.
    crashes: u8,
    /// A step is done and not acknowledged.
    unheard: u8,
}
