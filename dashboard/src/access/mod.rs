//! Who may see what.
//!
//! Every request passes the [`gate`]: it finds out [`Who`] asks and looks into the one [`table`] whether that role may.
//! What is not in the table is refused, also when the router knows it.
//!
//! To add a route: add its pattern, as the router spells it, to `table::RULES`, with the methods and roles that it
//! takes; a test fails until that is done. A handler that wants to know who asks takes a `who: Who`. A page that belongs
//! into the navigation is added to `shell::SECTIONS`; it is shown to those who may open it.

mod gate;
mod role;
mod table;
#[cfg(test)]
mod table_tests;

pub use self::role::Role;
pub(crate) use self::{gate::check, role::Who, table::may_read};
