//! Language, translation and the forms of numbers and times.

pub(crate) mod format;
pub(crate) mod language;
pub(crate) mod translate;
