//! Who may see what.
//!
//! Every request passes `middleware::authorize`: it finds out [`Principal`] asks and looks into the one table of [`permissions`] whether
//! that role may. What is not in the table is refused, also when the router knows it.
//!
//! To add a route: add its pattern, as the router spells it, to `permissions::RULES`, with the methods and roles that it
//! takes; a test fails until that is done. A handler that wants to know who asks takes a `who: Who`. A page that belongs
//! into the navigation is added to `ui::layout::SECTIONS`; it is shown to those who may open it. A request that changes
//! something and was sent by a page of somebody else does not get here: forms need no tokens.
//!
//! Who it is that asks is found out by the kind of sign-in that was chosen ([`SignIn`]): nobody signs in, by `password`
//! and a `session` in a cookie, by the headers of a `proxy`, or by OpenID Connect (`oidc`) and a session.

pub(crate) mod authenticate;
pub(crate) mod client_address;
pub(crate) mod config;
pub(crate) mod identity;
pub(crate) mod oidc;
pub(crate) mod password_hash;
pub(crate) mod password_login;
pub(crate) mod permissions;
#[cfg(test)]
mod permissions_tests;
pub(crate) mod proxy_headers;
pub(crate) mod rate_limit;
pub(crate) mod revocations;
pub(crate) mod session;
pub(crate) mod session_check;
pub(crate) mod users_file;

pub use crate::auth::{
    authenticate::Authenticator,
    config::{AccessOptions, SignIn},
    identity::Role,
    oidc::OidcOptions,
    password_hash::hash_password,
    proxy_headers::ProxyHeaders,
    users_file::check_name,
};
pub(crate) use crate::auth::{identity::Principal, permissions::may_read, session_check::SessionCheck};
