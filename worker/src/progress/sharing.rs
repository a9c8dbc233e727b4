//! Whether the consumer group is shared with workers of another database, or with clients that are no workers. Kafka gives each of
//! them a part of the partitions, so that no database gets all events.

use stockstream_kafka::{Member, MetadataClient, members};
use stockstream_model::{Timestamp, settings::Settings};

/// How often Kafka is asked.
const EVERY_MS: i64 = 5_000;

/// Looks for members that do not write to this database.
#[derive(Default)]
pub(super) struct Sharing {
    asked_at: Option<Timestamp>,
    /// Since when there are some: a worker that was killed stays a member until its session ends.
    since: Option<Timestamp>,
    found: Option<String>,
}

impl Sharing {
    /// Who shares the group, if somebody does for longer than a session lasts.
    pub fn look(&mut self, metadata_client: &MetadataClient, settings: &Settings, now: Timestamp) -> Option<String> {
        let database = settings.pipeline.database_id.as_deref()?;
        if self.asked_at.is_none_or(|at| now.millis() - at.millis() >= EVERY_MS) {
            self.asked_at = Some(now);
            let group = settings.group_id();
            match members(metadata_client, &settings.kafka, &group) {
                Ok(members) => self.take(&members, &group, database, now),
                // Whoever may read in a group may ask who else does; a broker that is away is told by others.
                Err(error) => tracing::debug!(%error, "who is in the group is not known"),
            }
        }
        let lasts = settings.limits.session_timeout.millis() as i64;
        self.found.clone().filter(|_| self.since.is_some_and(|since| now.millis() - since.millis() >= lasts))
    }

    fn take(&mut self, members: &[Member], group: &str, database: &str, now: Timestamp) {
        let mut others = Vec::new();
        let mut are_workers = true;
        for member in members {
            if let Some(other) = member.other_database(database) {
                others.push(format!("{} (database id {other})", member.host));
            } else if member.is_stranger() {
                are_workers = false;
                others.push(format!("{} (client id {})", member.host, member.client_id));
            }
        }
        others.sort_unstable();
        others.dedup(); // workers of one database on one host
        self.since = if others.is_empty() { None } else { self.since.or(Some(now)) };
        self.found = (!others.is_empty()).then(|| {
            let who = if are_workers { "workers of another database" } else { "clients that do not work for this database" };
            format!(
                "{who} read in the consumer group {group} too, at {}: each gets a part of the events, and this database waits for \
                 that. Stop them, or give one side another kafka.groupId and restart it; nothing is lost, reading goes on from \
                 the positions in each database",
                others.join(", ")
            )
        });
    }
}

#[cfg(test)]
mod tests {
    use stockstream_kafka::reader_id;

    use super::*;

    #[test]
    fn members_of_other_databases_are_named_since_they_came_and_until_they_are_gone() {
        let of = |database: &str| Member {
            client_id: reader_id(database),
            host: format!("host-of-{database}"),
            has_partitions: true,
        };
        let (mut sharing, at) = (Sharing::default(), Timestamp::from_millis);
        sharing.take(&[of("a"), of("a")], "group", "a", at(1));
        assert_eq!((sharing.since, &sharing.found), (None, &None));
        sharing.take(&[of("a"), of("b")], "group", "a", at(2));
        sharing.take(&[of("b")], "group", "a", at(3));
        assert_eq!(sharing.since, Some(at(2)));
        let said = sharing.found.clone().unwrap();
        assert!(
            ["group group", "host-of-b (database id b)", "kafka.groupId"].iter().all(|words| said.contains(words)),
            "{said}"
        );
        let stranger = Member { client_id: "report".into(), ..of("a") };
        sharing.take(&[of("a"), stranger.clone()], "group", "a", at(3));
        let said = sharing.found.clone().unwrap();
        assert!(said.contains("clients that do not") && said.contains("(client id report)"), "{said}");
        sharing.take(&[of("a"), Member { has_partitions: false, ..stranger }], "group", "a", at(4));
        assert_eq!((sharing.since, sharing.found), (None, None));
    }
}
