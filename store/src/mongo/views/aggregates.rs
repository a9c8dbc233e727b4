//! What selected rows amount to, by a word of theirs.

use bson::{Bson, Document, doc};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use crate::{
    Select,
    mongo::{MongoStore, Result, codec, views::query::wanted},
    select::{COUNTED, Selectable},
};

/// What is counted of the rows of each word.
pub(crate) struct Aggregation<'a> {
    /// The field that holds the word.
    pub(crate) field: &'static str,
    /// All words there are.
    pub(crate) words: &'a [&'static str],
    /// The sums, `n` among them the number of rows.
    pub(crate) each: Document,
}

/// Sums of rows by a word of theirs, the word as `_id`; and whether there were more than are counted.
pub(crate) type Groups = (Vec<Document>, bool);

/// The stage that sums rows up by what the id is.
pub(crate) fn group(id: Bson, each: &Document) -> Document {
    let keyed: Document = std::iter::once(("_id".to_owned(), id)).chain(each.clone()).collect();
    doc! { "$group": keyed }
}

impl MongoStore {
    /// What the selected documents amount to. Where nothing but words of the field is said, indexes have all that is
    /// summed up; otherwise no more is looked at than by a page.
    pub(crate) async fn figures<R: Selectable>(
        &self,
        collection: &str,
        select: &Select<R>,
        sums: &Aggregation<'_>,
    ) -> Result<Groups> {
        if let Some(words) = select.words_of(sums.field, sums.words) {
            return self.figures_of_words(collection, &words, sums, words.len()).await;
        }
        let (mut stages, searched) = self.within_reach(collection, select).await?;
        stages.extend([doc! { "$match": wanted(select) }, group(format!("${}", sums.field).into(), &sums.each)]);
        Ok((self.aggregate(collection, stages).await?, searched.is_some()))
    }

    /// What all documents of these words amount to, for so many words `at_once`: each takes a processor of the server.
    pub(crate) async fn figures_of_words(
        &self,
        collection: &str,
        words: &[&str],
        sums: &Aggregation<'_>,
        at_once: usize,
    ) -> Result<Groups> {
        // A bound on what is counted keeps the server from answering by an index alone, so only those have one that need it.
        let bound = (self.estimate(collection).await? > COUNTED).then(|| doc! { "$limit": COUNTED as i64 });
        // Asked for by their word in its index: on a future's heap, since together they do not fit a stack.
        let of_word = |word: &&str| {
            let word = (*word).to_owned();
            let find = doc! { "$match": { sums.field: &word } };
            let stages = [Some(find), bound.clone(), Some(group(Bson::Null, &sums.each))];
            async move {
                let sums = self.aggregate(collection, stages.into_iter().flatten().collect()).await?.pop();
                Ok(sums.map(|mut sums| {
                    sums.insert("_id", word);
                    sums
                }))
            }
            .boxed()
        };
        let found = stream::iter(words.iter().map(of_word)).buffered(at_once.max(1));
        let groups: Vec<_> = found.try_filter_map(|sums| async { Ok(sums) }).try_collect().await?;
        let counted: i64 = groups.iter().map(|group| codec::integer(group, "n")).sum();
        Ok((groups, bound.is_some() && counted as u64 >= COUNTED))
    }
}
