use std::sync::Arc;

use stockstream_dashboard::{Access, Options, Sender, Topics, router, serve};
use stockstream_model::settings::Settings;
use stockstream_store::MongoStore;

use super::listen;
use crate::{
    args::{Dashboard, Page},
    exit::{Failure, Outcome},
    kafka_sender::KafkaSender,
    logging, settings, signals,
};

/// Serves the page until a signal ends it.
pub(crate) async fn run(args: Dashboard) -> Result<Outcome, Failure> {
    logging::start("info");
    let settings = settings::load(&args.connect)?;
    let access = args.page.who.open(args.page.listen)?;
    let shutdown = signals::shutdown()?;
    let sender = args.enter.then(|| sender(&settings));
    let store = Arc::new(MongoStore::connect(&settings).await?);
    let listener = listen(args.page.listen).await?;
    let options = Options { sender, ..options(&settings, &args.page, access) };
    let submissions = options.submissions.clone();
    let served = serve(listener, router(store, options), shutdown).await;
    submissions.finish().await;
    served.map_err(|source| Failure::Io { action: "serve the page".into(), source })?;
    Ok(Outcome::Done)
}

/// What is entered goes to the Kafka of the settings.
pub(super) fn sender(settings: &Settings) -> Arc<dyn Sender> {
    Arc::new(KafkaSender { kafka: settings.kafka.clone() })
}

pub(super) fn options(settings: &Settings, page: &Page, access: Arc<Access>) -> Options {
    let topics = &settings.kafka.topics;
    Options {
        pipeline: settings.pipeline.name.clone(),
        allowed_hosts: page.allowed_hosts.iter().cloned().chain(access.public_host().map(Into::into)).collect(),
        access,
        topics: Topics {
            sales: topics.sales.name.clone(),
            inventory: topics.inventory.name.clone(),
            clients: topics.clients.name.clone(),
        },
        ..Options::default()
    }
}
