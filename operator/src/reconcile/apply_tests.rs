use std::sync::Arc;

use axum::{Json, Router, http::Uri};
use kube::{Client, Config};
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    PodDefaults, PodUser,
    context::ADDRESSES_AT_ONCE,
    credentials::CredentialStore,
    events::Events,
    reconcile::{
        build::{Wanted, build},
        fixtures::Fixture,
    },
};

/// A request's path, and by what it is let go on.
type Asked = mpsc::UnboundedReceiver<(String, oneshot::Sender<()>)>;

/// A stand-in for the API server that takes every object when it is told to, and a context with one turn.
async fn stand_in() -> (Arc<Context>, Asked) {
    let (asks, asked) = mpsc::unbounded_channel();
    let router = Router::new().fallback(async move |uri: Uri| {
        let (goes_on, may_go_on) = oneshot::channel();
        asks.send((uri.path().to_owned(), goes_on)).unwrap();
        may_go_on.await.unwrap();
        let metadata = json!({ "name": "any", "uid": "u", "resourceVersion": "1" });
        Json(json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata }))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = Client::try_from(Config::new(address.parse().unwrap())).unwrap();
    let context = Context {
        client: client.clone(),
        pods: pods(),
        has_pod_monitor: false,
        metrics: Arc::default(),
        events: Events::new(client, "test"),
        clients: Default::default(),
        credentials: Arc::new(CredentialStore::new(None).unwrap()),
        children: Default::default(),
        secrets: Default::default(),
        applied: Default::default(),
        statuses: Default::default(),
        backoff: Default::default(),
        turns: Arc::new(Semaphore::new(1)),
        addresses: Semaphore::new(ADDRESSES_AT_ONCE),
        stop: CancellationToken::new(),
    };
    (Arc::new(context), asked)
}

fn pods() -> PodDefaults {
    PodDefaults { image: "stockstream:test".into(), image_pull_secrets: Vec::new(), user: PodUser::NONROOT }
}

fn built(fixture: &Fixture) -> Vec<Child> {
    let (pipeline, validated, decision) = (&fixture.pipeline, &fixture.validated, &fixture.decide());
    build(&Wanted { pipeline, validated, decision, pods: &pods(), has_pod_monitor: false })
}

/// Applies a scene; returns for each request in order which kind it was about, and whether it had the turn.
async fn applied(context: &Arc<Context>, asked: &mut Asked, built: Vec<Child>) -> Vec<(String, bool)> {
    let work = context.clone();
    let work = tokio::spawn(async move {
        let mut turn = work.turn().await;
        let pipeline = PipelineKey::new("shop", "stock");
        Apply { context: &work, pipeline: &pipeline, uid: "owner" }.apply(built, &[], &mut turn).await.unwrap();
        work.stop.cancel();
    });
    let mut seen = Vec::new();
    while let Some((path, goes_on)) = tokio::select! {
        request = asked.recv() => request,
        () = context.stop.cancelled() => None,
    } {
        let kind = path.rsplit('/').nth(1).unwrap_or_default().to_owned();
        seen.push((kind, context.turns.available_permits() == 0));
        goes_on.send(()).unwrap();
    }
    work.await.unwrap();
    seen
}

#[tokio::test]
async fn what_gets_an_address_comes_last_and_others_have_the_turn_meanwhile() {
    let (context, mut asked) = stand_in().await;
    let seen = applied(&context, &mut asked, built(&Fixture::ready())).await;
    assert_eq!(seen.len(), 10, "{seen:?}");
    let (service, others) = seen.split_last().unwrap();
    assert_eq!(service, &("services".to_owned(), false));
    assert!(others.iter().all(|(kind, has_turn)| kind != "services" && *has_turn), "{others:?}");
}

#[tokio::test]
async fn what_has_its_address_is_written_like_the_others() {
    let (context, mut asked) = stand_in().await;
    let mut service: Vec<Child> = built(&Fixture::ready());
    service.retain(|child| child.kind.kind == "Service");
    let key = ObjectKey { namespace: "shop".into(), kind: "Service".into(), name: "stock-dashboard".into() };
    context.children.put(key, ObservedObject::of(Default::default(), None));
    assert_eq!(applied(&context, &mut asked, service).await, [("services".to_owned(), true)]);
}
