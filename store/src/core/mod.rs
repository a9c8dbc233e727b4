//! What a store decides, without IO. Both stores run it, and the worker's model of the protocol runs the same.

pub mod at_limit;
pub mod generation;
pub mod guard;
pub mod invoice;
pub mod last_claim;
pub mod owner;
pub mod product_days;
pub mod standing;
pub mod view;
