//! From the errors of Kafka and MongoDB to what conditions say: reasons are for programs and never change.

use stockstream_kafka::{KafkaError, TopicProblem};
use stockstream_model::{event::EventKind, settings::Kafka};
use stockstream_store::StoreError;

use crate::reconcile::{field_names::to_crd_fields, observed::Problem};

/// Why Kafka cannot be asked. What passes by itself, or when somebody makes a topic, is waited for.
pub(super) fn problem_of_kafka(error: &KafkaError) -> Problem {
    problem_with(error.name(), &error.to_string(), !error.is_transient())
}

/// Why MongoDB cannot be asked, or the database not be used.
pub(super) fn problem_of_store(error: &StoreError) -> Problem {
    problem_with(error.name(), &error.to_string(), !error.is_transient())
}

/// What is wrong with a topic, and what to run.
pub(super) fn problem_of_topic(
    problem: &TopicProblem,
    settings: &Kafka,
    stream: EventKind,
) -> (Problem, Option<String>) {
    let (reason, stalled) = match problem {
        TopicProblem::Missing => ("TopicMissing", false),
        TopicProblem::Forbidden => ("TopicForbidden", true),
        TopicProblem::NoLeader | TopicProblem::PartitionsWithoutLeader { .. } => ("LeaderMissing", false),
        TopicProblem::TooFewPartitions { .. } => ("TooFewPartitions", true),
        TopicProblem::Compacted { .. } => ("TopicCompacted", true),
    };
    let said = problem_with(reason, &problem.error(settings, stream).to_string(), stalled);
    (said, problem.command(settings, stream))
}

fn problem_with(reason: &'static str, message: &str, stalled: bool) -> Problem {
    Problem { reason, message: to_crd_fields(message), stalled }
}
