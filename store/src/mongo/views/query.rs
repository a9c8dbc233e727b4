//! What a reader selects, as queries.

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use stockstream_model::documents::{Field, Kind};

use crate::{
    Page, Paging, Select,
    mongo::{
        MongoStore, Result,
        codec::{self, without_marks},
        command::find::FindQuery,
    },
    select::{COUNTED, Filter, Selectable, Test},
};

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
pub(crate) fn sort_key<R: Selectable>(field: &'static Field<R>, as_wanted_first: bool) -> Document {
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

/// That all filters hold, and that every word of the search is in one of the fields.
pub(crate) fn wanted<R: Selectable>(select: &Select<R>) -> Document {
    let in_one_field = |pattern: String| {
        let regex = |name: &&str| Bson::from(doc! { *name: { "$regex": pattern.clone() } });
        Bson::from(doc! { "$or": R::SEARCHED.iter().map(regex).collect::<Vec<_>>() })
    };
    let filters = select.filters.iter().map(|filter| condition(filter.field, &filter.test).into());
    all_of(filters.chain(select.search.patterns().map(in_one_field)).collect())
}

/// That these filters hold.
pub(crate) fn hold<R: Selectable>(filters: &[&Filter<R>]) -> Document {
    all_of(filters.iter().map(|filter| condition(filter.field, &filter.test).into()).collect())
}

fn all_of(all: Vec<Bson>) -> Document {
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

impl MongoStore {
    /// The documents of a page.
    pub(crate) async fn select<R: Selectable>(&self, collection: &str, select: &Select<R>) -> Result<Page<Document>> {
        if !select.whole && !select.is_in_an_index() {
            return Ok(self.look(collection, select, None).await?.page);
        }
        let Paging { page, per_page } = select.paging;
        let filter = wanted(select);
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
            self.find(collection, FindQuery::of(filter.clone()).sort(sort).fields(without_marks()).part(skip, limit))
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
            let query = FindQuery::of(of_word.clone()).sort(sort_key(field, as_wanted_first)).fields(without_marks());
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

    pub(crate) async fn aggregate(&self, collection: &str, stages: Vec<Document>) -> Result<Vec<Document>> {
        self.aggregate_to(&format!("read {collection}"), collection, stages).await
    }

    /// What the stages make of a collection; the action is named in errors.
    pub(crate) async fn aggregate_to(
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
