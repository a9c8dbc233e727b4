//! What a request says: its parameters, cookies, conditions, and who reads the answer.

pub(crate) mod conditional;
pub(crate) mod context;
pub(crate) mod cookies;
pub(crate) mod preferences;
pub(crate) mod query;
pub(crate) mod url;
