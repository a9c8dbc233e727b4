//! What only a person can decide about a pipeline.

use std::io::{BufRead, IsTerminal, stdin};

use stockstream_kafka::{asker, cluster_id, log_bounds, topic_ids};
use stockstream_model::{
    Timestamp,
    documents::{KafkaIds, PartitionId},
    settings::Settings,
};
use stockstream_store::{MongoStore, StateStore};
use stockstream_worker::core::{
    position::{LogFacts, Stamp, successor},
    reset::{Reset, reset as moved},
};

use crate::{
    args,
    exit::{Failure, Outcome},
    logging,
    say::say,
    settings,
};

/// Moves the position of one partition, once the pipeline's name was typed.
pub(crate) async fn reset(args: args::Reset) -> Result<Outcome, Failure> {
    logging::start("warn");
    let settings = settings::load(&args.connect)?;
    let (id, name) = (args.position, settings.pipeline.name.as_str());
    let store = MongoStore::connect(&settings).await?;
    store.verify_owner(&settings.pipeline).await?;
    let checkpoints = store.checkpoints().await?;
    let log = tokio::task::block_in_place(|| log(&settings, id))?;
    let standing = checkpoints.iter().find(|checkpoint| checkpoint.id == id);
    let Reset { checkpoint, ids, effects } = moved(id, standing, &log, args.to).map_err(usage)?;
    let (from, to) = (standing.map_or(0, |standing| standing.next), checkpoint.next);
    println!(
        "{id} of pipeline {name} moves from offset {from} to {to}; the log begins at {} and ends at {}:",
        log.first, log.end
    );
    effects.iter().for_each(|effect| println!("  {effect}"));
    confirm(name, args.confirm)?;
    if ids != KafkaIds::default() {
        store.note_kafka_ids(&ids).await?;
    }
    let at = Timestamp::now();
    let writer = format!("reset-{}-{:x}", std::process::id(), at.millis());
    let stamp = Stamp { writer, generation: checkpoint.generation, at };
    if store.swap_checkpoints(&[successor(&checkpoint, stamp)]).await? != [true] {
        return Err(usage(format!(
            "nothing was changed: a worker moved {id} meanwhile; stop the pipeline's workers, or try again"
        )));
    }
    println!("done; a worker that has {id} goes on from there within 10 s");
    Ok(Outcome::Done)
}

fn usage(message: String) -> Failure {
    Failure::Usage { message }
}

/// The log as it stands.
fn log(settings: &Settings, id: PartitionId) -> Result<LogFacts, Failure> {
    let kafka = &settings.kafka;
    let topic = kafka.topics.of(id.stream).name.as_str();
    let asker = asker(kafka)?;
    let cluster_id = cluster_id(&asker, kafka)?;
    let topic_id = topic_ids(&asker, kafka, &[topic])?.remove(topic);
    let bounds = log_bounds(&asker, kafka, id)?;
    let (first, end) = bounds.ok_or_else(|| usage(format!("topic {topic} has no partition {}", id.partition)))?;
    Ok(LogFacts { first, end, topic_id, cluster_id, ..LogFacts::default() })
}

/// Wants the pipeline's name: from a flag, or typed where somebody is there.
fn confirm(name: &str, given: Option<String>) -> Result<(), Failure> {
    let typed = match given {
        Some(given) => given,
        None if stdin().is_terminal() => {
            say!("Type the pipeline's name, {name}, to do this:");
            let mut line = String::new();
            let read = stdin().lock().read_line(&mut line);
            read.map_err(|source| Failure::Io {
                action: "read the pipeline's name from standard input".into(),
                source,
            })?;
            line.trim().to_owned()
        }
        None => return Err(usage(format!("nothing was changed: say --confirm {name} to do this"))),
    };
    if typed == name {
        Ok(())
    } else {
        Err(usage(format!("nothing was changed: the pipeline is {name}, not {typed:?}")))
    }
}
