//! Days of products: moved out of the product's document into `product_days`, a document for each product and block of days, and
//! read together with it. What is decided, and why nothing counts twice or is lost, is in [`stockstream_protocol::product_days`].

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bson::{Bson, Document, doc};
use stockstream_model::documents::ProductState;
use stockstream_protocol::product_days::{Block, BlockDays, Freeze, Keeping, Ledger};

use crate::{
    StoreError, fail_point,
    mongo::{
        MongoStore, Result,
        apply::update::{self, CROWDED},
        codec,
        command::{
            find::{FindQuery, IDS_PER_QUERY},
            write::PATIENCE,
        },
        names,
    },
};

/// How long a reader waits before it reads a product again whose days moved meanwhile.
const PAUSE: Duration = Duration::from_millis(25);

/// The blocks of products that are there.
type Blocks = HashMap<String, BTreeMap<Block, BlockDays>>;

/// A product whose days move.
struct Move {
    product: String,
    ledger: Ledger,
}

/// A projection of products without their days.
pub(crate) fn without_days() -> Document {
    let mut fields = codec::without_marks();
    fields.extend(doc! { "days": 0, "moving": 0, "moved": 0 });
    fields
}

/// A projection of what a product says of its days.
fn of_days() -> Document {
    doc! { "days": 1, "moving": 1, "moved": 1, "moves": 1, "kept_from": 1, "last_sale": 1 }
}

fn moves(documents: &[Document]) -> Result<Vec<Move>> {
    let read = |document: &Document| -> Result<Move> {
        Ok(Move { product: codec::text(document, "_id"), ledger: codec::ledger(document)? })
    };
    documents.iter().map(read).collect()
}

impl MongoStore {
    pub(crate) async fn move_older_days(&self, at_most: u32) -> Result<u64> {
        let crowded = FindQuery::of(doc! { CROWDED: true }).fields(of_days()).part(0, at_most.into());
        let crowded = moves(&self.find(names::PRODUCTS, crowded).await?)?;
        if crowded.is_empty() {
            return Ok(0);
        }
        let keeping = Keeping::of(self.analytics.history_days);
        let begin = crowded.iter().filter_map(|Move { product, ledger }| match ledger.due(&keeping) {
            Some(freeze) => Some(begun(product, &freeze)),
            None if ledger.moving.is_some() => None,
            // Those of a version that moved sooner.
            None => Some(doc! { "q": { "_id": product }, "u": crowded_anew(&[]) }),
        });
        self.step(names::PRODUCTS, &begin.collect::<Vec<_>>()).await?;
        // Only now is it known what was frozen: sales go on meanwhile.
        let ids: Vec<&str> = crowded.iter().map(|of| of.product.as_str()).collect();
        let frozen = doc! { "_id": { "$in": ids }, "moving": { "$exists": true } };
        let frozen = moves(&self.find(names::PRODUCTS, FindQuery::of(frozen).fields(of_days())).await?)?;
        if let Some(lacking) = self.add_to_blocks(&frozen).await? {
            return Err(torn(&doc! { "_id": lacking }));
        }
        let behind: Vec<Document> = frozen
            .iter()
            .flat_map(|Move { product, ledger }| ledger.behind().map(|block| codec::block_id(product, block)))
            .collect();
        for ids in behind.chunks(IDS_PER_QUERY) {
            self.delete(names::PRODUCT_DAYS, doc! { "_id": { "$in": ids } }).await?;
        }
        let finish: Vec<Document> = frozen.iter().map(finished).collect();
        self.step(names::PRODUCTS, &finish).await?;
        Ok(crowded.len() as u64)
    }

    /// Sends updates; how many found their document or made it.
    async fn step(&self, collection: &str, updates: &[Document]) -> Result<u64> {
        let done = self.update_many(collection, updates).await?.n;
        fail_point("amid-days");
        Ok(done)
    }

    /// Adds what is frozen to the blocks that have not got it yet. Returns a product with a block that has not got it after that
    /// either.
    async fn add_to_blocks(&self, frozen: &[Move]) -> Result<Option<String>> {
        let (mut updates, mut ids, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        for Move { product, ledger } in frozen {
            for (block, addition) in ledger.additions() {
                updates.push(update::block(codec::block_id(product, block), &addition));
                ids.push(codec::block_id(product, block));
                wanted.push((product, block, addition.number));
            }
        }
        if self.step(names::PRODUCT_DAYS, &updates).await? == updates.len() as u64 {
            return Ok(None);
        }
        // Another mover was faster, or the answer was lost. Nothing is dropped on faith, though.
        let blocks = self.blocks(&ids).await?;
        let number = |product: &str, block| Some(blocks.get(product)?.get(&block)?.number);
        let lacks = wanted.iter().find(|(product, block, wanted)| number(product, *block) < Some(*wanted));
        Ok(lacks.map(|(product, ..)| (*product).clone()))
    }

    async fn blocks(&self, ids: &[Document]) -> Result<Blocks> {
        let mut blocks = Blocks::new();
        for ids in ids.chunks(IDS_PER_QUERY) {
            for document in self.find(names::PRODUCT_DAYS, FindQuery::of(doc! { "_id": { "$in": ids } })).await? {
                let (product, block, days) = codec::block(&document)?;
                blocks.entry(product).or_default().insert(block, days);
            }
        }
        Ok(blocks)
    }

    /// The products of these documents, in their order, each with all of its days.
    pub(crate) async fn whole_products(&self, documents: Vec<Document>) -> Result<Vec<ProductState>> {
        let history_days = self.analytics.history_days;
        let mut whole: Vec<Option<ProductState>> = vec![None; documents.len()];
        let mut open: Vec<(usize, Document)> = documents.into_iter().enumerate().collect();
        for _ in 0..PATIENCE {
            let mut ledgers = Vec::with_capacity(open.len());
            let mut ids = Vec::new();
            for (_, document) in &open {
                let (product, ledger) = (codec::text(document, "_id"), codec::ledger(document)?);
                ids.extend(ledger.blocks(history_days).into_iter().map(|block| codec::block_id(&product, block)));
                ledgers.push((product, ledger));
            }
            let blocks = self.blocks(&ids).await?;
            let none = BTreeMap::new();
            let mut again: HashMap<String, usize> = HashMap::new();
            for ((index, document), (product, ledger)) in open.into_iter().zip(ledgers) {
                match ledger.whole(blocks.get(&product).unwrap_or(&none), history_days) {
                    Some(days) => whole[index] = Some(codec::product(&document, days)),
                    None => {
                        again.insert(product, index);
                    }
                }
            }
            if again.is_empty() {
                return Ok(whole.into_iter().flatten().collect());
            }
            tokio::time::sleep(PAUSE).await;
            let ids: Vec<&String> = again.keys().collect();
            let found = self
                .find(names::PRODUCTS, FindQuery::of(doc! { "_id": { "$in": ids } }).fields(codec::without_marks()));
            let with_index = |document: Document| Some((*again.get(document.get_str("_id").ok()?)?, document));
            open = found.await?.into_iter().filter_map(with_index).collect();
        }
        let unread = open.first().map(|(_, document)| document.clone()).unwrap_or_default();
        Err(torn(&unread))
    }
}

/// The product and its blocks do not belong together.
fn torn(product: &Document) -> StoreError {
    let message = "its days in product_days are others than it says: they were changed or deleted, or a backup was restored in part; \
                   restore the database whole";
    codec::malformed(names::PRODUCTS, product, message)
}

/// The first step of a move. What is older than the latest days is known when it takes effect: sales go on until then.
fn begun(product: &str, freeze: &Freeze) -> Document {
    let Freeze { number, before, from } = freeze;
    let days = |which: Vec<Document>| {
        let days = doc! { "$objectToArray": { "$ifNull": ["$days", {}] } };
        doc! { "$arrayToObject": { "$filter": { "input": days, "as": "day", "cond": { "$and": which } } } }
    };
    let mut older = vec![doc! { "$lt": ["$$day.k", before.to_string()] }];
    let mut set = doc! { "moves": number };
    if let Some(from) = from {
        older.push(doc! { "$gte": ["$$day.k", from.to_string()] });
        set.insert("kept_from", from.to_string());
    }
    set.insert("moving", doc! { "number": number, "days": days(older) });
    let latest = days(vec![doc! { "$gte": ["$$day.k", before.to_string()] }]);
    // Before the first move nothing is said.
    let seen = if *number == 1 { Bson::Null } else { Bson::Int64(number - 1) };
    doc! { "q": { "_id": product, "moves": seen }, "u": [{ "$set": set }, { "$set": { "days": latest } }] }
}

/// Says whether a product is crowded by the days that it has then: sales go on while its older ones move. Drops these fields besides.
fn crowded_anew(fields: &[&str]) -> [Document; 2] {
    let without: Vec<&str> = fields.iter().copied().chain([CROWDED]).collect();
    [doc! { "$unset": without }, doc! { "$set": { CROWDED: update::is_crowded() } }]
}

/// The last step of a move.
fn finished(Move { product, ledger }: &Move) -> Document {
    let moved: Document =
        ledger.moved_then().into_iter().map(|(block, number)| (block.0.to_string(), number.into())).collect();
    let [without, crowded] = crowded_anew(&["moving"]);
    let u = vec![without, doc! { "$set": { "moved": { "$literal": moved } } }, crowded];
    doc! { "q": { "_id": product, "moving.number": ledger.moves }, "u": u }
}
