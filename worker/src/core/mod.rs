//! What a worker decides, without IO: how events change keys, and how positions move.

pub mod fold;
mod lines;
pub mod memory;
pub mod notices;
pub(crate) mod progress;
