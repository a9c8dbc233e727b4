//! The database: whose it is, where the pipeline starts.

use stockstream_model::{
    documents::{PartitionId, StartPositions},
    event::Stream,
    settings::{Pipeline, Secret, StartFrom},
};
use stockstream_operator::reconcile::{observe::observe, topics::Clients};
use stockstream_store::StateStore;

use crate::bed::{on_services, validated};

const SALES: PartitionId = PartitionId { stream: Stream::Sales, partition: 0 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_another_pipeline_is_refused_by_name_and_left_alone() {
    on_services(async |bed| {
        bed.create_all(1).await;
        let other = Pipeline { name: "shop/other".into(), generation: None };
        bed.store().await.claim(&other).await.unwrap();
        let problem = bed.observe().await.database.unwrap_err();
        assert_eq!((problem.reason, problem.stalled), ("DatabaseOwned", true));
        for words in ["shop/other", "shop/stock", bed.raw.name(), "secret shop/mongo, key uri"] {
            assert!(problem.message.contains(words), "{}", problem.message);
        }
        bed.pipeline.status = Some(stockstream_operator::resource::PipelineStatus {
            database: Some("stock_management".into()),
            ..Default::default()
        });
        let problem = bed.observe().await.database.unwrap_err();
        assert_eq!(problem.reason, "DatabaseChanged");
        assert!(problem.message.contains("put the address of stock_management back"), "{}", problem.message);
        let progress = bed.store().await.progress().await.unwrap();
        assert_eq!((progress.pipeline.as_deref(), progress.start), (Some("shop/other"), None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_is_pinned_once_whoever_asks() {
    on_services(async |bed| {
        bed.create_all(1).await;
        bed.send(Stream::Sales, 3);
        let other = Clients::new();
        let mut earliest = bed.settings.clone();
        earliest.kafka.start_from = StartFrom::Earliest;
        let earliest = validated(&earliest);
        let (one, two) = tokio::join!(bed.observe(), observe(&other, &bed.pipeline, &earliest, None, None));
        let start = |facts: stockstream_operator::reconcile::facts::Facts| facts.database.unwrap().start.unwrap();
        let stands = start(one);
        assert_eq!(start(two), stands);
        assert!([0, 3].contains(&stands.next[&SALES]), "{stands:?}");
        bed.send(Stream::Sales, 3);
        assert_eq!(start(bed.observe().await), stands);
        // A worker comes, and starts from there.
        let worker = bed.store().await;
        assert_eq!(worker.prepare(&bed.settings.pipeline).await.unwrap(), 1);
        assert_eq!(worker.pin_start(&StartPositions::default()).await.unwrap(), stands);
        assert_eq!(start(bed.observe().await), stands);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_before_a_suspended_pipeline_runs() {
    on_services(async |bed| {
        bed.create_all(1).await;
        bed.pipeline.spec.suspend = true;
        let database = bed.observe().await.database.unwrap();
        assert_eq!((database.start, &*database.name), (None, bed.raw.name()));
        assert!(bed.raw.list_collection_names().await.unwrap().is_empty());
        bed.pipeline.spec.suspend = false;
        assert!(bed.observe().await.database.unwrap().start.is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_told_without_its_password() {
    on_services(async |bed| {
        let mut away = bed.settings.clone();
        let uri = "mongodb://shop:hunter2@127.0.0.1:1/stock?serverSelectionTimeoutMS=200";
        away.mongodb.uri = Some(Secret::new(uri));
        let problem = bed.observe_as(&away).await.database.unwrap_err();
        assert_eq!((problem.reason, problem.stalled), ("DatabaseUnreachable", false));
        assert!(problem.message.contains("127.0.0.1:1") && !problem.message.contains("hunter2"), "{}", problem.message);
        away.mongodb.uri = Some(Secret::new("mongodb://shop:hunter2@127.0.0.1:1"));
        let problem = bed.observe_as(&away).await.database.unwrap_err();
        assert_eq!((problem.reason, problem.stalled), ("DatabaseAddressRefused", true));
        assert!(!problem.message.contains("hunter2"), "{}", problem.message);
    })
    .await;
}
