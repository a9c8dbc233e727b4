//! The database: whose it is, where the pipeline starts.

use std::time::Duration;

use stockstream_model::{
    documents::{PartitionId, StartPositions},
    event::EventKind,
    settings::{Pipeline, Secret, StartFrom},
};
use stockstream_operator::{
    reconcile::{observe::observe, observed::Observed, topics::Clients},
    resource::PipelineStatus,
};
use stockstream_store::{MongoStore, StateStore};

use crate::test_env::{on_services, validated};

const SALES: PartitionId = PartitionId { stream: EventKind::Sales, partition: 0 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_another_pipeline_is_refused_by_name_and_left_alone() {
    on_services(async |env| {
        env.create_all(1).await;
        let other = Pipeline { name: "shop/other".into(), ..Pipeline::default() };
        env.store().await.claim(&other).await.unwrap();
        let problem = env.observe().await.database.unwrap_err();
        assert_eq!((problem.reason, problem.stalled), ("DatabaseOwned", true));
        for words in ["shop/other", "shop/stock", env.raw.name(), "secret shop/mongo, key uri"] {
            assert!(problem.message.contains(words), "{}", problem.message);
        }
        env.pipeline.status = Some(stockstream_operator::resource::PipelineStatus {
            database: Some("stock_management".into()),
            ..Default::default()
        });
        let problem = env.observe().await.database.unwrap_err();
        assert_eq!(problem.reason, "DatabaseChanged");
        assert!(problem.message.contains("put the address of stock_management back"), "{}", problem.message);
        let progress = env.store().await.progress().await.unwrap();
        assert_eq!((progress.owner.map(|owner| owner.name).as_deref(), progress.start), (Some("shop/other"), None));
    })
    .await;
}

/// The status as the operator keeps it.
fn remembered(facts: &Observed) -> PipelineStatus {
    let database = facts.database.as_ref().unwrap();
    let (name, id) = (Some(database.name.clone()), database.id.clone());
    assert!(id.is_some(), "a pipeline that began knows its database");
    PipelineStatus { database: name, database_id: id, ..PipelineStatus::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_database_stays_empty_until_a_person_accepts_it() {
    on_services(async |env| {
        env.create_all(1).await;
        env.pipeline.status = Some(remembered(&env.observe().await));
        let mistyped = format!("{}-mistyped", env.raw.name());
        let other = env.raw.client().database(&mistyped);
        let mut rotated = env.settings.clone();
        let uri = rotated.mongodb.uri.as_ref().unwrap().reveal().replace(env.raw.name(), &mistyped);
        rotated.mongodb.uri = Some(Secret::new(uri));
        let problem = env.observe_as(&rotated).await.database.unwrap_err();
        assert_eq!((problem.reason, problem.stalled), ("DatabaseChanged", true));
        let token = format!("new:{mistyped}");
        assert!(problem.message.contains(&format!("acceptDatabaseId to {token}")), "{}", problem.message);
        assert!(other.list_collection_names().await.unwrap().is_empty(), "nothing was written into it");
        // A worker that is given the other address writes nothing either.
        let known = env.pipeline.status.as_ref().unwrap().database_id.clone();
        rotated.pipeline.database_id = known;
        let worker = MongoStore::connect(&rotated).await.unwrap();
        assert_eq!(worker.prepare(&rotated.pipeline).await.unwrap_err().name(), "DatabaseChanged");
        assert!(other.list_collection_names().await.unwrap().is_empty());

        rotated.pipeline.database_id = None;
        env.pipeline.spec.mongodb.accept_database_id = Some(token);
        let facts = env.observe_as(&rotated).await;
        other.drop().await.unwrap();
        let accepted = facts.database.unwrap();
        assert!(accepted.start.is_some() && accepted.id.is_some(), "{accepted:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_uid_of_the_name_waits_for_the_owner_to_die() {
    on_services(async |env| {
        env.create_all(1).await;
        let with_uid = |uid: &str| {
            let mut settings = env.settings.clone();
            settings.pipeline.uid = Some(uid.into());
            settings
        };
        let (one, two) = (with_uid("one"), with_uid("two"));
        let first = env.observe_as(&one).await.database.unwrap();
        let patient = Clients::new().taking_over_after(Duration::from_secs(3_600));
        let waits = async |clients: &Clients| {
            observe(clients, &env.pipeline, &validated(&two), None, None).await.database.unwrap_err()
        };
        let problem = waits(&patient).await;
        assert_eq!((problem.reason, problem.stalled), ("DatabaseOwned", false));
        assert!(problem.message.contains("uid one"), "{}", problem.message);
        env.observe_as(&one).await.database.unwrap();
        let problem = waits(&patient).await;
        assert_eq!((problem.reason, problem.stalled), ("DatabaseOwned", true), "the owner's operator was seen alive");
        env.pipeline.spec.suspend = true;
        let suspended = Clients::new().taking_over_after(Duration::ZERO);
        let problem = observe(&suspended, &env.pipeline, &validated(&two), None, None).await.database.unwrap_err();
        assert_eq!(problem.reason, "DatabaseOwned", "a pipeline that does not run takes nothing");
        env.pipeline.spec.suspend = false;
        let heir = Clients::new().taking_over_after(Duration::ZERO);
        let taken = observe(&heir, &env.pipeline, &validated(&two), None, None).await.database.unwrap();
        assert_eq!((taken.id, taken.start), (first.id, first.start), "it goes on where the other was");
        let problem = env.observe_as(&one).await.database.unwrap_err();
        assert_eq!(problem.reason, "DatabaseOwned");
        assert_eq!(env.store().await.verify_owner(&one.pipeline).await.unwrap_err().name(), "DatabaseOwned");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_is_pinned_once_whoever_asks() {
    on_services(async |env| {
        env.create_all(1).await;
        env.send(EventKind::Sales, 3);
        let other = Clients::new();
        let mut earliest = env.settings.clone();
        earliest.kafka.start_from = StartFrom::Earliest;
        let earliest = validated(&earliest);
        let (one, two) = tokio::join!(env.observe(), observe(&other, &env.pipeline, &earliest, None, None));
        let start = |facts: stockstream_operator::reconcile::observed::Observed| facts.database.unwrap().start.unwrap();
        let stands = start(one);
        assert_eq!(start(two), stands);
        assert!([0, 3].contains(&stands.next[&SALES]), "{stands:?}");
        env.send(EventKind::Sales, 3);
        assert_eq!(start(env.observe().await), stands);
        // A worker comes, and starts from there.
        let worker = env.store().await;
        assert_eq!(worker.prepare(&env.settings.pipeline).await.unwrap(), 1);
        assert_eq!(worker.init_start_offsets(&StartPositions::default()).await.unwrap(), stands);
        assert_eq!(start(env.observe().await), stands);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_before_a_suspended_pipeline_runs() {
    on_services(async |env| {
        env.create_all(1).await;
        env.pipeline.spec.suspend = true;
        let database = env.observe().await.database.unwrap();
        assert_eq!((database.start, &*database.name), (None, env.raw.name()));
        assert!(env.raw.list_collection_names().await.unwrap().is_empty());
        env.pipeline.spec.suspend = false;
        assert!(env.observe().await.database.unwrap().start.is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_told_without_its_password() {
    on_services(async |env| {
        let mut away = env.settings.clone();
        let uri = "mongodb://shop:hunter2@127.0.0.1:1/stock?serverSelectionTimeoutMS=200";
        away.mongodb.uri = Some(Secret::new(uri));
        let problem = env.observe_as(&away).await.database.unwrap_err();
        assert_eq!((problem.reason, problem.stalled), ("DatabaseUnreachable", false));
        assert!(problem.message.contains("127.0.0.1:1") && !problem.message.contains("hunter2"), "{}", problem.message);
        away.mongodb.uri = Some(Secret::new("mongodb://shop:hunter2@127.0.0.1:1"));
        let problem = env.observe_as(&away).await.database.unwrap_err();
        assert_eq!((problem.reason, problem.stalled), ("DatabaseAddressRefused", true));
        assert!(!problem.message.contains("hunter2"), "{}", problem.message);
    })
    .await;
}
