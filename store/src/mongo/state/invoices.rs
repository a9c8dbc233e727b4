//! Invoices whose copies do not count: a document for each, `{_id, n, at, by: [{i, p, o, at}]}`, made by insert and grown by
//! compare-and-set on `n` and `at`.

use std::collections::HashMap;

use bson::{Bson, Document, doc};
use futures_util::{StreamExt, TryStreamExt, stream};
use stockstream_model::Timestamp;
use stockstream_protocol::dedup::{CountedSale, DedupCandidate, decide};

use crate::{
    fail_point,
    mongo::{
        MongoStore, Result, codec,
        command::{
            find::{FindQuery, IDS_PER_QUERY},
            write::{PATIENCE, encoded, foreign_index},
        },
        names,
    },
};

/// The sales of one invoice, by their places among those that ask.
struct Group<'a> {
    invoice: &'a str,
    places: Vec<usize>,
    asking: Vec<&'a DedupCandidate>,
}

impl MongoStore {
    pub(crate) async fn take(&self, asking: &[DedupCandidate]) -> Result<Vec<bool>> {
        let mut answers = vec![false; asking.len()];
        let mut open = self.insert_new(groups(asking), &mut answers).await?;
        let mut patience = PATIENCE;
        while !open.is_empty() {
            if patience == 0 {
                return Err(foreign_index(names::INVOICES));
            }
            patience -= 1;
            let standing = self.invoices(&open).await?;
            let (mut updates, mut again) = (Vec::new(), Vec::new());
            for group in open {
                let document = standing.get(group.invoice);
                let named = document.map(named).unwrap_or_default();
                let (decided, added) = decide(&named, &group.asking);
                if added.is_empty() {
                    answer(&mut answers, &group, &decided);
                } else {
                    // Whether it was written is seen by reading it: somebody may have been faster.
                    updates.extend(document.map(|document| growth(document, &added)));
                    again.push(group);
                }
            }
            self.update_many(names::INVOICES, &updates).await?;
            open = if updates.is_empty() { self.insert_new(again, &mut answers).await? } else { again };
        }
        Ok(answers)
    }

    /// Answers those whose invoice was not there; returns the others.
    async fn insert_new<'a>(&self, groups: Vec<Group<'a>>, answers: &mut [bool]) -> Result<Vec<Group<'a>>> {
        let mut commands = Vec::new();
        for chunk in groups.chunks(self.updates_per_command) {
            commands.push(self.insert_chunk(chunk));
        }
        let done: Vec<_> = stream::iter(commands).buffered(self.write_connections).try_collect().await?;
        let mut refused = vec![false; groups.len()];
        for (chunk, (new, of_chunk)) in done.into_iter().enumerate() {
            let first = chunk * self.updates_per_command;
            of_chunk.into_iter().for_each(|index| refused[first + index] = true);
            for (index, decided) in (first..).zip(new) {
                if !refused[index] {
                    answer(answers, &groups[index], &decided);
                }
            }
        }
        let mut refused = refused.into_iter();
        Ok(groups.into_iter().filter(|_| refused.next() == Some(true)).collect())
    }

    /// What is decided of each where no document is, and whose document is there.
    async fn insert_chunk(&self, groups: &[Group<'_>]) -> Result<(Vec<Vec<bool>>, Vec<usize>)> {
        fail_point("amid-invoices");
        let (mut decided, mut documents) = (Vec::new(), Vec::new());
        for group in groups {
            let (answers, added) = decide(&[], &group.asking);
            decided.push(answers);
            documents.push(encoded(&fresh(group.invoice, &added)));
        }
        Ok((decided, self.insert_encoded(names::INVOICES, &mut documents.into_iter()).await?.refused))
    }

    async fn invoices(&self, groups: &[Group<'_>]) -> Result<HashMap<String, Document>> {
        let mut queries = Vec::new();
        for chunk in groups.chunks(IDS_PER_QUERY) {
            let ids: Vec<&str> = chunk.iter().map(|group| group.invoice).collect();
            queries.push(self.find(names::INVOICES, FindQuery::of(doc! { "_id": { "$in": ids } })));
        }
        let found = stream::iter(queries).buffer_unordered(self.write_connections).try_concat().await?;
        Ok(found.into_iter().map(|document| (codec::text(&document, "_id"), document)).collect())
    }

    pub(crate) async fn forget(&self, before: Timestamp, at_most: u32) -> Result<u64> {
        let old = doc! { "at": { "$lt": codec::date(before) } };
        let query = FindQuery::of(old.clone()).fields(doc! { "_id": 1 }).part(0, at_most.into());
        let found = self.find(names::INVOICES, query).await?;
        let ids: Vec<&Bson> = found.iter().filter_map(|document| document.get("_id")).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        let mut filter = doc! { "_id": { "$in": ids } };
        filter.extend(old);
        self.delete(names::INVOICES, filter).await
    }
}

fn groups(asking: &[DedupCandidate]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::with_capacity(asking.len());
    let mut known = HashMap::with_capacity(asking.len());
    for (place, sale) in asking.iter().enumerate() {
        let invoice = sale.invoice.as_str();
        let index = *known.entry(invoice).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => {
                group.places.push(place);
                group.asking.push(sale);
            }
            None => groups.push(Group { invoice, places: vec![place], asking: vec![sale] }),
        }
    }
    groups
}

fn answer(answers: &mut [bool], group: &Group<'_>, decided: &[bool]) {
    group.places.iter().zip(decided).for_each(|(place, counts)| answers[*place] = *counts);
}

fn name(sale: &CountedSale) -> Bson {
    let CountedSale { incarnation, partition, offset, at } = sale;
    doc! { "i": *incarnation, "p": *partition, "o": *offset, "at": codec::date(*at) }.into()
}

fn named(document: &Document) -> Vec<CountedSale> {
    let taken = |name: &Document| CountedSale {
        incarnation: codec::integer(name, "i"),
        partition: codec::integer(name, "p") as i32,
        offset: codec::integer(name, "o"),
        at: codec::maybe_time(name, "at").unwrap_or_default(),
    };
    document.get_array("by").into_iter().flatten().filter_map(Bson::as_document).map(taken).collect()
}

fn latest(added: &[CountedSale]) -> Bson {
    codec::maybe_date(added.iter().map(|sale| sale.at).max())
}

fn fresh(invoice: &str, added: &[CountedSale]) -> Document {
    let by: Vec<Bson> = added.iter().map(name).collect();
    doc! { "_id": invoice, "n": added.len() as i64, "at": latest(added), "by": by }
}

/// Adds names to a document that is as it was read.
fn growth(document: &Document, added: &[CountedSale]) -> Document {
    let as_read: Document = ["_id", "n", "at"]
        .into_iter()
        .filter_map(|field| Some((field.to_owned(), document.get(field)?.clone())))
        .collect();
    let by: Vec<Bson> = added.iter().map(name).collect();
    let grown = doc! {
        "$push": { "by": { "$each": by } },
        "$inc": { "n": added.len() as i64 },
        "$max": { "at": latest(added) },
    };
    doc! { "q": as_read, "u": grown }
}
