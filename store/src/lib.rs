//! What is asked of a database: [`StateStore`] by the workers, [`ViewStore`] by whoever only reads. Each on MongoDB (or
//! a server compatible with it) and in memory.

pub mod at_limit;
pub mod batch;
pub mod checkpoints;
mod error;
mod fail_point;
pub mod inspect;
mod last_error;
pub mod memory;
pub mod mongo;
mod ownership;
mod position_store;
pub mod select;
mod state_store;
mod view_store;

pub use crate::fail_point::fail_point;
pub use crate::last_error::Trouble;
pub use batch::{ApplyReport, Changes};
pub use checkpoints::CheckpointStore;
pub use error::StoreError;
pub use memory::MemoryStore;
pub use mongo::{MongoStore, Proxy};
pub use position_store::PositionStore;
pub use select::Select;
pub use state_store::{ChangedProduct, Progress, RiskFacts, StateStore};
pub use stockstream_protocol::{
    guard::Guard,
    owner::{Owner, SignsOfLife},
};
pub use view_store::{
    ChangeProbe, ClientDetail, ClientFigures, Page, Paging, ProductDetail, RejectedSelect, Rejections, RiskFigures,
    RiskShare, Status, TierShare, ViewStore,
};
