//! What does not move, in sentences: which partition, why, what to do. That it moves on by itself is said only where it does.

use stockstream_kafka::{Probed, TopicProblem, grant_command};
use stockstream_model::{documents::PartitionId, settings::Kafka};

use crate::core::progress::Stall;

/// Why a partition does not move, and what to do; of one from which nothing is fetched as reading it told.
pub(super) fn sentence(
    settings: &Kafka,
    id: PartitionId,
    stall: &Stall,
    probed: Option<&Probed>,
    database: Option<&str>,
) -> String {
    let topic = &settings.topics.of(id.stream).name;
    let servers = settings.bootstrap_servers.join(",");
    let why = match stall {
        Stall::Fetch { position, end } => match probed {
            Some(Probed::Forbidden) => format!(
                "Kafka does not let this user read topic {topic}; grant it with: {}",
                grant_command(settings, "Read", &format!("--topic {topic}"))
            ),
            Some(Probed::Trouble(words)) => words.clone(),
            Some(Probed::OutOfRange) => {
                format!(
                    "offset {position} is not in the log of {topic}/{}; restart this worker, which then decides by kafka.onLostOffsets",
                    id.partition
                )
            }
            Some(Probed::Readable) => format!(
                "it can be read at offset {position}, but this worker's Kafka client fetches nothing of it; a new client takes its place"
            ),
            Some(Probed::Unreadable(words)) => return unreadable_sentence(settings, id, *position, words),
            Some(Probed::Silent) | None => format!(
                "Kafka sends nothing from offset {position} on although its log ends at {end}; look at the log of the broker that leads {topic}/{}",
                id.partition
            ),
        },
        Stall::Transaction { stable, end } => format!(
            "a transaction that is open since offset {stable} holds it back, the log ends at {end}; its producer must commit or abort it. Find that by kafka-transactions.sh --bootstrap-server {servers} describe-producers --topic {topic} --partition {}; if it is gone, abort by: kafka-transactions.sh --bootstrap-server {servers} abort --topic {topic} --partition {} --start-offset {stable}",
            id.partition, id.partition
        ),
        Stall::NoLeader => {
            format!("no broker leads {topic}/{}; start the brokers that hold it, reading then goes on", id.partition)
        }
        Stall::Unknown(words) => words.clone(),
        Stall::Flush { since } => {
            let why = database.unwrap_or("check that the database answers, and whether it has room and is not locked");
            // When, and not for how long: a text that changes all the time would be news each time.
            format!("a flush to the database is under way since {since}: {why}")
        }
        Stall::Unapplied { applied, read } => format!(
            "events up to offset {read} are read and from {applied} on not applied, and no flush is under way; restart this worker, and report it with its log"
        ),
    };
    format!("{id} does not move: {why}")
}

/// That a part of a log cannot be read.
pub(crate) fn unreadable_sentence(settings: &Kafka, id: PartitionId, offset: i64, words: &str) -> String {
    let topic = &settings.topics.of(id.stream).name;
    let servers = settings.bootstrap_servers.join(",");
    let behind = offset + 1;
    format!(
        "{id} stopped at offset {offset}: what is there cannot be read ({words}), and nothing behind it counts before it. Restore \
         {topic}/{} from a replica and restart this worker; if it is lost, set kafka.onLostOffsets to Resume, delete it by \
         kafka-delete-records.sh --bootstrap-server {servers} with {{\"partitions\":[{{\"topic\":\"{topic}\",\"partition\":{},\"offset\":N}}],\"version\":1}}, \
         N being behind the batch ({behind} or more), and restart this worker",
        id.partition, id.partition
    )
}

/// What is wrong with a topic as a whole, if reading ends by it.
pub(super) fn of_topic(problem: &TopicProblem) -> bool {
    matches!(problem, TopicProblem::Missing | TopicProblem::Forbidden | TopicProblem::NoLeader)
}

#[cfg(test)]
mod tests {
    use stockstream_model::{Timestamp, event::EventKind};

    use super::*;

    #[test]
    fn every_stall_names_the_partition_the_cause_and_what_to_do() {
        let fetch = Stall::Fetch { position: 5, end: 9 };
        for (stall, probed, words) in [
            (&fetch, Some(Probed::Forbidden), ["does not let this user read topic topic-raw-sales", "kafka-acls.sh"]),
            (&fetch, Some(Probed::Trouble("broken pipe; mend it".into())), ["does not move: broken pipe", "mend it"]),
            (&fetch, Some(Probed::OutOfRange), ["offset 5 is not in the log", "onLostOffsets"]),
            (&fetch, Some(Probed::Readable), ["can be read at offset 5", "new client"]),
            (&fetch, Some(Probed::Unreadable("codec 0x7".into())), ["stopped at offset 5", "kafka-delete-records.sh"]),
            (&fetch, Some(Probed::Silent), ["nothing from offset 5", "topic-raw-sales/1"]),
            (&fetch, None, ["its log ends at 9", "broker that leads"]),
            (&Stall::Transaction { stable: 5, end: 9 }, None, ["open since offset 5", "kafka-transactions.sh"]),
            (&Stall::NoLeader, None, ["no broker leads topic-raw-sales/1", "start the brokers"]),
            (&Stall::Unknown("failed to reach Kafka; start it".into()), None, ["failed to reach Kafka", "start it"]),
            (
                &Stall::Flush { since: Timestamp::from_millis(3_000) },
                None,
                ["since 1970-01-01T00:00:03", "check that the database answers"],
            ),
            (&Stall::Unapplied { applied: 5, read: 9 }, None, ["up to offset 9", "restart this worker"]),
        ] {
            let id = PartitionId { stream: EventKind::Sales, partition: 1 };
            let said = sentence(&Kafka::default(), id, stall, probed.as_ref(), None);
            assert!(said.starts_with("sales/1 ") && words.iter().all(|word| said.contains(word)), "{stall:?}: {said}");
        }
    }
}
