//! Where entered events go. The dashboard knows no Kafka: whoever starts it hands in a sender.

use std::{fmt, future::Future, pin::Pin};

use stockstream_input::OutboundEvent;

/// What is on its way.
pub type Sending = Pin<Box<dyn Future<Output = Result<Vec<Receipt>, NotSent>> + Send>>;

/// Sends events, and knows where they are then.
pub trait Sender: fmt::Debug + Send + Sync + 'static {
    /// Sends events in this order, each acknowledged by all replicas and none twice. A receipt for each, in their order.
    fn send(&self, events: Vec<OutboundEvent>) -> Sending;
}

/// Where a sent event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
}

/// That not all events were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent {
    /// What happened, where, and what to do.
    pub message: String,
    /// Of each event, where it is; none of one that was not acknowledged. Empty when none was.
    pub receipts: Vec<Option<Receipt>>,
    /// Whether an event that was not acknowledged may have been taken all the same.
    pub in_doubt: bool,
}

impl NotSent {
    /// None of the events was sent.
    pub fn at_all(message: String) -> Self {
        Self { message, receipts: Vec::new(), in_doubt: false }
    }
}
