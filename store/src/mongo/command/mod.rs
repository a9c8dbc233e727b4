//! What is sent to the server: reads, guarded writes in commands of bounded size, indexes.

pub(crate) mod find;
pub(crate) mod indexes;
pub(crate) mod write;
