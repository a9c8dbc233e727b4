//! What a worker decides, without IO: how events change keys, and how positions move.

pub mod duplicates;
pub mod flight;
pub mod fold;
mod identity;
mod lines;
pub mod position;
pub(crate) mod progress;
pub mod publication;
pub mod reset;
