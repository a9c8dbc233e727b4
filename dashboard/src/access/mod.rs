//! Who may see what.
//!
//! Every request passes the [`gate`]: it finds out [`Who`] asks and looks into the one [`table`] whether that role may.
//! What is not in the table is refused, also when the router knows it.
//!
//! To add a route: add its pattern, as the router spells it, to `table::RULES`, with the methods and roles that it
//! takes; a test fails until that is done. A handler that wants to know who asks takes a `who: Who`. A page that belongs
//! into the navigation is added to `shell::SECTIONS`; it is shown to those who may open it. A request that changes
//! something and was sent by a page of somebody else does not get here: forms need no tokens.
//!
//! Who it is that asks is found out by the kind of sign-in that was chosen ([`SignIn`]): nobody signs in, by `password`
//! and a `session` in a cookie, by the headers of a `proxy`, or by OpenID Connect (`oidc`) and a session.

mod gate;
mod known;
mod limit;
mod oidc;
mod options;
mod origin;
mod password;
mod passwords;
mod proxy;
mod role;
mod session;
mod sign_in;
mod signed_out;
mod stay;
mod table;
#[cfg(test)]
mod table_tests;
mod users;

pub(crate) use self::{gate::check, role::Who, sign_in::routes, stay::Stay, table::may_read};
pub use self::{
    known::Access,
    oidc::OidcOptions,
    options::{AccessOptions, SignIn},
    password::hash_password,
    proxy::ProxyHeaders,
    role::Role,
    users::check_name,
};
