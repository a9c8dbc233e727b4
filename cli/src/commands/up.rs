//! Everything in one process. The parts are the real ones; only the broker is librdkafka's in-process cluster (it speaks
//! the real protocol on a real port) and the store is in memory, unless real ones are named.

use std::{
    io::{IsTerminal, Write, stderr},
    process::id,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};
use stockstream_dashboard::{Authenticator, router, serve};
use stockstream_input::Import;
use stockstream_kafka::Producer;
use stockstream_model::{
    Timestamp,
    event::EventKind,
    settings::{Kafka, OnRecreatedTopic, Settings},
};
use stockstream_store::{MemoryStore, MongoStore, Paging, StateStore, ViewStore};
use stockstream_worker::Options;
use tokio_util::sync::CancellationToken;

use super::{
    dashboard,
    import::{self, import_options},
    listen::listen,
};
use crate::{
    args::Up,
    exit::{Failure, Outcome},
    feed::{self, FLUSH, KafkaSink, Sink, ThrottledSink},
    logging,
    say::say,
    settings, signals,
    waiting::answered,
};

const PARTITIONS: i32 = 3;
/// The in-process broker forgets a partition's oldest data beyond 5 MiB: never let that much be under way.
const UNDER_WAY: usize = 2 << 20;

/// Runs everything until a signal ends it.
pub(crate) async fn run(args: Up) -> Result<Outcome, Failure> {
    logging::start(if stderr().is_terminal() { "warn" } else { "info" });
    let shutdown = signals::shutdown()?;
    let _ended = shutdown.clone().drop_guard(); // however this ends, the other parts do
    let access = args.page.who.open(args.page.listen)?;
    // History is valued as of its own end, and whatever is in a broker of our own is to be read.
    let mut own = Vec::new();
    own.extend(args.input.is_some().then_some(("STOCKSTREAM_ANALYTICS_AS_OF", "LatestEvent")));
    if args.kafka.is_none() {
        own.push(("STOCKSTREAM_KAFKA_START_FROM", "earliest"));
        own.push(("STOCKSTREAM_KAFKA_ON_RECREATED_TOPIC", "Restart"));
    }
    let mut settings = settings::of(args.config.as_deref(), args.kafka.as_deref(), args.mongodb.as_deref(), &own)?;
    let unused = unused(&args, &settings, |name| std::env::var_os(name).is_some());
    let broker = match &args.kafka {
        Some(_) => None,
        None => Some(broker(&mut settings.kafka)?),
    };
    let outcome = if args.mongodb.is_some() {
        let store = Arc::new(MongoStore::connect(&settings).await?);
        with_store(args, settings, &unused, store, access, shutdown).await
    } else {
        let store = Arc::new(MemoryStore::new(settings.analytics.clone()));
        with_store(args, settings, &unused, store, access, shutdown).await
    };
    drop(broker); // only after everybody who talks to it has ended
    outcome
}

/// Addresses that are named in the environment or the settings file, and are not used: what is tried here must not reach servers
/// that happen to be named there. Only a flag of this command names others than its own.
fn unused(args: &Up, settings: &Settings, is_set: impl Fn(&str) -> bool) -> Vec<String> {
    let plain = Settings::default();
    let kafka = (args.kafka.is_none()).then(|| {
        let differs = settings.kafka.bootstrap_servers != plain.kafka.bootstrap_servers;
        named(
            &["KAFKA_BOOTSTRAP_SERVERS", "STOCKSTREAM_KAFKA_BOOTSTRAP_SERVERS"],
            "kafka.bootstrapServers",
            differs,
            &is_set,
        )
    });
    let mongodb = (args.mongodb.is_none()).then(|| {
        let differs = settings.mongodb.uri.is_some() || settings.mongodb.uri_file.is_some();
        named(
            &["MONGODB_URI", "STOCKSTREAM_MONGODB_URI", "STOCKSTREAM_MONGODB_URI_FILE"],
            "mongodb.uri",
            differs,
            &is_set,
        )
    });
    let sentence = |named: Option<String>, what, flag| {
        named.map(|named| {
            format!("{named} is not used, so that what is tried here never reaches {what} of yours unasked; {flag} names one to use")
        })
    };
    [
        sentence(kafka.flatten(), "a Kafka", "--kafka HOST:PORT"),
        sentence(mongodb.flatten(), "a database", "--mongodb URI"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where an address is named: by variables, or by a setting of the file.
fn named(variables: &[&str], setting: &str, is_in_settings: bool, is_set: impl Fn(&str) -> bool) -> Option<String> {
    let set: Vec<&str> = variables.iter().copied().filter(|name| is_set(name)).collect();
    match set.is_empty() {
        false => Some(set.join(", ")),
        true => is_in_settings.then(|| format!("{setting} of the settings file")),
    }
}

/// A broker in this process, with the three topics.
fn broker(kafka: &mut Kafka) -> Result<MockCluster<'static, DefaultProducerContext>, Failure> {
    let failed = |error: rdkafka::error::KafkaError| Failure::Usage {
        message: format!("the broker in the process does not start: {error}"),
    };
    let cluster = MockCluster::new(1).map_err(failed)?;
    for stream in EventKind::ALL {
        cluster.create_topic(&kafka.topics.of(stream).name, PARTITIONS, 1).map_err(failed)?;
    }
    kafka.bootstrap_servers = vec![cluster.bootstrap_servers()];
    Ok(cluster)
}

async fn with_store<S: StateStore + ViewStore>(
    args: Up,
    settings: Settings,
    unused: &[String],
    store: Arc<S>,
    access: Arc<Authenticator>,
    shutdown: CancellationToken,
) -> Result<Outcome, Failure> {
    let listener = listen(args.page.listen).await?;
    let address =
        listener.local_addr().map_err(|source| Failure::Io { action: "learn the page's address".into(), source })?;
    say!("page      http://{address}");
    say!(
        "broker    {} ({})",
        settings.kafka.bootstrap_servers.join(","),
        if args.kafka.is_some() { "yours" } else { "in this process; other programs may produce to it" }
    );
    if args.kafka.is_none() && args.mongodb.is_some() && settings.kafka.on_recreated_topic == OnRecreatedTopic::Restart
    {
        say!("          it is new and empty each time: what comes counts on top (kafka.onRecreatedTopic: Restart)");
    }
    say!("store     {}", if args.mongodb.is_some() { "your MongoDB" } else { "in memory: it ends with this process" });
    unused.iter().for_each(|unused| say!("          {unused}"));

    // Events may be entered where they go to a broker of our own.
    let sender = args.kafka.is_none().then(|| dashboard::sender(&settings));
    let page = stockstream_dashboard::Options { sender, ..dashboard::options(&settings, &args.page, access) };
    let submissions = page.submissions.clone();
    let served = tokio::spawn(serve(listener, router(Arc::clone(&store), page), shutdown.clone()));
    let own_cluster = args.kafka.is_none().then(|| format!("in-process-{:x}-{}", Timestamp::now().millis(), id()));
    let options = Options { listener: None, shutdown: shutdown.clone(), own_cluster, memory_limit: None };
    let connected = Arc::clone(&store);
    let worker = tokio::spawn(stockstream_worker::run(settings.clone(), async move { Ok(connected) }, options));
    let feeding = feed(args, settings, Arc::clone(&store), shutdown.clone());
    let fed = tokio::select! {
        biased; // what was left out of the input is told also at the end by a signal
        fed = feeding => fed,
        () = shutdown.cancelled() => Ok(Outcome::Done),
    };
    if fed.is_err() {
        shutdown.cancel();
    }
    shutdown.cancelled().await;
    let worked = worker.await.map_err(|error| Failure::Usage { message: format!("the worker ended: {error}") })?;
    let _ = served.await;
    submissions.finish().await;
    worked?;
    if let Err(failure) = answered(&*store, "there is no summary", summary(&*store)).await {
        say!("{failure}");
    }
    fed
}

/// Sends the input, shows how it is counted, and then waits for the end.
async fn feed<S: StateStore + ViewStore>(
    args: Up,
    settings: Settings,
    store: Arc<S>,
    shutdown: CancellationToken,
) -> Result<Outcome, Failure> {
    while StateStore::start_positions(&*store).await?.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await; // what is sent before positions are pinned might not count
    }
    let before = counted(&*store).await?;
    let began = Instant::now();
    let Some(input) = args.input.clone() else {
        say!("input     a made-up shop, {} events/s, seed {}; Ctrl-C ends", args.shop.rate, args.shop.seed);
        tokio::task::spawn_blocking(move || {
            let producer = Producer::new(&settings.kafka, |_| {})?;
            feed::generate(
                &args.shop,
                &mut KafkaSink { producer: &producer, topics: &settings.kafka.topics },
                None,
                &shutdown,
            )
        })
        .await
        .map_err(|error| Failure::Usage { message: format!("the generator ended: {error}") })??;
        return Ok(Outcome::Done);
    };
    let options = import_options(&args.derive, &args.reading, &settings.sales, true)?;
    let import = tokio::task::spawn_blocking(move || Import::open(&input, options));
    let import = import.await.map_err(|error| Failure::Usage { message: format!("reading ended: {error}") })??;
    let (total, summary) = (import.total_events(), import.summary());
    say!("input     {} rows: {} sales of {} products", summary.rows, summary.invoices, summary.products);
    let outcome = import::left_out(&import);
    let paced = args.kafka.is_none();
    let sending = tokio::task::spawn_blocking({
        let (store, shutdown, runtime) = (Arc::clone(&store), shutdown.clone(), tokio::runtime::Handle::current());
        move || send(&import, &settings, paced, before, &*store, &runtime, &shutdown)
    });
    let mut sending = sending;
    let mut sent = false;
    let mut done = before;
    while done - before < total {
        tokio::select! {
            ended = &mut sending, if !sent => {
                ended.map_err(|error| Failure::Usage { message: format!("sending ended: {error}") })??;
                sent = true;
            }
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
            () = shutdown.cancelled() => {
                say!("\nstopped after {} of {total} events were counted: the rest of the file is not", done - before);
                return Ok(Outcome::InputLeftOut);
            }
        }
        done = counted(&*store).await?;
        progress(done - before, total);
    }
    say!("\rcounted   {total} events in {:.1} s; Ctrl-C ends                ", began.elapsed().as_secs_f64());
    shutdown.cancelled().await;
    Ok(outcome)
}

fn send<S: StateStore>(
    import: &Import,
    settings: &Settings,
    paced: bool,
    before: u64,
    store: &S,
    runtime: &tokio::runtime::Handle,
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    let producer = Producer::new(&settings.kafka, |_| {})?;
    let plain = KafkaSink { producer: &producer, topics: &settings.kafka.topics };
    let count = || runtime.block_on(counted(store)).map_or(0, |now| now - before);
    let bound = if paced { UNDER_WAY } else { usize::MAX };
    let mut sink = ThrottledSink::new(plain, bound, count, shutdown.clone());
    for event in import.events()? {
        if shutdown.is_cancelled() {
            return Ok(());
        }
        sink.send(&event?)?;
    }
    Ok(producer.flush(FLUSH)?)
}

/// Events applied since the pipeline began.
async fn counted<S: StateStore>(store: &S) -> Result<u64, Failure> {
    Ok(store.checkpoints().await?.iter().map(|checkpoint| checkpoint.events as u64).sum())
}

fn progress(done: u64, total: u64) {
    if stderr().is_terminal() {
        let mut line = stderr();
        let _ = write!(line, "\rcounted   {done} of {total} events ({} %)", done * 100 / total.max(1));
        let _ = line.flush();
    }
}

async fn summary<S: StateStore + ViewStore>(store: &S) -> Result<(), Failure> {
    let status = store.status().await?;
    let rejected: i64 = status.checkpoints.iter().map(|checkpoint| checkpoint.rejected).sum();
    let events = counted(store).await?;
    say!(
        "\n{events} events, {rejected} of them rejected; {} products, {} clients, {} batches at risk",
        status.products,
        status.clients,
        status.risks
    );
    for row in store.product_winners().await?.iter().take(3) {
        let name = row.product_name.as_deref().unwrap_or(&row.product_id);
        say!("  {}. {name}: profit {:.2}, score {:.1}", row.ranking, row.total_profit, row.performance_score);
    }
    let first = Paging { page: 1, per_page: 1 };
    if let Some(client) = store.clients(first).await?.items.first() {
        say!(
            "  best client {}: {:.2} ({})",
            client.client_id,
            client.total_revenue_generated,
            client.loyalty_tier.name()
        );
    }
    Ok(())
}
