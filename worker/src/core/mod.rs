//! What a worker decides without I/O, beside the protocol: how events change keys, what fits into memory, what is reported.

pub mod fold;
pub mod memory;
pub mod notices;
pub(crate) mod progress;
mod sale_buffer;
