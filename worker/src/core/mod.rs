//! What a worker decides, without IO: how events change keys, and how positions move.

pub mod duplicates;
pub mod flight;
pub mod fold;
mod lines;
pub mod position;
pub mod publication;
