//! Whether the consumer group is shared with workers of another database. Kafka gives each of them a part of the partitions, so that
//! neither database gets all events.

use stockstream_kafka::{Asker, Member, members};
use stockstream_model::{Timestamp, settings::Settings};

/// How often Kafka is asked.
const EVERY_MS: i64 = 5_000;

/// Looks for members of other databases.
#[derive(Default)]
pub(super) struct Sharing {
    asked_at: Option<Timestamp>,
    /// Since when there are some: a worker that was killed stays a member until its session ends.
    since: Option<Timestamp>,
    found: Option<String>,
}

impl Sharing {
    /// Who shares the group, if somebody does for longer than a session lasts.
    pub fn look(&mut self, asker: &Asker, settings: &Settings, now: Timestamp) -> Option<String> {
        let database = settings.pipeline.database_id.as_deref()?;
        if self.asked_at.is_none_or(|at| now.millis() - at.millis() >= EVERY_MS) {
            self.asked_at = Some(now);
            let group = settings.group_id();
            match members(asker, &settings.kafka, &group) {
                Ok(members) => self.take(&members, &group, database, now),
                // Whoever may read in a group may ask who else does; a broker that is away is told by others.
                Err(error) => tracing::debug!(%error, "who is in the group is not known"),
            }
        }
        let lasts = settings.limits.session_timeout.millis() as i64;
        self.found.clone().filter(|_| self.since.is_some_and(|since| now.millis() - since.millis() >= lasts))
    }

    fn take(&mut self, members: &[Member], group: &str, database: &str, now: Timestamp) {
        let others: Vec<String> = members
            .iter()
            .filter_map(|member| Some(format!("{} (database id {})", member.host, member.other_database(database)?)))
            .collect();
        self.since = if others.is_empty() { None } else { self.since.or(Some(now)) };
        self.found = (!others.is_empty()).then(|| {
            format!(
                "workers of another database read in the consumer group {group} too, at {}: each database gets a part of the events \
                 and this one waits for the rest. Stop them, or give one of the two another kafka.groupId and restart its workers; \
                 nothing is lost, reading goes on from the positions in each database",
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
        let of = |database: &str| Member { client_id: reader_id(database), host: format!("host-of-{database}") };
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
        sharing.take(&[of("a")], "group", "a", at(4));
        assert_eq!((sharing.since, sharing.found), (None, None));
    }
}
