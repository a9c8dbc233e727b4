//! Ids of clusters and topics in documents.

use bson::{Bson, Document};
use stockstream_model::documents::KafkaIds;

use crate::mongo::codec;

pub(crate) fn texts<'a>(ids: impl IntoIterator<Item = &'a String>) -> Vec<Bson> {
    ids.into_iter().map(|id| id.as_str().into()).collect()
}

pub(crate) fn kafka_ids(document: &Document) -> KafkaIds {
    let ids = |field: &str| {
        document.get_array(field).into_iter().flatten().filter_map(Bson::as_str).map(str::to_owned).collect()
    };
    KafkaIds {
        cluster: codec::maybe_text(document, "cluster"),
        replaced_clusters: ids("replaced_clusters"),
        replaced_topics: ids("replaced_topics"),
    }
}
