//! What the user of an address may do beside reading: for whoever is meant to read only.

use std::collections::BTreeSet;

use bson::{Document, doc};
use mongodb::error::ErrorKind;

use crate::mongo::{MongoStore, Result, command::find::FindQuery, names};

/// The server's answer to what the user may not do.
const UNAUTHORIZED: i32 = 13;

/// Actions of privileges that change documents, collections or users, in the words of MongoDB's roles.
const WRITES: [&str; 16] = [
    "anyAction",
    "bypassDocumentValidation",
    "collMod",
    "convertToCapped",
    "createCollection",
    "createIndex",
    "createUser",
    "dropCollection",
    "dropDatabase",
    "dropIndex",
    "grantRole",
    "insert",
    "internal",
    "remove",
    "renameCollectionSameDB",
    "update",
];

impl MongoStore {
    /// Proves that the user may read, and tells what else it may do to this database: nothing, for one that has the role
    /// `read` alone. Changes and deletions are tried, with filters that match nothing; what else is granted is read from the
    /// privileges that the server tells of the user, if it does.
    ///
    /// # Errors
    /// When the server does not answer, or the user may not even read.
    pub async fn writes(&self) -> Result<BTreeSet<String>> {
        self.find(names::VIEWS, FindQuery::all().part(0, 1)).await?;
        let nothing = doc! { "_id": { "$in": [] } };
        let mut may = BTreeSet::new();
        for (action, command) in [
            (
                "update",
                doc! { "update": names::VIEWS, "updates": [{ "q": nothing.clone(), "u": { "$set": { "v": 0 } } }] },
            ),
            ("remove", doc! { "delete": names::VIEWS, "deletes": [{ "q": nothing, "limit": 1 }] }),
        ] {
            if self.is_allowed(action, command).await? {
                may.insert(action.to_owned());
            }
        }
        may.extend(self.told().await.iter().filter(|action| WRITES.contains(&action.as_str())).cloned());
        Ok(may)
    }

    async fn is_allowed(&self, action: &str, command: Document) -> Result<bool> {
        let action = format!("ask whether it may {action}");
        self.retry(&action, || async {
            match self.server.db().run_command(command.clone()).await {
                Ok(_) => Ok(true),
                Err(error) => match error.kind.as_ref() {
                    ErrorKind::Command(command)
                        if command.code == UNAUTHORIZED && !command.message.contains("requires authentication") =>
                    {
                        Ok(false)
                    }
                    _ => Err(self.explain(&action, &error)),
                },
            }
        })
        .await
    }

    /// The actions on this database that the server says are granted. A server need not say.
    async fn told(&self) -> BTreeSet<String> {
        let answer = self.server.db().run_command(doc! { "connectionStatus": 1, "showPrivileges": true }).await;
        let Ok(answer) = answer else { return BTreeSet::new() };
        let privileges = answer.get_document("authInfo").and_then(|info| info.get_array("authenticatedUserPrivileges"));
        let privileges = privileges.into_iter().flatten().filter_map(|privilege| privilege.as_document());
        let ours = privileges.filter(|privilege| privilege.get_document("resource").is_ok_and(|of| self.is_of_us(of)));
        let actions = ours.filter_map(|privilege| privilege.get_array("actions").ok()).flatten();
        actions.filter_map(|action| Some(action.as_str()?.to_owned())).collect()
    }

    /// Whether a resource, as MongoDB describes it, is this database or holds it.
    fn is_of_us(&self, resource: &Document) -> bool {
        let database = resource.get_str("db");
        database.is_ok_and(|name| name.is_empty() || name == self.database())
            || resource.get_bool("anyResource").unwrap_or(false)
    }
}
