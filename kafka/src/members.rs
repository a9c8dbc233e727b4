//! Who reads in a consumer group, and into which database what it reads goes.

use rdkafka::consumer::Consumer;
use stockstream_model::settings::Kafka;

use crate::{
    KafkaError,
    metadata_client::{MetadataClient, ask},
};

const PREFIX: &str = "stockstream.";

/// A member of a consumer group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The `client.id` that it gave.
    pub client_id: String,
    /// The address that the broker sees.
    pub host: String,
    /// Whether it was given partitions.
    pub has_partitions: bool,
}

/// The `client.id` of a worker that writes to the database of that id.
pub fn reader_id(database_id: &str) -> String {
    format!("{PREFIX}{database_id}")
}

impl Member {
    /// The id of another database that it writes to. `None` for whoever says nothing of a database.
    pub fn other_database(&self, own: &str) -> Option<&str> {
        self.client_id.strip_prefix(PREFIX).filter(|id| *id != own)
    }

    /// Whether it says nothing of a database, and has partitions all the same: what it is given, no worker counts.
    pub fn is_stranger(&self) -> bool {
        self.has_partitions && !self.client_id.starts_with(PREFIX)
    }
}

/// Whether an assignment names a topic (Kafka's consumer protocol: a version of two bytes, then how many topics).
fn names_topics(assignment: &[u8]) -> bool {
    assignment.get(2..6).is_some_and(|topics| topics != [0; 4])
}

/// The members of a group, in order; none where there is no such group.
///
/// # Errors
/// Why no broker answers, or that the user may not ask.
pub fn members(metadata_client: &MetadataClient, settings: &Kafka, group: &str) -> Result<Vec<Member>, KafkaError> {
    let list = ask(metadata_client, settings, "ask who is in the group", |span| {
        metadata_client.fetch_group_list(Some(group), span)
    })?;
    let of_it = list.groups().iter().filter(|of| of.name() == group).flat_map(|of| of.members());
    let member = |of: &rdkafka::groups::GroupMemberInfo| Member {
        client_id: of.client_id().to_owned(),
        host: of.client_host().trim_start_matches('/').to_owned(),
        has_partitions: of.assignment().is_some_and(names_topics),
    };
    let mut members: Vec<Member> = of_it.map(member).collect();
    members.sort();
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_writes_to_another_database_is_told_from_those_that_do_not_say() {
        let member =
            |client_id: &str| Member { client_id: client_id.into(), host: "10.0.0.7".into(), has_partitions: true };
        assert_eq!(member(&reader_id("b")).other_database("a"), Some("b"));
        for client_id in [&*reader_id("a"), "stockstream", "rdkafka", ""] {
            assert_eq!(member(client_id).other_database("a"), None, "{client_id}");
        }
        let strangers = [&*reader_id("a"), &*reader_id("b"), "rdkafka", ""].map(|id| member(id).is_stranger());
        assert_eq!(strangers, [false, false, true, true]);
        assert!(!Member { has_partitions: false, ..member("rdkafka") }.is_stranger());
        assert_eq!([&[0, 1, 0, 0, 0, 2, 0][..], &[0, 1, 0, 0, 0, 0], &[]].map(names_topics), [true, false, false]);
    }
}
