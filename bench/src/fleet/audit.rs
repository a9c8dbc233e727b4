//! What the API server says that the operator asked for.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::Path,
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::Result;

const READS: [&str; 3] = ["get", "list", "watch"];

/// How long the log is by now.
pub(super) fn end(log: &Path) -> Result<u64> {
    Ok(log.metadata()?.len())
}

/// Prints the requests since then: by verb and kind, how many and how long they took; and all but the Lease's per pipeline
/// and minute.
pub(super) fn print(log: &Path, since: u64, user: &str, pipelines: usize, seconds: f64) -> Result<()> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(since))?;
    let mut kinds = BTreeMap::<(String, String), Vec<Duration>>::new();
    for line in BufReader::new(file).lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let verb = text(&line["verb"]);
        if line["user"]["username"] != user || line["stage"] != "ResponseComplete" {
            continue;
        }
        let object = &line["objectRef"];
        let mut what = text(&object["resource"]);
        if let Some(part) = object["subresource"].as_str() {
            what = format!("{what}/{part}");
        }
        let at = |field: &str| text(&line[field]).parse::<Timestamp>();
        let took = Duration::try_from(at("stageTimestamp")?.duration_since(at("requestReceivedTimestamp")?));
        let refused = line["responseStatus"]["code"].as_i64().filter(|code| *code >= 400);
        let refused = refused.map(|code| format!(" ({code})")).unwrap_or_default();
        kinds.entry((verb + &refused, what)).or_default().push(took.unwrap_or_default());
    }
    let of_lease = |what: &str| what == "leases";
    for ((verb, what), times) in &mut kinds {
        times.sort_unstable();
        let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        println!("  {:6} {verb} {what}: p50 {:.0?}, p99 {:.0?}", times.len(), p50, p99);
    }
    let count = |wanted: fn(&str) -> bool| {
        let counted = kinds.iter().filter(|((verb, what), _)| wanted(verb) && !of_lease(what));
        counted.map(|(_, times)| times.len()).sum::<usize>() as f64
    };
    let is_write = |verb: &str| !READS.iter().any(|read| verb.starts_with(read));
    let (all, writes) = (count(|_| true), count(is_write));
    let (each, minutes) = (pipelines as f64, seconds / 60.0);
    println!(
        "  but for the Lease: {all} requests, {:.2} per pipeline, {:.0} per minute; of them {writes} writes, {:.2} per \
         pipeline, {:.0} per minute",
        all / each,
        all / minutes,
        writes / each,
        writes / minutes,
    );
    Ok(())
}
