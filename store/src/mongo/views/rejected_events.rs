//! Rejected events, of which an index has the latest first and nothing else.

use bson::{Bson, Document, doc};

use crate::{
    mongo::{MongoStore, Result, codec, command::find::FindQuery, names},
    select::COUNTED,
    view_store::{LATEST, Page, Paging, RejectedSelect, Rejections},
};

/// The order of rejected events: that of their index.
fn latest_first() -> Document {
    doc! { "rejected_at": -1, "_id": 1 }
}

/// What is wanted of rejected events besides their days.
fn picked(select: &RejectedSelect) -> Document {
    let mut filter = Document::new();
    if let Some(reason) = select.reason {
        filter.insert("reason", reason.name());
    }
    if let Some(topic) = &select.topic {
        filter.insert("topic", topic);
    }
    if let Some(partition) = select.partition {
        filter.insert("partition", partition);
    }
    filter
}

/// The days that are wanted of rejected events.
fn of_days(select: &RejectedSelect) -> Document {
    let (from, before) = select.span();
    let mut span = Document::new();
    span.extend(from.map(|from| ("$gte".to_owned(), codec::date(from))));
    span.extend(before.map(|before| ("$lt".to_owned(), codec::date(before))));
    if span.is_empty() {
        Document::new()
    } else {
        doc! { "rejected_at": span }
    }
}

impl MongoStore {
    pub(crate) async fn select_rejected(&self, select: &RejectedSelect) -> Result<Page<Document>> {
        let Paging { page, per_page } = select.paging;
        let days = of_days(select);
        if select.has_filters() {
            return self.pick_rejected(select, days).await;
        }
        let query = FindQuery::of(days.clone()).sort(latest_first());
        let items = self.find(names::REJECTED, query.part(select.paging.skip(), per_page)).await?;
        let total = if days.is_empty() {
            self.count(names::REJECTED).await?
        } else {
            self.count_some(names::REJECTED, days, COUNTED).await?
        };
        Ok(Page { items, page, per_page, total, searched: None })
    }

    /// Looks through the latest of those days only. Not in one document with the count: payloads may have a megabyte each.
    async fn pick_rejected(&self, select: &RejectedSelect, days: Document) -> Result<Page<Document>> {
        let Paging { page, per_page } = select.paging;
        let of_days = self.count_some(names::REJECTED, days.clone(), LATEST as u64 + 1).await?;
        let searched = (of_days > LATEST as u64).then_some(LATEST as u64);
        let found = [doc! { "$match": days }, doc! { "$sort": latest_first() }, doc! { "$limit": LATEST as i64 }];
        let found = [found.as_slice(), &[doc! { "$match": picked(select) }]].concat();
        let action = "read rejected_events";
        let count = [found.as_slice(), &[doc! { "$count": "n" }]].concat();
        let total = self.aggregate_to(action, names::REJECTED, count).await?;
        let total = total.first().map_or(0, |count| codec::integer(count, "n") as u64);
        if per_page == 0 || select.paging.skip() >= total {
            return Ok(Page { items: Vec::new(), page, per_page, total, searched });
        }
        let skip = i64::try_from(select.paging.skip()).unwrap_or(i64::MAX);
        let limit = i64::try_from(per_page).unwrap_or(i64::MAX);
        let part = [found.as_slice(), &[doc! { "$skip": skip }, doc! { "$limit": limit }]].concat();
        let items = self.aggregate_to(action, names::REJECTED, part).await?;
        Ok(Page { items, page, per_page, total, searched })
    }

    pub(crate) async fn rejections(&self) -> Result<Rejections> {
        let action = "count rejected_events";
        let stages = vec![
            doc! { "$sort": { "rejected_at": -1 } },
            doc! { "$limit": LATEST as i64 },
            doc! { "$group": { "_id": "$reason", "n": { "$sum": 1 } } },
        ];
        let counts = self.aggregate_to(action, names::REJECTED, stages).await?;
        let pair = |document: &Document| {
            let reason = document.get("_id").and_then(Bson::as_str)?.to_owned();
            Some((reason, codec::integer(document, "n")))
        };
        Ok(counts.iter().filter_map(pair).collect())
    }
}
