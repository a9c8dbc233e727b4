//! From an address to a database: reading the address, opening and renewing a client, trying again, and saying what went wrong.

pub mod address;
pub(crate) mod client_certificate;
pub(crate) mod connect;
pub(crate) mod deployment;
pub(crate) mod diagnose;
pub(crate) mod failure;
pub(crate) mod last_errors;
pub(crate) mod open;
pub(crate) mod privileges;
pub(crate) mod retry;
pub(crate) mod server;
pub(crate) mod uri_form;
