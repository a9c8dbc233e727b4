use std::sync::Arc;

use stockstream_dashboard::{Authenticator, Options, Sender, Topics, router, serve};
use stockstream_kafka::reach;
use stockstream_model::settings::Settings;
use stockstream_store::{MongoStore, ViewStore};

use super::listen::listen;
use crate::{
    args::{Dashboard, DashboardArgs},
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
    tokio::spawn(say_whether_it_may_write(Arc::clone(&store)));
    let listener = listen(args.page.listen).await?;
    say_what_is_away(&settings, args.enter, Arc::clone(&store));
    let options = Options { sender, ..options(&settings, &args.page, access) };
    let submissions = options.submissions.clone();
    let served = serve(listener, router(store, options), shutdown).await;
    submissions.finish().await;
    served.map_err(|source| Failure::Io { action: "serve the page".into(), source })?;
    Ok(Outcome::Done)
}

/// Asks the database, and Kafka where events are entered, before the first reader does: what does not answer is in the log.
fn say_what_is_away(settings: &Settings, enters: bool, store: Arc<MongoStore>) {
    tokio::spawn(async move {
        match store.pulse().await {
            Ok(_) => tracing::info!("connected to MongoDB"),
            Err(error) => tracing::warn!("{error}"),
        }
    });
    if enters {
        let kafka = settings.kafka.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = reach(&kafka) {
                tracing::warn!("what is entered cannot be sent: {error}");
            }
        });
    }
}

/// What is entered goes to the Kafka of the settings.
pub(super) fn sender(settings: &Settings) -> Arc<dyn Sender> {
    Arc::new(KafkaSender { kafka: settings.kafka.clone() })
}

pub(super) fn options(settings: &Settings, page: &DashboardArgs, access: Arc<Authenticator>) -> Options {
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

/// The page reads only, and its user should be able to do no more. Waits until the server answers.
async fn say_whether_it_may_write(store: Arc<MongoStore>) {
    let database = store.database();
    match store.writes().await {
        Ok(writes) if writes.is_empty() => {
            tracing::info!(database, "the user of mongodb.uri may read and may not write, as the page needs it");
        }
        Ok(writes) => {
            let may = writes.into_iter().collect::<Vec<_>>().join(", ");
            tracing::warn!(
                database,
                may,
                "the page only reads, and the user of mongodb.uri may write: give the page a user of its own with the role \
                 read on the database and no other"
            );
        }
        Err(error) => tracing::warn!("it is not known whether the page's user may write: {error}"),
    }
}
