//! What a reader selects, as queries: what no index answers looks only at the first rows in the view's own order.

use bson::{Bson, Document, doc};
use futures_util::{FutureExt, TryStreamExt, future::try_join_all};
use stockstream_model::documents::{Field, Kind};

use super::{MongoStore, Result, codec, reads::Query};
use crate::{
    Page, Paging, Select,
    select::{COUNTED, Selectable, Test, WINDOW},
};

/// Up to so many rows are read in one document together with their count, which then cannot be too large for one.
const CUT_IN_ONE: i64 = 1_000;

/// From so many rows to skip on, it is worth asking from which end the way is shorter.
const FAR: u64 = 10_000;

/// The name of a field in the database: a view's key is the document's id.
fn path<R: Selectable>(field: &Field<R>) -> &'static str {
    if field.name == R::KEY { "_id" } else { field.name }
}

const fn direction(descending: bool) -> i32 {
    if descending { -1 } else { 1 }
}

/// The key by which rows are ordered by a field; its reverse is the other direction.
pub(super) fn sort_key<R: Selectable>(field: &'static Field<R>, as_wanted_first: bool) -> Document {
    let mut key = doc! { path(field): direction(field.greatest_first) };
    let own = R::own_order().field;
    if R::is_word(field) {
        key.insert(path(own), direction(own.greatest_first));
    }
    if !key.contains_key("_id") {
        key.insert("_id", 1);
    }
    if as_wanted_first { key } else { reversed(key) }
}

fn reversed(key: Document) -> Document {
    key.into_iter().map(|(name, way)| (name, Bson::Int32(-way.as_i32().unwrap_or(1)))).collect()
}

fn filter<R: Selectable>(select: &Select<R>) -> Document {
    let all: Vec<Bson> = select.filters.iter().map(|filter| condition(filter.field, &filter.test).into()).collect();
    if all.is_empty() {
        Document::new()
    } else {
        doc! { "$and": all }
    }
}

/// Values stand behind operators of ours only, never in the place of one.
fn condition<R: Selectable>(field: &'static Field<R>, test: &Test) -> Document {
    fn between(min: Option<Bson>, max: Option<Bson>) -> Document {
        let bounds = [("$gte", min), ("$lte", max)];
        bounds.into_iter().filter_map(|(operator, bound)| Some((operator.to_owned(), bound?))).collect()
    }
    let name = field.name;
    match test {
        Test::OneOf(texts) => doc! { name: { "$in": texts } },
        Test::Is(flag) => doc! { name: { "$eq": *flag } },
        Test::Between(min, max) => doc! { name: between(min.map(Bson::from), max.map(Bson::from)) },
        Test::Within(from, to) => doc! { name: between(from.map(codec::date), to.map(codec::date)) },
    }
}

/// Every word in one of the fields.
fn search<R: Selectable>(select: &Select<R>) -> Document {
    let in_one_field = |pattern: String| {
        let regex = |name: &&str| Bson::from(doc! { *name: { "$regex": pattern.clone() } });
        Bson::from(doc! { "$or": R::SEARCHED.iter().map(regex).collect::<Vec<_>>() })
    };
    let words: Vec<Bson> = select.search.patterns().map(in_one_field).collect();
    doc! { "$and": words }
}

/// The stages that find what a windowed question looks at.
fn window<R: Selectable>(select: &Select<R>) -> Vec<Document> {
    let own = sort_key(R::own_order().field, true);
    let mut stages = vec![doc! { "$match": filter(select) }, doc! { "$sort": own }, doc! { "$limit": WINDOW as i64 }];
    if !select.search.is_empty() {
        stages.push(doc! { "$match": search(select) });
    }
    stages
}

impl MongoStore {
    /// The documents of a page.
    pub(super) async fn select<R: Selectable>(&self, collection: &str, select: &Select<R>) -> Result<Page<Document>> {
        if select.is_windowed() {
            return self.select_in_window(collection, select).await;
        }
        let Paging { page, per_page } = select.paging;
        let filter = filter(select);
        let total = if filter.is_empty() {
            self.count(collection).await?
        } else {
            self.count_some(collection, filter.clone(), COUNTED).await?
        };
        // Where nothing matches, an order's index would be read whole to find that out.
        let items = match select.order().0.kind {
            _ if total == 0 => Vec::new(),
            Kind::Word(words) => self.by_rank(collection, select, &filter, words).await?,
            _ => self.in_order(collection, select, filter).await?,
        };
        Ok(Page { items, page, per_page, total, searched: None })
    }

    /// The rows of a page by their order's index, read from its nearer end: whoever skips rows reads them.
    async fn in_order<R: Selectable>(
        &self,
        collection: &str,
        select: &Select<R>,
        filter: Document,
    ) -> Result<Vec<Document>> {
        let (field, as_wanted_first) = select.order();
        let (skip, per_page) = (select.paging.skip(), select.paging.per_page);
        let read = |forward: bool, skip, limit| {
            let sort = sort_key(field, as_wanted_first == forward);
            self.find(collection, Query::of(filter.clone()).sort(sort).fields(doc! { "o": 0 }).part(skip, limit))
        };
        if skip > FAR {
            // Exactly: the server's own count may lag.
            let all = self.count_some(collection, filter.clone(), COUNTED).await?;
            if all < COUNTED && skip > all / 2 {
                let wanted = per_page.min(all.saturating_sub(skip));
                let mut rows = read(false, all.saturating_sub(skip + wanted), wanted).await?;
                rows.reverse();
                return Ok(rows);
            }
        }
        read(true, skip, per_page).await
    }

    /// The words of few, one after the other: an index orders them by their letters, people by their rank.
    async fn by_rank<R: Selectable>(
        &self,
        collection: &str,
        select: &Select<R>,
        filter: &Document,
        words: &[&str],
    ) -> Result<Vec<Document>> {
        let (field, as_wanted_first) = select.order();
        let upwards = field.greatest_first != as_wanted_first;
        let (mut skip, mut wanted, mut found) = (select.paging.skip(), select.paging.per_page, Vec::new());
        let in_order: Vec<&&str> = if upwards { words.iter().collect() } else { words.iter().rev().collect() };
        for word in in_order {
            let mut of_word = filter.clone();
            of_word.insert(field.name, *word);
            let query = Query::of(of_word.clone()).sort(sort_key(field, as_wanted_first)).fields(doc! { "o": 0 });
            let rows = self.find(collection, query.part(skip, wanted)).await?;
            if rows.is_empty() && skip > 0 {
                skip -= self.count_some(collection, of_word, skip).await?;
            } else {
                skip = 0;
            }
            wanted -= rows.len() as u64;
            found.extend(rows);
            if wanted == 0 {
                break;
            }
        }
        Ok(found)
    }

    async fn select_in_window<R: Selectable>(&self, collection: &str, select: &Select<R>) -> Result<Page<Document>> {
        let (field, as_wanted_first) = select.order();
        let Paging { page, per_page } = select.paging;
        let (stages, mut part) = (window(select), Vec::new());
        let mut key = sort_key(field, as_wanted_first);
        if let Kind::Word(words) = field.kind {
            let ranks = doc! { "$indexOfArray": [words, format!("${}", field.name)] };
            part.push(doc! { "$addFields": { "rank": ranks } });
            let rank = key.remove(field.name).unwrap_or(Bson::Int32(1));
            key = std::iter::once(("rank".to_owned(), rank)).chain(key).collect();
        }
        let skip = i64::try_from(select.paging.skip()).unwrap_or(i64::MAX);
        let limit = i64::try_from(per_page).unwrap_or(i64::MAX).min(WINDOW as i64);
        part.push(doc! { "$sort": key });
        part.push(doc! { "$skip": skip.min(WINDOW as i64) });
        part.push(doc! { "$limit": limit.max(1) });
        part.push(doc! { "$project": { "o": 0 } });
        let matching = self.count_some(collection, filter(select), WINDOW + 1);
        let ((items, total), matching) = tokio::try_join!(self.cut(collection, stages, part, limit), matching)?;
        let items = if limit == 0 { Vec::new() } else { items };
        let searched = (matching > WINDOW).then_some(WINDOW);
        Ok(Page { items, page, per_page, total: total as u64, searched })
    }

    /// The part of what the stages find, and how many they find.
    async fn cut(
        &self,
        collection: &str,
        stages: Vec<Document>,
        part: Vec<Document>,
        limit: i64,
    ) -> Result<(Vec<Document>, i64)> {
        let count = doc! { "$count": "n" };
        let number = |counted: Option<&Document>| counted.map_or(0, |count| codec::integer(count, "n"));
        if limit > CUT_IN_ONE {
            let counted = [stages.clone(), vec![count]].concat();
            let items = self.aggregate(collection, [stages, part].concat()).await?;
            return Ok((items, number(self.aggregate(collection, counted).await?.first())));
        }
        let both = doc! { "$facet": { "items": part, "count": [count] } };
        let found = self.aggregate(collection, [stages, vec![both]].concat()).await?;
        let documents = |name: &str| {
            let array = found.first().and_then(|found| found.get_array(name).ok());
            array.into_iter().flatten().filter_map(Bson::as_document)
        };
        Ok((documents("items").cloned().collect(), number(documents("count").next())))
    }

    /// What `sums` makes of the selected documents of each word of a field, the word as `_id`, and whether there were more
    /// than are counted.
    pub(super) async fn figures<R: Selectable>(
        &self,
        collection: &str,
        select: &Select<R>,
        (field, words): (&str, &[&str]),
        sums: Document,
    ) -> Result<(Vec<Document>, bool)> {
        let group = |id: Bson| {
            let keyed: Document = std::iter::once(("_id".to_owned(), id)).chain(sums.clone()).collect();
            doc! { "$group": keyed }
        };
        // A bound on what is counted keeps the server from answering by an index alone, so only those have one that need it.
        let bound = (self.estimate(collection).await? > COUNTED).then(|| doc! { "$limit": COUNTED as i64 });
        let groups: Vec<Document> = if select.is_all() {
            // Asked for by their word in its index, at once: on a future's heap, since together they do not fit a stack.
            let of_word = |word: &&str| {
                let word = (*word).to_owned();
                let stages = [Some(doc! { "$match": { field: &word } }), bound.clone(), Some(group(Bson::Null))];
                async move {
                    let sums = self.aggregate(collection, stages.into_iter().flatten().collect()).await?.pop();
                    Ok(sums.map(|mut sums| {
                        sums.insert("_id", word);
                        sums
                    }))
                }
                .boxed()
            };
            let found = try_join_all(words.iter().map(of_word)).await?;
            found.into_iter().flatten().collect()
        } else {
            let mut stages =
                if select.search.is_empty() { vec![doc! { "$match": filter(select) }] } else { window(select) };
            stages.extend(bound.clone());
            stages.push(group(format!("${field}").into()));
            self.aggregate(collection, stages).await?
        };
        let counted: i64 = groups.iter().map(|group| codec::integer(group, "n")).sum();
        Ok((groups, bound.is_some() && counted as u64 >= COUNTED))
    }

    async fn aggregate(&self, collection: &str, stages: Vec<Document>) -> Result<Vec<Document>> {
        self.aggregate_to(&format!("read {collection}"), collection, stages).await
    }

    /// What the stages make of a collection; the action is named in errors.
    pub(super) async fn aggregate_to(
        &self,
        action: &str,
        collection: &str,
        stages: Vec<Document>,
    ) -> Result<Vec<Document>> {
        self.retry(action, || async {
            let cursor = self.collection(collection).aggregate(stages.clone()).await;
            let cursor = cursor.map_err(|error| self.explain(action, &error))?;
            cursor.try_collect().await.map_err(|error| self.explain(action, &error))
        })
        .await
    }
}
