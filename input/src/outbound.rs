//! An event on its way out.

use std::borrow::Cow;

use serde::Serialize;
use stockstream_model::event::{
    ClientRecord, EventKind, Id, InventoryRecord, Rejection, Sale, decode_client, decode_inventory, decode_sale,
};

/// A record to produce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundEvent {
    /// The stream, which is to say the topic.
    pub stream: EventKind,
    /// The Kafka key: the invoice, the product or the client.
    pub key: String,
    /// The Kafka value: JSON in UTF-8, unless it is meant to be refused.
    pub payload: Vec<u8>,
}

impl OutboundEvent {
    /// Why workers would refuse it; `None` when they take it.
    pub fn refusal(&self) -> Option<Rejection> {
        match self.stream {
            EventKind::Sales => decode_sale(&self.payload).err(),
            EventKind::Inventory => decode_inventory(&self.payload).err(),
            EventKind::Clients => decode_client(&self.payload).err(),
        }
    }

    pub(crate) fn sale(sale: &Sale<'_>) -> Self {
        Self::of(EventKind::Sales, &sale.invoice_id, sale)
    }

    pub(crate) fn inventory(record: &InventoryRecord<'_>) -> Self {
        Self::of(EventKind::Inventory, &record.product_id, record)
    }

    pub(crate) fn client(record: &ClientRecord<'_>) -> Self {
        Self::of(EventKind::Clients, &record.client_id, record)
    }

    fn of(stream: EventKind, key: &Id<'_>, event: &impl Serialize) -> Self {
        // Writing JSON to memory fails only for keys that are no strings, which no event has. If one ever had, the
        // workers would reject the empty payload and say so.
        let payload = serde_json::to_vec(event).unwrap_or_default();
        Self { stream, key: key.as_str().to_owned(), payload }
    }
}

/// An id of our own making, which is short and not empty.
pub(crate) fn id<'a>(text: impl Into<Cow<'a, str>>) -> Id<'a> {
    Id::new(text).unwrap_or_else(|| id("0"))
}
