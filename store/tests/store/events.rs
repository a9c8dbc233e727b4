//! Events in a few words.

use stockstream_model::{
    Money, Timestamp,
    documents::PartitionId,
    event::{ClientRecord, EventKind, Id, InventoryRecord, Item, Sale},
};

/// What a record of a topic holds.
#[derive(Clone, Debug)]
pub enum Body {
    Sale(Sale<'static>),
    Stock(InventoryRecord<'static>),
    Client(ClientRecord<'static>),
    /// What is no event.
    Bad(String),
}

pub const SALES: PartitionId = PartitionId { stream: EventKind::Sales, partition: 0 };
pub const MORE_SALES: PartitionId = PartitionId { stream: EventKind::Sales, partition: 1 };
pub const STOCK: PartitionId = PartitionId { stream: EventKind::Inventory, partition: 0 };
pub const CLIENTS: PartitionId = PartitionId { stream: EventKind::Clients, partition: 0 };

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn money(text: &str) -> Option<Money> {
    Some(text.parse().unwrap())
}

pub fn id(text: &str) -> Id<'static> {
    Id::new(text.to_owned()).unwrap()
}

/// A line of an invoice, with a price and without a cost.
pub fn line(product: &str, quantity: i64, price: &str) -> Item<'static> {
    Item { product_id: id(product), quantity, unit_price: money(price), unit_cost: None }
}

/// An invoice to nobody known.
pub fn sale(at: &str, items: Vec<Item<'static>>) -> Sale<'static> {
    Sale { invoice_id: id("i"), client_id: None, timestamp: time(at), total_amount: None, items }
}

/// An invoice of one line to a client.
pub fn bought(client: &str, at: &str, amount: &str) -> Body {
    Body::Sale(Sale { client_id: Some(id(client)), ..sale(at, vec![line("of ", 1, amount)]) })
}

/// A record of stock without batch, names or prices.
pub fn stock(product: &str, quantity: i64) -> InventoryRecord<'static> {
    InventoryRecord {
        product_id: id(product),
        name: None,
        category: None,
        buy_price: None,
        sell_price: None,
        min_margin_threshold: None,
        quantity,
        last_movement: None,
        expiry_date: None,
        batch_no: None,
        created_at: None,
        updated_at: None,
    }
}

/// A record of a client with nothing but its id.
pub fn client(name: &str) -> ClientRecord<'static> {
    ClientRecord {
        client_id: id(name),
        name: None,
        email: None,
        phone: None,
        total_revenue_generated: None,
        loyalty_tier: None,
        updated_at: None,
    }
}
