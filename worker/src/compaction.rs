//! A topic of sales that becomes compacted while workers read it. At a start it is refused; later it is told, since everything that
//! is there still counts.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use stockstream_kafka::{TopicProblem, admin, cleanup_policy, is_compacting};
use stockstream_model::{event::EventKind, settings::Kafka};
use tokio_util::sync::CancellationToken;

use crate::state::WorkerState;

/// How often it is asked for: with a client of its own each time, as one that is kept costs a thread that never rests.
const EVERY: Duration = Duration::from_secs(30);
const COMPACTED: &str = "cleanup.policy of the topic of sales";

/// Looks again and again until told to end. Of several workers, the one that publishes does.
pub(crate) async fn watch(shared: Arc<WorkerState>, settings: Kafka, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.cancelled() => break,
        }
        if shared.publisher.load(Ordering::Relaxed) {
            let policy = match admin(&settings) {
                Ok(admin) => {
                    let policy = cleanup_policy(&admin, &settings).await;
                    drop(tokio::task::spawn_blocking(move || drop(admin))); // it may wait for a broker that is away
                    policy
                }
                Err(error) => {
                    tracing::debug!("the cleanup.policy of the topic of sales is not asked for: {error}");
                    None
                }
            };
            note(&shared, &settings, policy);
        } else {
            shared.problems.remove_warning(COMPACTED);
        }
    }
}

/// Of what is not answered, what was told before stands.
fn note(shared: &WorkerState, settings: &Kafka, policy: Option<String>) {
    match policy {
        Some(policy) if is_compacting(&policy) => {
            let what = sentence(settings, policy);
            if shared.problems.warn(COMPACTED, &what) {
                tracing::error!("{what}");
            }
        }
        Some(_) => shared.problems.remove_warning(COMPACTED),
        None => {}
    }
}

fn sentence(settings: &Kafka, policy: String) -> String {
    let topic = &settings.topics.sales.name;
    let said = format!("the cleanup.policy of topic {topic} is {policy} now");
    let command = TopicProblem::Compacted { policy }.command(settings, EventKind::Sales).unwrap_or_default();
    format!(
        "{said}: Kafka removes sales from it, also before they are counted, and nobody can tell which; no worker starts with it. \
         Change it back with: {command}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_that_becomes_compacted_is_told_until_it_is_not_and_keeps_nothing_from_moving() {
        let (shared, settings) = (WorkerState::new("worker".into()), Kafka::default());
        let after = |policy: Option<&str>| {
            note(&shared, &settings, policy.map(str::to_owned));
            shared.problems.all().join("; ")
        };
        assert_eq!(after(Some("delete")), "");
        let said = after(Some("compact,delete"));
        assert!(
            ["topic-raw-sales", "compact,delete", "kafka-configs.sh"].iter().all(|part| said.contains(part)),
            "{said}"
        );
        assert_eq!(after(None), said, "nobody answered");
        assert_eq!(shared.problems.warnings().len(), 1);
        assert_eq!(after(Some("delete")), "");
    }
}
