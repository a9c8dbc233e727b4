//! What must come out of everything produced so far, by a program that shares nothing with ours.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::load_generator::Produced;
use crate::harness::sample;

/// The oracle of events, as a process that is told of each and asked at rests.
pub struct ExpectedState {
    oracle: Child,
    told: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl ExpectedState {
    pub fn new() -> Self {
        let mut oracle = Command::new("python3")
            .arg("-B")
            .arg(sample("oracle/events.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let (told, answers) = (oracle.stdin.take().unwrap(), BufReader::new(oracle.stdout.take().unwrap()));
        Self { oracle, told, answers }
    }

    /// Tells of events that must count, or be rejected.
    pub fn tell(&mut self, events: impl IntoIterator<Item = Produced>, incarnation: i64) {
        for Produced { id, offset, at, item } in events {
            let payload = BASE64_STANDARD.encode(&item.payload);
            let line = json!([id.stream.name(), incarnation, id.partition, offset, at, payload, item.refused]);
            writeln!(self.told, "{line}").unwrap();
        }
    }

    /// What must be in the database now.
    pub fn answer(&mut self) -> Value {
        writeln!(self.told, "?").unwrap();
        self.told.flush().unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).expect("the oracle answers")
    }
}

impl Drop for ExpectedState {
    fn drop(&mut self) {
        let _ = self.oracle.kill();
        let _ = self.oracle.wait();
    }
}
