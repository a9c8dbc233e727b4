//! Pages and JSON over the read-only views. Everything here only reads the database; what is entered (`enter`) goes to a
//! `Sender`, where there is one.
//!
//! A request passes the guard (security headers, host names) and `access` (who asks, and what they may), then a page of `pages`, an answer of `api` or a file of
//! `export`; what they list, and what of it an address asks for, is understood in `listing`. Whatever goes wrong is a
//! `Failure`, turned in one place into a page for a person or problem JSON for a program.

mod access;
mod answers;
mod api;
mod app;
mod assets;
mod busy;
mod chart;
mod cookies;
mod enter;
mod etag;
mod export;
mod failure;
mod format;
mod guard;
mod health;
mod listing;
mod live;
mod memory;
mod metrics;
mod openapi;
mod options;
mod overview;
mod pages;
mod query;
mod reader;
mod recent;
mod router;
mod server;
mod shell;
mod table;
mod words;

pub use access::{Access, AccessOptions, OidcOptions, ProxyHeaders, Role, SignIn, check_name, hash_password};
pub use axum::http::HeaderName;
pub use enter::{NotSent, Receipt, Sender, Sending, Submissions};
pub use ipnet::IpNet;
pub use options::{Options, Topics};
pub use router::router;
pub use server::serve;
