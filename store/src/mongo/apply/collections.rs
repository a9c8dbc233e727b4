//! The kinds of documents that claims change: how each is keyed and updated.

use std::hash::Hash;

use bson::{Bson, Document};
use stockstream_model::{
    Day,
    documents::{ClientChange, DailyChange, InventoryChange, ProductChange},
};
use stockstream_protocol::risk::StockKey;

use crate::{
    Changes, Guard,
    batch::{FastMap, Key},
    mongo::{
        MongoStore,
        apply::{
            insert,
            update::{self, Keys, Shape},
        },
        codec, names,
    },
};

/// A kind of document that claims change.
pub(crate) trait Kind {
    type Key: Ord + Hash + Eq + Sync + 'static;
    type Change: Sync + 'static;
    const COLLECTION: &'static str;
    fn changes(changes: &Changes) -> &FastMap<Self::Key, Self::Change>;
    fn id(key: &Self::Key) -> Bson;
    /// The key of a document's `_id`.
    fn key(id: &Bson) -> Option<Self::Key>;
    /// The upsert of one document.
    fn update(store: &MongoStore, id: Bson, change: &Self::Change, guard: &Guard) -> Document;
    /// The document as the change makes it where none is.
    fn fresh(store: &MongoStore, id: Bson, change: &Self::Change, guard: &Guard) -> Document;
    /// Changes of the same shape may share a statement.
    fn shape(_: &Self::Change) -> Shape {
        None
    }
    /// The update of many documents that are there, by changes of one shape.
    fn update_alike(_: &MongoStore, _: &Keys<'_, Self::Change>, _: &Guard) -> Option<Document> {
        None
    }
}

pub(crate) struct Products;
pub(crate) struct Inventory;
pub(crate) struct Clients;
pub(crate) struct Daily;

impl Kind for Products {
    type Key = Key;
    type Change = ProductChange;
    const COLLECTION: &'static str = names::PRODUCTS;
    fn changes(changes: &Changes) -> &FastMap<Key, ProductChange> {
        &changes.products
    }
    fn id(key: &Key) -> Bson {
        Bson::String(key.to_string())
    }
    fn key(id: &Bson) -> Option<Key> {
        id.as_str().map(Key::from)
    }
    fn update(store: &MongoStore, id: Bson, change: &ProductChange, guard: &Guard) -> Document {
        update::products(&Keys { ids: &[id], changes: &[change] }, guard, &store.analytics, store.stamp())
    }
    fn fresh(store: &MongoStore, id: Bson, change: &ProductChange, guard: &Guard) -> Document {
        insert::product(id, change, guard, &store.analytics, store.stamp())
    }
    fn shape(change: &ProductChange) -> Shape {
        update::product_shape(change)
    }
    fn update_alike(store: &MongoStore, keys: &Keys<'_, ProductChange>, guard: &Guard) -> Option<Document> {
        Some(update::products(keys, guard, &store.analytics, store.stamp()))
    }
}

impl Kind for Inventory {
    type Key = StockKey;
    type Change = InventoryChange;
    const COLLECTION: &'static str = names::INVENTORY;
    fn changes(changes: &Changes) -> &FastMap<StockKey, InventoryChange> {
        &changes.inventory
    }
    fn id((product, batch): &StockKey) -> Bson {
        codec::stock_id(product, batch.as_deref()).into()
    }
    fn key(id: &Bson) -> Option<StockKey> {
        id.as_document().and_then(codec::stock_key)
    }
    fn update(_: &MongoStore, id: Bson, change: &InventoryChange, guard: &Guard) -> Document {
        update::inventory(id, change, guard)
    }
    fn fresh(_: &MongoStore, id: Bson, change: &InventoryChange, guard: &Guard) -> Document {
        insert::inventory(id, change, guard)
    }
}

impl Kind for Clients {
    type Key = Key;
    type Change = ClientChange;
    const COLLECTION: &'static str = names::CLIENTS;
    fn changes(changes: &Changes) -> &FastMap<Key, ClientChange> {
        &changes.clients
    }
    fn id(key: &Key) -> Bson {
        Bson::String(key.to_string())
    }
    fn key(id: &Bson) -> Option<Key> {
        id.as_str().map(Key::from)
    }
    fn update(store: &MongoStore, id: Bson, change: &ClientChange, guard: &Guard) -> Document {
        update::clients(&Keys { ids: &[id], changes: &[change] }, guard, &store.analytics.clients, store.stamp())
    }
    fn fresh(store: &MongoStore, id: Bson, change: &ClientChange, guard: &Guard) -> Document {
        insert::client(id, change, guard, &store.analytics.clients, store.stamp())
    }
    fn shape(change: &ClientChange) -> Shape {
        update::client_shape(change)
    }
    fn update_alike(store: &MongoStore, keys: &Keys<'_, ClientChange>, guard: &Guard) -> Option<Document> {
        Some(update::clients(keys, guard, &store.analytics.clients, store.stamp()))
    }
}

impl Kind for Daily {
    type Key = Day;
    type Change = DailyChange;
    const COLLECTION: &'static str = names::DAILY;
    fn changes(changes: &Changes) -> &FastMap<Day, DailyChange> {
        &changes.daily
    }
    fn id(key: &Day) -> Bson {
        Bson::String(key.to_string())
    }
    fn key(id: &Bson) -> Option<Day> {
        id.as_str()?.parse().ok()
    }
    fn update(_: &MongoStore, id: Bson, change: &DailyChange, guard: &Guard) -> Document {
        update::daily(id, change, guard)
    }
    fn fresh(_: &MongoStore, id: Bson, change: &DailyChange, guard: &Guard) -> Document {
        insert::daily(id, change, guard)
    }
}
