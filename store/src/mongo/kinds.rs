//! The kinds of documents that ranges change: how each is keyed, combined and updated.

use std::hash::Hash;

use bson::{Bson, Document};
use stockstream_model::{
    Day,
    documents::{ClientChange, DailyChange, InventoryChange, ProductChange},
};

use super::{
    MongoStore, codec, fresh, names,
    update::{self, Keys, Shape},
};
use crate::{
    Range,
    batch::{FastMap, Key, StockKey},
    core::verdict::Guard,
};

/// A kind of document that ranges change.
pub(super) trait Kind {
    type Key: Ord + Hash + Eq + Sync + 'static;
    type Change: Clone + Sync + 'static;
    const COLLECTION: &'static str;
    fn changes(range: &Range) -> &FastMap<Self::Key, Self::Change>;
    fn merge(into: &mut Self::Change, other: &Self::Change);
    fn id(key: &Self::Key) -> Bson;
    /// The key of a document's `_id`.
    fn key(id: &Bson) -> Option<Self::Key>;
    /// The upsert of one document.
    fn update(store: &MongoStore, id: Bson, change: &Self::Change, guards: &[Guard]) -> Document;
    /// The document as the change makes it where none is.
    fn fresh(store: &MongoStore, id: Bson, change: &Self::Change, guards: &[Guard]) -> Document;
    /// Changes of the same shape may share a statement.
    fn shape(_: &MongoStore, _: &Self::Change) -> Shape {
        None
    }
    /// The update of many documents that are there, by changes of one shape.
    fn update_alike(_: &MongoStore, _: &Keys<'_, Self::Change>, _: &[Guard]) -> Option<Document> {
        None
    }
}

pub(super) struct Products;
pub(super) struct Inventory;
pub(super) struct Clients;
pub(super) struct Daily;

impl Kind for Products {
    type Key = Key;
    type Change = ProductChange;
    const COLLECTION: &'static str = names::PRODUCTS;
    fn changes(range: &Range) -> &FastMap<Key, ProductChange> {
        &range.products
    }
    fn merge(into: &mut ProductChange, other: &ProductChange) {
        into.merge(other);
    }
    fn id(key: &Key) -> Bson {
        Bson::String(key.to_string())
    }
    fn key(id: &Bson) -> Option<Key> {
        id.as_str().map(Key::from)
    }
    fn update(store: &MongoStore, id: Bson, change: &ProductChange, guards: &[Guard]) -> Document {
        update::products(&Keys { ids: &[id], changes: &[change] }, guards, &store.analytics, store.stamp())
    }
    fn fresh(store: &MongoStore, id: Bson, change: &ProductChange, guards: &[Guard]) -> Document {
        fresh::product(id, change, guards, &store.analytics, store.stamp())
    }
    fn shape(store: &MongoStore, change: &ProductChange) -> Shape {
        update::product_shape(change, &store.analytics)
    }
    fn update_alike(store: &MongoStore, keys: &Keys<'_, ProductChange>, guards: &[Guard]) -> Option<Document> {
        Some(update::products(keys, guards, &store.analytics, store.stamp()))
    }
}

impl Kind for Inventory {
    type Key = StockKey;
    type Change = InventoryChange;
    const COLLECTION: &'static str = names::INVENTORY;
    fn changes(range: &Range) -> &FastMap<StockKey, InventoryChange> {
        &range.inventory
    }
    fn merge(into: &mut InventoryChange, other: &InventoryChange) {
        into.merge(other);
    }
    fn id((product, batch): &StockKey) -> Bson {
        codec::stock_id(product, batch.as_deref()).into()
    }
    fn key(id: &Bson) -> Option<StockKey> {
        id.as_document().and_then(codec::stock_key)
    }
    fn update(_: &MongoStore, id: Bson, change: &InventoryChange, guards: &[Guard]) -> Document {
        update::inventory(id, change, guards)
    }
    fn fresh(_: &MongoStore, id: Bson, change: &InventoryChange, guards: &[Guard]) -> Document {
        fresh::inventory(id, change, guards)
    }
}

impl Kind for Clients {
    type Key = Key;
    type Change = ClientChange;
    const COLLECTION: &'static str = names::CLIENTS;
    fn changes(range: &Range) -> &FastMap<Key, ClientChange> {
        &range.clients
    }
    fn merge(into: &mut ClientChange, other: &ClientChange) {
        into.merge(other);
    }
    fn id(key: &Key) -> Bson {
        Bson::String(key.to_string())
    }
    fn key(id: &Bson) -> Option<Key> {
        id.as_str().map(Key::from)
    }
    fn update(store: &MongoStore, id: Bson, change: &ClientChange, guards: &[Guard]) -> Document {
        update::clients(&Keys { ids: &[id], changes: &[change] }, guards, &store.analytics.clients, store.stamp())
    }
    fn fresh(store: &MongoStore, id: Bson, change: &ClientChange, guards: &[Guard]) -> Document {
        fresh::client(id, change, guards, &store.analytics.clients, store.stamp())
    }
    fn shape(_: &MongoStore, change: &ClientChange) -> Shape {
        update::client_shape(change)
    }
    fn update_alike(store: &MongoStore, keys: &Keys<'_, ClientChange>, guards: &[Guard]) -> Option<Document> {
        Some(update::clients(keys, guards, &store.analytics.clients, store.stamp()))
    }
}

impl Kind for Daily {
    type Key = Day;
    type Change = DailyChange;
    const COLLECTION: &'static str = names::DAILY;
    fn changes(range: &Range) -> &FastMap<Day, DailyChange> {
        &range.daily
    }
    fn merge(into: &mut DailyChange, other: &DailyChange) {
        into.merge(other);
    }
    fn id(key: &Day) -> Bson {
        Bson::String(key.to_string())
    }
    fn key(id: &Bson) -> Option<Day> {
        id.as_str()?.parse().ok()
    }
    fn update(_: &MongoStore, id: Bson, change: &DailyChange, guards: &[Guard]) -> Document {
        update::daily(id, change, guards)
    }
    fn fresh(_: &MongoStore, id: Bson, change: &DailyChange, guards: &[Guard]) -> Document {
        fresh::daily(id, change, guards)
    }
}
