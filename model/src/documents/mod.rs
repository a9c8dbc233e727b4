//! The documents of every collection, as typed values. How they are spelled in MongoDB is the store's affair; the public
//! rows serialize to JSON with the field names that readers of the views know.

mod change;
mod checkpoint;
mod fields;
mod fold_rules;
mod lost;
mod rows;
mod server;
mod state;
mod status;

pub use change::{ClientChange, DailyChange, InventoryChange, ProductChange, StockChange};
pub use checkpoint::{Checkpoint, EpochCheck, KafkaIds, LeaderEpoch, PartitionId, StartPositions};
pub use fields::{Field, Kind, Row, Value};
pub use fold_rules::FoldRules;
pub use lost::{Cause, LostRange};
pub use rows::{ClientRow, DailyRow, RiskCategory, RiskRow, Winner};
pub use server::{DatabaseServer, Deployment};
pub use state::{ClientRecordFields, ClientState, DayTotals, InventoryState, ProductRecord, ProductState, Version};
pub use status::{Heartbeat, PartitionStatus, RejectedEvent, View, ViewCondition, ViewState};
