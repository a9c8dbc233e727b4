//! What only a person can decide about a pipeline.

use std::io::{BufRead, IsTerminal, stdin};

use stockstream_kafka::{TopicCheck, cluster_id, find_topic, metadata_client, topic_ids, watermarks};
use stockstream_model::{documents::PartitionId, settings::Settings};
use stockstream_protocol::{
    log::LogState,
    reset::{Reset, reset as moved},
    update::Update,
};
use stockstream_store::{MongoStore, PositionStore, StateStore, StoreError};

use crate::{
    args,
    exit::{Failure, Outcome},
    logging,
    say::say,
    settings,
    waiting::answered,
};

/// Moves the position of one partition, once the pipeline's name was typed.
pub(crate) async fn reset(args: args::Reset) -> Result<Outcome, Failure> {
    logging::start("warn");
    let settings = settings::load(&args.connect)?;
    let (id, name) = (args.position, settings.pipeline.name.as_str());
    let store = MongoStore::connect(&settings).await?;
    let read = async {
        store.verify_owner(&settings.pipeline).await?;
        Ok::<_, StoreError>((store.load_positions().await?, store.start_positions().await?))
    };
    let (positions, start) = answered(&store, "nothing was changed", read).await?;
    let positions = positions.unwrap_or_default();
    let start = start.and_then(|start| start.next.get(&id).copied());
    let log = tokio::task::block_in_place(|| log(&settings, id))?;
    let standing = positions.partitions.get(&id);
    let Reset { position, ids, effects } = moved(id, standing, start, &log, args.to).map_err(usage)?;
    let (from, to) = (standing.map_or(0, |standing| standing.next), position.next);
    println!(
        "{id} of pipeline {name} moves from offset {from} to {to}; the log begins at {} and ends at {}:",
        log.first, log.end
    );
    effects.iter().for_each(|effect| println!("  {effect}"));
    confirm(name, args.confirm)?;
    let expected = Box::new(standing.cloned().unwrap_or_default());
    let update = Update::Move { id, expected, position: Box::new(position.clone()), ids };
    let write = async {
        // What took effect and was not acknowledged is sent again, and refused then.
        let is_done = store.update_positions(&update).await?;
        let stands = async || Ok::<_, StoreError>(store.load_positions().await?.unwrap_or_default());
        Ok::<_, StoreError>(is_done || stands().await?.partitions.get(&id) == Some(&position))
    };
    let so = "whether the position was moved is not known; the same command says where it stands now";
    if !answered(&store, so, write).await? {
        return Err(usage(format!(
            "nothing was changed: a worker moved {id} meanwhile; stop the pipeline's workers, or try again"
        )));
    }
    println!(
        "done; a worker that has {id} goes on from there: within 10 s if it stands still, otherwise when it has read the next event of it"
    );
    Ok(Outcome::Done)
}

fn usage(message: String) -> Failure {
    Failure::Usage { message }
}

/// The log as it stands.
fn log(settings: &Settings, id: PartitionId) -> Result<LogState, Failure> {
    let kafka = &settings.kafka;
    let topic = kafka.topics.of(id.stream).name.as_str();
    let metadata_client = metadata_client(kafka)?;
    if let TopicCheck { partitions: None, problem: Some(problem), .. } = find_topic(&metadata_client, kafka, id.stream)?
    {
        return Err(problem.error(kafka, id.stream).into());
    }
    let cluster_id = cluster_id(&metadata_client, kafka)?;
    let topic_id = topic_ids(&metadata_client, kafka, &[topic])?.remove(topic);
    let bounds = watermarks(&metadata_client, kafka, id)?;
    let (first, end) = bounds.ok_or_else(|| usage(format!("topic {topic} has no partition {}", id.partition)))?;
    Ok(LogState { first, end, topic_id, cluster_id, ..LogState::default() })
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
