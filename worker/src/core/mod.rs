//! What a worker decides, without IO: how events change keys, and how positions move.

pub mod fold;
pub mod memory;
pub mod notices;
pub(crate) mod progress;
mod sale_buffer;
