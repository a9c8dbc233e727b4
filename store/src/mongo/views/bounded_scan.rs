//! Questions that no index answers: they look at a bounded number of rows, once.

use bson::{Bson, Document, doc};
use futures_util::future::try_join_all;
use stockstream_model::documents::Kind;

use crate::{
    Page, Paging, Select,
    mongo::{
        MongoStore, Result,
        codec::{self, without_marks},
        views::{
            aggregates::{Aggregation, group},
            query::{hold, sort_key, wanted},
        },
    },
    select::{MAX_SCAN, Selectable},
};

/// Up to so many rows are read in one document together with what is counted, which then cannot be too large for one.
const IN_ONE: i64 = 1_000;

/// What came of looking.
pub(crate) struct ScanResult {
    pub(crate) page: Page<Document>,
    /// What all that matched amount to.
    pub(crate) groups: Vec<Document>,
}

impl MongoStore {
    /// The documents of a page, and what all that match amount to.
    pub(crate) async fn look<R: Selectable>(
        &self,
        collection: &str,
        select: &Select<R>,
        sums: Option<&Aggregation<'_>>,
    ) -> Result<ScanResult> {
        let (mut stages, searched) = self.within_reach(collection, select).await?;
        stages.push(doc! { "$match": wanted(select) });
        let Paging { page, per_page } = select.paging;
        let part = part(select);
        let counted = match sums {
            Some(sums) => group(format!("${}", sums.field).into(), &sums.each),
            None => doc! { "$group": { "_id": Bson::Null, "n": { "$sum": 1 } } },
        };
        let (items, groups) = if per_page > IN_ONE as u64 {
            let count = [stages.clone(), vec![counted]].concat();
            tokio::try_join!(self.aggregate(collection, [stages, part].concat()), self.aggregate(collection, count))?
        } else {
            stages.push(doc! { "$facet": { "items": part, "groups": [counted] } });
            let found = self.aggregate(collection, stages).await?;
            let documents = |name: &str| {
                let array = found.first().and_then(|found| found.get_array(name).ok());
                array.into_iter().flatten().filter_map(Bson::as_document).cloned().collect::<Vec<_>>()
            };
            (documents("items"), documents("groups"))
        };
        let items = if per_page == 0 { Vec::new() } else { items };
        let total = groups.iter().map(|group| codec::integer(group, "n") as u64).sum();
        Ok(ScanResult { page: Page { items, page, per_page, total, searched }, groups })
    }

    /// The stages that find what is looked at, never more than the window, and how many these are if not all that could
    /// match. What is counted for that stands in indexes.
    pub(crate) async fn within_reach<R: Selectable>(
        &self,
        collection: &str,
        select: &Select<R>,
    ) -> Result<(Vec<Document>, Option<u64>)> {
        let stages = |filter: Document, sort: Document| {
            vec![doc! { "$match": filter }, doc! { "$sort": sort }, doc! { "$limit": MAX_SCAN as i64 }]
        };
        let own = sort_key(R::own_order().field, true);
        let leading = hold(&select.leading());
        if self.count_some(collection, leading.clone(), MAX_SCAN + 1).await? <= MAX_SCAN {
            return Ok((stages(leading, own), None));
        }
        let narrowing = select.narrowing();
        let counts = narrowing.iter().map(|filter| self.count_some(collection, hold(&[filter]), MAX_SCAN + 1));
        let counts = try_join_all(counts).await?;
        let fewest = counts.into_iter().zip(narrowing).min_by_key(|(count, _)| *count);
        Ok(match fewest {
            // In the order of its index, which is then what finds them.
            Some((count, filter)) if count <= MAX_SCAN => (stages(hold(&[filter]), sort_key(filter.field, true)), None),
            _ => (stages(leading, own), Some(MAX_SCAN)),
        })
    }
}

/// The stages that make a page of what matched.
fn part<R: Selectable>(select: &Select<R>) -> Vec<Document> {
    let (field, as_wanted_first) = select.order();
    let (mut part, mut key) = (Vec::new(), sort_key(field, as_wanted_first));
    if let Kind::Word(words) = field.kind {
        let ranks = doc! { "$indexOfArray": [words, format!("${}", field.name)] };
        part.push(doc! { "$addFields": { "rank": ranks } });
        let rank = key.remove(field.name).unwrap_or(Bson::Int32(1));
        key = std::iter::once(("rank".to_owned(), rank)).chain(key).collect();
    }
    let at_most = |number: u64| i64::try_from(number.min(MAX_SCAN)).unwrap_or(i64::MAX);
    part.push(doc! { "$sort": key });
    part.push(doc! { "$skip": at_most(select.paging.skip()) });
    part.push(doc! { "$limit": at_most(select.paging.per_page).max(1) });
    part.push(doc! { "$project": without_marks() });
    part
}
