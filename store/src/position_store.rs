//! What a worker asks of the positions document.

use std::future::Future;

use stockstream_protocol::{positions::Positions, update::Update};

use crate::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// The positions document: read whole, written by conditional updates only.
///
/// Guarantees that the exactly-once protocol rests on: an update's condition and effect are one atomic step, acknowledged by a
/// majority; a read after an acknowledged update sees it, also in another process; the document is never deleted.
pub trait PositionStore: Send + Sync + 'static {
    /// The positions; `None` before they were created.
    fn load_positions(&self) -> impl Future<Output = Result<Option<Positions>>> + Send;

    /// Creates the positions unless there are some.
    ///
    /// # Errors
    /// What the server answered; that documents are counted already, whose positions are gone.
    fn create_positions(&self, first: &Positions) -> impl Future<Output = Result<()>> + Send;

    /// Applies an update if its condition holds, and returns whether it did. An update that took effect and was not
    /// acknowledged is sent again, and then returns `false`: whoever gets `false` reads the positions and decides from them.
    fn update_positions(&self, update: &Update) -> impl Future<Output = Result<bool>> + Send;
}
