//! More who ask at once than can be answered.

use std::sync::Arc;

use futures_util::future::join_all;
use stockstream_dashboard::router;

use crate::common::{Fake, Fault, ask, options};

#[tokio::test(start_paused = true)]
async fn so_many_are_answered_at_once_and_the_next_are_told_and_probes_pass() {
    // A database that says nothing: whoever has a place waits until its time is over.
    let router = router(Arc::new(Fake::faulty(Fault::Silent)), options());
    let ask = async |path: &str| ask(&router, "GET", path).await.body;
    let (answers, live, metrics) =
        tokio::join!(join_all((0..300).map(|_| ask("/api/v1/clients"))), ask("/healthz"), ask("/metrics"));
    let told = answers.iter().filter(|answer| answer.contains("Too many ask at once")).count();
    assert_eq!(told, 300 - 256);
    assert_eq!(live, "live\n");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(!ask("/api/v1/clients").await.contains("Too many"), "the places are free again");
}
