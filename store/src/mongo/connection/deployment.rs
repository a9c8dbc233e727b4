//! What the server is, as far as it and the rights of our user tell.

use bson::{Document, deserialize_from_document, doc};
use stockstream_model::documents::{DatabaseServer, Deployment};

use crate::mongo::{MongoStore, Result, codec, names};

/// The document of `meta` that readers find it in.
const SERVER: &str = "server";

/// What a `hello` says.
fn deployment(hello: &Document) -> Deployment {
    match hello.get_str("msg") {
        Ok("isdbgrid") => Deployment::Sharded,
        _ if hello.contains_key("setName") => Deployment::ReplicaSet,
        _ => Deployment::Standalone,
    }
}

impl MongoStore {
    /// How the servers stand together. Asked once for each address that is used.
    pub(crate) async fn deployment(&self) -> Result<Deployment> {
        if let Some(known) = self.server.deployment() {
            return Ok(known);
        }
        let found = deployment(&self.command("ask what the server is", doc! { "hello": 1 }).await?);
        self.server.is(found);
        Ok(found)
    }

    /// Whether statements go through `mongos`. While a chunk moves, a statement for many documents may there pass by one of
    /// them, and counts what is left behind at the shard that had it.
    pub(crate) async fn is_sharded(&self) -> Result<bool> {
        Ok(self.deployment().await? == Deployment::Sharded)
    }

    /// Finds out what the server is, says so in the log, and writes it down for readers.
    pub(crate) async fn learn_server(&self) -> Result<()> {
        let hello = self.command("ask what the server is", doc! { "hello": 1 }).await?;
        let deployment = deployment(&hello);
        self.server.is(deployment);
        // What a user may not ask stays unknown; the role readWrite alone may not ask for the status.
        let version =
            self.ask_once(doc! { "buildInfo": 1 }).await.and_then(|build| codec::maybe_text(&build, "version"));
        let status = self.ask_once(doc! { "serverStatus": 1, "metrics": 0, "locks": 0, "wiredTiger": 0 }).await;
        let durable = status.and_then(|status| status.get_document("storageEngine").ok()?.get_bool("persistent").ok());
        let server = DatabaseServer { deployment, set: codec::maybe_text(&hello, "setName"), version, durable };
        self.tell(&server);
        let Ok(fields) = bson::serialize_to_document(&server) else { return Ok(()) };
        let mut standing = self.meta(SERVER).await?;
        standing.iter_mut().for_each(|standing| drop(standing.remove("_id")));
        if standing.as_ref() != Some(&fields) {
            let update = doc! { "q": { "_id": SERVER }, "u": { "$set": fields }, "upsert": true };
            self.update_many(names::META, &[update]).await?;
        }
        Ok(())
    }

    /// What a worker found the server to be.
    pub(crate) async fn server_found(&self) -> Result<Option<DatabaseServer>> {
        Ok(self.meta(SERVER).await?.and_then(|found| deserialize_from_document(found).ok()))
    }

    async fn ask_once(&self, command: Document) -> Option<Document> {
        self.server.admin().run_command(command).await.ok()
    }

    fn tell(&self, server: &DatabaseServer) {
        let DatabaseServer { deployment, set, version, durable } = server;
        let known = |known: Option<&str>| known.unwrap_or("unknown").to_owned();
        tracing::info!(
            place = self.place,
            database = self.name,
            deployment = ?deployment,
            set,
            version = known(version.as_deref()),
            durable = known(durable.map(|durable| if durable { "yes" } else { "no" })),
            "connected to MongoDB"
        );
        if *deployment == Deployment::Standalone {
            tracing::warn!(
                "MongoDB at {} is a server alone: what it has acknowledged is gone with its disk, and nobody takes over when it \
                 is away; make it a replica set (docs/databases.md)",
                self.place
            );
        }
        if *durable == Some(false) {
            tracing::warn!(
                "MongoDB at {} keeps nothing on disk: after its restart everything is lost, and counted again only as far as \
                 Kafka still has the events",
                self.place
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hello_tells_how_servers_stand_together() {
        assert_eq!(deployment(&doc! { "msg": "isdbgrid" }), Deployment::Sharded);
        assert_eq!(deployment(&doc! { "setName": "rs0", "hosts": ["a:1"] }), Deployment::ReplicaSet);
        assert_eq!(deployment(&doc! { "isWritablePrimary": true }), Deployment::Standalone);
    }
}
