use std::sync::Arc;

use stockstream_store::MongoStore;
use stockstream_worker::Options;

use super::listen::listen;
use crate::{
    args::Worker,
    exit::{Failure, Outcome},
    logging, settings, signals,
};

/// Runs a worker until a signal ends it.
pub(crate) async fn run(args: Worker) -> Result<Outcome, Failure> {
    logging::start("info");
    let settings = settings::load(&args.connect)?;
    // Before Kafka is waited for: an address that cannot be used ends it at once. Nothing is sent yet.
    let store = Arc::new(MongoStore::connect(&settings).await?);
    let shutdown = signals::shutdown()?;
    let memory_limit = stockstream_worker::memory_limit();
    let options = Options { listener: Some(listen(args.listen).await?), shutdown, own_cluster: None, memory_limit };
    stockstream_worker::run(settings, async move { Ok(store) }, options).await?;
    Ok(Outcome::Done)
}
