//! Payloads that are kept: a folder for each stream, and in it one for each verdict. What once was misjudged is added here.

use std::{fs, path::Path};

use stockstream_model::event::{EventKind, Reason};

use super::{agreement::judged, decode};

const FEWEST: usize = 50;

#[test]
fn the_corpus_is_judged_as_it_was() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut seen = 0;
    for stream in EventKind::ALL {
        for verdict in ["accepted"].into_iter().chain(Reason::ALL.map(Reason::name)) {
            let Ok(files) = fs::read_dir(corpus.join(stream.name()).join(verdict)) else { continue };
            for file in files {
                let file = file.unwrap().path();
                let payload = fs::read(&file).unwrap();
                judged(stream, &payload).unwrap();
                let found = decode(stream, &payload).err().map_or("accepted", |rejection| rejection.reason.name());
                assert_eq!(found, verdict, "{}", file.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= FEWEST, "only {seen} files in {}", corpus.display());
}
