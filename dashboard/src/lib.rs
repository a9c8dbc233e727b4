//! Pages and JSON over the read-only views. Everything here only reads the database; what is entered (`entry`) goes to a
//! `Sender`, where there is one.
//!
//! A request passes `middleware` (security headers, host names, who asks and what they may: `auth`), then reaches a page of `pages`,
//! an answer of `api`, a file of `export` or a form of `entry`; what they list, and what of it an address asks for, is understood in
//! `views`. Whatever goes wrong is an `HttpError` (`error`), turned in one place into a page for a person or problem JSON for a program.
//!
//! Modules use those before them in this row alone: `locale` and `request`, `error`, `auth`, `data`, `ui`, `views`, `pages`, `api`,
//! `entry` and `export`, `middleware`, `router`. `hack/circles.py` fails where two files use each other.

mod api;
mod auth;
mod config;
mod data;
mod entry;
mod error;
mod export;
mod locale;
mod metrics;
mod middleware;
mod pages;
mod request;
mod router;
mod server;
mod ui;
mod views;

pub use crate::auth::{
    AccessOptions, Authenticator, OidcOptions, ProxyHeaders, Role, SignIn, check_name, hash_password,
};
pub use crate::config::{Options, Topics};
pub use crate::entry::{InFlight, NotSent, Receipt, Sender, Sending};
pub use axum::http::HeaderName;
pub use ipnet::IpNet;
pub use router::router;
pub use server::serve;
