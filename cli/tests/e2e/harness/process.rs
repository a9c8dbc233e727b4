//! The binary as a child process: what it says, how it ends.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use serde_json::Value;
use stockstream_model::documents::Checkpoint;

use super::{eventually, holds, http};

/// How many lines of a process a failed test shows.
const SHOWN: usize = 60;

/// Whether a worker's name is that of a process.
pub fn is_of(process: u32, worker: &str) -> bool {
    worker.contains(&format!("-{process}-"))
}

/// Whether that process has the partition claimed.
pub fn claims(process: u32, checkpoint: &Checkpoint) -> bool {
    checkpoint.pending.is_some() && is_of(process, &checkpoint.writer)
}

/// A process of the binary. Killed when dropped.
pub struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it, with nothing of our environment that it could take for settings.
    pub fn start<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Self {
        Self::start_in(arguments, &[])
    }

    /// The same with that much of a log.
    pub fn start_logging<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>, level: Option<&str>) -> Self {
        match level {
            Some(level) => Self::start_in(arguments, &[("RUST_LOG", level)]),
            None => Self::start(arguments),
        }
    }

    /// The same with these variables in its environment.
    pub fn start_in<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stockstream"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("STOCKSTREAM_") || name.starts_with("KAFKA_") || name.starts_with("MONGODB_") {
                command.env_remove(&*name);
            }
        }
        command.env_remove("RUST_LOG").envs(variables.iter().copied());
        let mut child = command.spawn().unwrap();
        let lines = Arc::default();
        let readers = vec![
            collect(child.stdout.take().unwrap(), &lines), //
            collect(child.stderr.take().unwrap(), &lines),
        ];
        Self { child, lines, readers }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has said so far.
    pub fn said(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for a line that holds this text.
    pub async fn says(&mut self, text: &str) -> String {
        let lines = Arc::clone(&self.lines);
        let find = || lines.lock().unwrap().iter().find(|line| line.contains(text)).cloned();
        let child = &mut self.child;
        eventually(&format!("the process says {text:?}"), async || {
            let ended = child.try_wait().unwrap();
            match find() {
                Some(line) => Ok(line),
                None if ended.is_some() => panic!("it ended ({}) without saying {text:?}", ended.unwrap()),
                None => Err("it does not".into()),
            }
        })
        .await
    }

    /// Where it serves: a log line carries the address.
    pub async fn address(&mut self) -> String {
        let line: Value = serde_json::from_str(&self.says("served").await).unwrap();
        line["address"].as_str().unwrap().to_owned()
    }

    /// Waits until a worker is ready.
    pub async fn ready(&mut self) -> String {
        let address = self.address().await;
        eventually("the worker is ready", async || match http::get(&address, "/readyz").await? {
            (200, _) => Ok(()),
            (_, why) => Err(why),
        })
        .await;
        address
    }

    /// Waits until a worker is not ready and says why with these words. It goes on all the same.
    pub async fn waits_for(&mut self, words: &[&str]) {
        let address = self.address().await;
        eventually("the worker says what it waits for", async || {
            let (status, said) = http::get(&address, "/readyz").await?;
            holds(status == 503 && words.iter().all(|word| said.contains(word)), || format!("{status}: {said}"))
        })
        .await;
        assert_eq!(http::get(&address, "/healthz").await.map(|answer| answer.0), Ok(200), "a restart would not help");
        assert!(self.runs());
    }

    /// Waits until a worker says by these words that a partition does not move, in its status and where progress is asked
    /// for. It stays ready.
    pub async fn is_stalled(&mut self, words: &[&str]) {
        let address = self.address().await;
        eventually("the worker says what does not move", async || {
            let problems = http::json(&address, "/status").await?["problems"].to_string();
            holds(words.iter().all(|word| problems.contains(word)), || problems.clone())?;
            let (status, said) = http::get(&address, "/readyz?progress").await?;
            holds(status == 503 && words.iter().all(|word| said.contains(word)), || format!("{status}: {said}"))
        })
        .await;
        assert_eq!(http::get(&address, "/readyz").await.map(|answer| answer.0), Ok(200), "it must be able to roll out");
    }

    /// Waits until nothing is wrong with a worker.
    pub async fn moves_again(&mut self) {
        let address = self.address().await;
        eventually("all partitions move", async || match http::get(&address, "/readyz?progress").await? {
            (200, _) => Ok(()),
            (_, why) => Err(why),
        })
        .await;
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal by name. The shell's own `kill` is everywhere.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end and everything it says until then.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = eventually("the process ends", async || {
            child.try_wait().unwrap().ok_or_else(|| "it still runs".to_owned())
        })
        .await;
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        status
    }

    /// Waits for its end as one whose settings cannot be used: exit code 2, and a last sentence with these words. All it
    /// said.
    pub async fn refused(self, words: &[&str]) -> String {
        let (code, said) = self.outcome().await;
        assert_eq!(code, 2, "{said}");
        let last = said.lines().rev().find(|line| line.starts_with("stockstream: "));
        let last = last.unwrap_or_else(|| panic!("no sentence in: {said}"));
        assert!(words.iter().all(|word| last.contains(word)), "{words:?} are not all in: {last}");
        said
    }

    /// Waits for its end. Its exit code and all it said.
    pub async fn outcome(mut self) -> (i32, String) {
        let status = self.ended().await;
        (status.code().unwrap_or(-1), self.said().join("\n"))
    }
}

fn collect(from: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
        }
    })
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let lines = self.said();
            eprintln!("--- process {} said:", self.child.id());
            lines.iter().skip(lines.len().saturating_sub(SHOWN)).for_each(|line| eprintln!("{line}"));
        }
    }
}
