//! Stock and what of it is at risk: read in parts that are bounded, whatever there is; written under a claimed revision.

use std::{collections::HashMap, ops::RangeInclusive};

use bson::{Bson, Document, doc};
use stockstream_model::{
    analytics::ProductFacts,
    documents::{InventoryState, RiskRow},
};
use stockstream_protocol::risk::{RiskUpdate, StandingRisk, StockKey};

use crate::{
    fail_point,
    mongo::{
        MongoStore, Result,
        apply::update::LAST_CLAIM,
        codec::{self, views},
        command::{
            find::{FindQuery, IDS_PER_QUERY},
            write::{PATIENCE, foreign_index},
        },
        names,
    },
    state_store::{ChangedProduct, RiskFacts},
};

fn stock_id((product, batch): &StockKey) -> Document {
    codec::stock_id(product, batch.as_deref())
}

/// Documents whose keys of stock lie behind the one, up to the other. Ids are compared field by field, in their order.
fn between(after: Option<&StockKey>, up_to: Option<&StockKey>) -> Document {
    let mut id = Document::new();
    id.extend(after.map(|key| ("$gt".to_owned(), Bson::from(stock_id(key)))));
    id.extend(up_to.map(|key| ("$lte".to_owned(), Bson::from(stock_id(key)))));
    if id.is_empty() {
        id
    } else {
        doc! { "_id": id }
    }
}

/// The fields of a product that the risk of its stock depends on.
fn fields_of_facts() -> Document {
    doc! { "rec": 1, "last_sale": 1, LAST_CLAIM: 1 }
}

fn facts(document: &Document) -> ProductFacts {
    let record = document.get_document("rec").ok().map(codec::record);
    ProductFacts { record, last_sale: codec::maybe_time(document, "last_sale") }
}

fn standing(document: &Document) -> Result<StandingRisk> {
    Ok(StandingRisk { row: views::risk(document)?, revision: codec::integer(document, "revision") })
}

/// [`RiskUpdate`] writes no row that a later revision wrote. A row without a revision is older than any.
fn not_later(id: impl Into<Bson>, revision: i64) -> Document {
    doc! { "_id": id.into(), "revision": { "$not": { "$gt": revision } } }
}

impl MongoStore {
    pub(crate) async fn read_stock_after(&self, after: Option<&StockKey>, at_most: u32) -> Result<Vec<RiskFacts>> {
        let query = FindQuery::of(between(after, None)).sort(doc! { "_id": 1 }).fields(codec::without_marks());
        let found = self.find(names::INVENTORY, query.part(0, at_most.into())).await?;
        let batches = found.iter().map(codec::inventory).collect::<Result<Vec<_>>>()?;
        let mut ids: Vec<&str> = batches.iter().map(|batch| batch.product_id.as_str()).collect();
        ids.dedup(); // they are in order
        let mut of_products = HashMap::with_capacity(ids.len());
        for chunk in ids.chunks(IDS_PER_QUERY) {
            let query = FindQuery::of(doc! { "_id": { "$in": chunk } }).fields(fields_of_facts());
            for document in self.find(names::PRODUCTS, query).await? {
                of_products.insert(codec::text(&document, "_id"), facts(&document));
            }
        }
        let with_facts = batches.into_iter().map(|batch| {
            let product = of_products.get(&batch.product_id).cloned().unwrap_or_default();
            (batch, product)
        });
        Ok(with_facts.collect())
    }

    pub(crate) async fn read_stock_of(&self, products: &[String], at_most: u32) -> Result<Vec<InventoryState>> {
        if products.is_empty() {
            return Ok(Vec::new());
        }
        let query = FindQuery::of(doc! { "_id.product_id": { "$in": products } }).fields(codec::without_marks());
        self.find(names::INVENTORY, query.part(0, at_most.into())).await?.iter().map(codec::inventory).collect()
    }

    pub(crate) async fn read_products_changed(
        &self,
        by: &RangeInclusive<i64>,
        after: Option<&ChangedProduct>,
        at_most: u32,
    ) -> Result<Vec<ChangedProduct>> {
        let mut changed = Vec::new();
        let mut behind = by.start() - 1;
        if let Some(ChangedProduct { last_claim, product_id, .. }) = after {
            // What is left of the same claim first: a condition on both fields at once, no index would answer.
            let rest = doc! { LAST_CLAIM: last_claim, "_id": { "$gt": product_id } };
            changed = self.find_changed(rest, at_most.into()).await?;
            behind = *last_claim;
        }
        let left = u64::from(at_most) - changed.len() as u64;
        if left > 0 {
            let later = doc! { LAST_CLAIM: { "$gt": behind, "$lte": by.end() } };
            changed.extend(self.find_changed(later, left).await?);
        }
        Ok(changed)
    }

    async fn find_changed(&self, filter: Document, at_most: u64) -> Result<Vec<ChangedProduct>> {
        let query = FindQuery::of(filter).sort(doc! { LAST_CLAIM: 1, "_id": 1 }).fields(fields_of_facts());
        let product = |document: &Document| ChangedProduct {
            last_claim: codec::integer(document, LAST_CLAIM),
            product_id: codec::text(document, "_id"),
            facts: facts(document),
        };
        Ok(self.find(names::PRODUCTS, query.part(0, at_most)).await?.iter().map(product).collect())
    }

    pub(crate) async fn read_risks_between(
        &self,
        after: Option<&StockKey>,
        up_to: Option<&StockKey>,
    ) -> Result<Vec<StandingRisk>> {
        let query = FindQuery::of(between(after, up_to)).sort(doc! { "_id": 1 });
        self.find(names::RISKS, query).await?.iter().map(standing).collect()
    }

    pub(crate) async fn read_risks_of(&self, products: &[String], at_most: u32) -> Result<Vec<StandingRisk>> {
        if products.is_empty() {
            return Ok(Vec::new());
        }
        let query = FindQuery::of(doc! { "product_id": { "$in": products } }).part(0, at_most.into());
        self.find(names::RISKS, query).await?.iter().map(standing).collect()
    }

    pub(crate) async fn write_risks(&self, update: &RiskUpdate) -> Result<bool> {
        let RiskUpdate { revision, upsert, delete } = update;
        let mut again = false;
        for chunk in upsert.chunks(self.updates_per_command) {
            again |= self.upsert_risks(*revision, chunk).await?;
        }
        fail_point("risks-upserted");
        for chunk in delete.chunks(IDS_PER_QUERY) {
            let ids: Vec<Bson> = chunk.iter().map(|key| stock_id(key).into()).collect();
            again |= self.delete_all(names::RISKS, not_later(doc! { "$in": ids }, *revision)).await?.again;
        }
        Ok(!again)
    }

    /// Whether a command was sent more than once.
    async fn upsert_risks(&self, revision: i64, chunk: &[RiskRow]) -> Result<bool> {
        let write = |row: &RiskRow| {
            let id = codec::stock_id(&row.product_id, row.batch_number.as_deref());
            let mut fields = views::risk_document(row);
            fields.insert("revision", revision);
            doc! { "q": not_later(id, revision), "u": { "$set": fields }, "upsert": true }
        };
        let mut updates: Vec<Document> = chunk.iter().map(write).collect();
        let (mut patience, mut again) = (PATIENCE, false);
        while !updates.is_empty() && patience > 0 {
            patience -= 1;
            // Two publishers may insert the same row at once; whose insert is refused then updates it, unless that of the other
            // is of a later revision.
            let written = self.update_many(names::RISKS, &updates).await?;
            again |= written.again;
            updates = written.refused.into_iter().filter_map(|index| updates.get(index).cloned()).collect();
            if !updates.is_empty() {
                let ids = updates.iter().filter_map(|update| update.get_document("q").ok()?.get("_id").cloned());
                let later = doc! { "_id": { "$in": ids.collect::<Vec<_>>() }, "revision": { "$gt": revision } };
                let later = self.find(names::RISKS, FindQuery::of(later).fields(doc! { "_id": 1 })).await?;
                let later: Vec<Option<&Bson>> = later.iter().map(|document| document.get("_id")).collect();
                updates
                    .retain(|update| update.get_document("q").is_ok_and(|filter| !later.contains(&filter.get("_id"))));
            }
        }
        if updates.is_empty() { Ok(again) } else { Err(foreign_index(names::RISKS)) }
    }
}
