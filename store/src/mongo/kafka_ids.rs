//! Which cluster is counted, and which clusters and topics were: a document of its own in `meta`.

use bson::{Bson, Document, doc};
use stockstream_model::documents::KafkaIds;

use super::{MongoStore, Result, codec, names};

const ID: &str = "kafka";

impl MongoStore {
    pub(super) async fn read_kafka_ids(&self) -> Result<KafkaIds> {
        Ok(self.meta(ID).await?.as_ref().map(kafka_ids).unwrap_or_default())
    }

    pub(super) async fn write_kafka_ids(&self, ids: &KafkaIds) -> Result<()> {
        let KafkaIds { cluster, replaced_clusters, replaced_topics } = ids;
        self.insert_if_absent(names::META, doc! { "_id": ID, "cluster": Bson::Null }).await?;
        let added = doc! {
            "replaced_clusters": { "$each": texts(replaced_clusters) },
            "replaced_topics": { "$each": texts(replaced_topics) },
        };
        self.update_many(names::META, &[doc! { "q": { "_id": ID }, "u": { "$addToSet": added } }]).await?;
        if let Some(cluster) = cluster {
            let standing: Vec<Bson> = texts(replaced_clusters).into_iter().chain([Bson::Null]).collect();
            let filter = doc! { "_id": ID, "cluster": { "$in": standing } };
            self.update_many(names::META, &[doc! { "q": filter, "u": { "$set": { "cluster": cluster } } }]).await?;
        }
        Ok(())
    }
}

pub(super) fn texts<'a>(ids: impl IntoIterator<Item = &'a String>) -> Vec<Bson> {
    ids.into_iter().map(|id| id.as_str().into()).collect()
}

pub(super) fn kafka_ids(document: &Document) -> KafkaIds {
    let ids = |field: &str| {
        document.get_array(field).into_iter().flatten().filter_map(Bson::as_str).map(str::to_owned).collect()
    };
    KafkaIds {
        cluster: codec::maybe_text(document, "cluster"),
        replaced_clusters: ids("replaced_clusters"),
        replaced_topics: ids("replaced_topics"),
    }
}
