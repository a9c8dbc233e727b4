//! Topics: fit, missing, made.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminOptions, AlterConfig, ResourceSpecifier};
use stockstream_model::{documents::PartitionId, event::EventKind, settings::TopicPolicy};
use stockstream_operator::reconcile::{decide::decide, status::status};

use crate::test_env::{on_services, reason, topic, topics, validated};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_topics_are_told_all_at_once_and_found_when_they_are_there() {
    on_services(async |env| {
        let facts = env.observe().await;
        for stream in EventKind::ALL {
            let (problem, command) = topic(&facts, stream).problem.clone().unwrap();
            let name = &env.settings.kafka.topics.of(stream).name;
            assert_eq!((problem.reason, problem.stalled), ("TopicMissing", false));
            assert!(problem.message.contains(name), "{}", problem.message);
            let servers = &env.settings.kafka.bootstrap_servers[0];
            let run = format!("kafka-topics.sh --bootstrap-server {servers} --create --topic {name}");
            assert!(command.unwrap().starts_with(&run));
        }
        assert!(facts.database.unwrap().start.is_none(), "nothing is pinned before topics are there");
        env.create(EventKind::Clients, 2, &[]).await;
        let facts = env.observe().await;
        assert_eq!(
            EventKind::ALL.map(|stream| reason(&facts, stream)),
            [Some("TopicMissing"), Some("TopicMissing"), None]
        );
        assert_eq!(topic(&facts, EventKind::Clients).partitions, Some(2));
        env.create(EventKind::Sales, 3, &[]).await;
        env.create(EventKind::Inventory, 1, &[]).await;
        let facts = env.observe().await;
        assert_eq!(EventKind::ALL.map(|stream| reason(&facts, stream)), [None; 3]);
        assert_eq!(facts.database.unwrap().start.unwrap().next.len(), 6);
        assert_eq!(env.clients.count(), (1, 1), "they are kept and shared");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_are_not_fit_are_told_all_at_once_and_good_when_they_are_mended() {
    on_services(async |env| {
        env.create(EventKind::Sales, 2, &[("cleanup.policy", "compact")]).await;
        env.create(EventKind::Inventory, 1, &[("cleanup.policy", "compact")]).await;
        let mut asked = env.settings.clone();
        asked.kafka.topics.inventory.partitions = Some(4);
        let facts = env.observe_as(&asked).await;
        let reasons = EventKind::ALL.map(|stream| reason(&facts, stream));
        assert_eq!(reasons, [Some("TopicCompacted"), Some("TooFewPartitions"), Some("TopicMissing")]);
        let command = |stream| topic(&facts, stream).problem.clone().unwrap().1.unwrap();
        assert!(command(EventKind::Sales).contains("cleanup.policy=delete"));
        assert!(command(EventKind::Inventory).ends_with("--partitions 4"));

        let sales = ResourceSpecifier::Topic(&env.settings.kafka.topics.sales.name);
        let alter = AlterConfig::new(sales).set("cleanup.policy", "delete");
        env.admin.alter_configs(&[alter], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
        let facts = env.until(|facts| reason(facts, EventKind::Sales).is_none()).await;
        assert_eq!(reason(&facts, EventKind::Inventory), None, "a compacted topic of records is as good as another");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_topics_are_made_as_asked_and_what_exists_stays() {
    on_services(async |env| {
        env.create(EventKind::Inventory, 2, &[]).await;
        env.settings.kafka.topic_policy = TopicPolicy::Create;
        for topic in topics(&mut env.settings.kafka) {
            topic.partitions = Some(5);
        }
        env.settings.kafka.topics.inventory.partitions = None;
        let good = |facts: &stockstream_operator::reconcile::observed::Observed| {
            EventKind::ALL.iter().all(|stream| reason(facts, *stream).is_none())
        };
        let facts = env.until(good).await;
        assert_eq!(EventKind::ALL.map(|stream| topic(&facts, stream).partitions), [Some(5), Some(2), Some(5)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_cannot_be_made_says_why() {
    on_services(async |env| {
        env.settings.kafka.topic_policy = TopicPolicy::Create;
        env.settings.kafka.topics.sales.replication_factor = Some(3);
        let facts = env.observe().await;
        let (problem, command) = topic(&facts, EventKind::Sales).problem.clone().unwrap();
        assert_eq!((problem.reason, problem.stalled), ("TopicNotMade", true));
        assert!(problem.message.contains("eplication"), "{}", problem.message);
        assert!(command.unwrap().contains("--replication-factor 3"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_and_lag_are_those_of_the_logs() {
    on_services(async |env| {
        env.create_all(2).await;
        env.send(EventKind::Sales, 10);
        let facts = env.observe().await;
        let ends = |facts: &stockstream_operator::reconcile::observed::Observed| {
            let sales = |partition| PartitionId { stream: EventKind::Sales, partition };
            facts.log_ends[&sales(0)] + facts.log_ends[&sales(1)]
        };
        assert_eq!((ends(&facts), facts.log_ends.len(), facts.log_starts.len()), (10, 6, 6));
        assert!(facts.log_starts.values().all(|first| *first == 0));
        let said = |facts| {
            let validated = validated(&env.settings);
            let now = stockstream_model::Timestamp::now();
            let decision = decide(&env.pipeline, &validated, &facts, now);
            status(&env.pipeline, &validated, &facts, &decision, now)
        };
        let status = said(facts);
        assert_eq!(
            (status.lag, status.topics_ready.as_deref()),
            (Some(0), Some("3/3")),
            "it starts behind what was there"
        );
        env.send(EventKind::Sales, 7);
        env.send(EventKind::Clients, 1);
        assert_eq!(said(env.observe().await).lag, Some(8));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_made_anew_has_another_id() {
    on_services(async |env| {
        env.create_all(1).await;
        let id = |facts: &stockstream_operator::reconcile::observed::Observed| {
            topic(facts, EventKind::Sales).topic_id.clone()
        };
        let first = id(&env.observe().await);
        let name = env.settings.kafka.topics.sales.name.clone();
        env.admin.delete_topics(&[&name], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
        env.until(|facts| reason(facts, EventKind::Sales) == Some("TopicMissing")).await;
        env.create(EventKind::Sales, 1, &[]).await;
        let second = id(&env.observe().await);
        assert!(first.is_some() && second.is_some() && first != second, "{first:?} {second:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_is_told_and_costs_the_next_pipeline_no_time() {
    on_services(async |env| {
        let mut away = env.settings.clone();
        away.kafka.bootstrap_servers = vec!["127.0.0.1:1".into()];
        let problem = env.observe_as(&away).await.topics.unwrap_err();
        assert_eq!((problem.reason, problem.stalled), ("BrokerUnreachable", false));
        assert!(problem.message.contains("127.0.0.1:1"), "{}", problem.message);
        away.kafka.topics.sales.name = "another-pipelines".into();
        let begin = Instant::now();
        assert_eq!(env.observe_as(&away).await.topics.unwrap_err(), problem);
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    })
    .await;
}
