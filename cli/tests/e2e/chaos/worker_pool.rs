//! The workers: started, killed, replaced.

use std::{collections::VecDeque, os::unix::process::ExitStatusExt};

use serde_json::Value;

use crate::harness::{Process, TestEnv, both};

const KILLED: i32 = 9;
/// How many of the fallen a failure tells of, and how many lines of each.
const REMEMBERED: usize = 4;
const LAST_LINES: usize = 40;
/// A worker may end itself where its client cannot leave the group while the broker is away. Whoever runs it starts it again.
const STUCK: (i32, &str) = (2, "did not leave the group within");

pub struct Member {
    pub process: Process,
    /// Whether it has a fail point to end at.
    armed: bool,
}

impl Member {
    /// Waits until a worker that was told to end has done so in order.
    pub async fn has_left(&mut self) {
        let status = self.process.ended().await;
        assert!(status.code() == Some(0), "a worker that is told to end ends in order, not by {status}");
    }
}

/// The workers of a campaign.
pub struct WorkerPool {
    members: Vec<Member>,
    settings: Value,
    /// How many ended themselves, and were started again.
    pub restarted: usize,
    killed: VecDeque<(u32, Vec<String>)>,
}

impl WorkerPool {
    pub fn new(env: &TestEnv, size: usize, settings: Value) -> Self {
        let mut workers = Self { members: Vec::new(), settings, restarted: 0, killed: VecDeque::new() };
        (0..size).for_each(|_| workers.add(env));
        workers
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn add(&mut self, env: &TestEnv) {
        let member = self.start_one(env, &[]);
        self.members.push(member);
    }

    /// One more, which is killed at that point.
    pub fn add_armed(&mut self, env: &TestEnv, at: &str) {
        let member = self.start_one(env, &[("STOCKSTREAM_FAIL_AT", at)]);
        self.members.push(member);
    }

    fn start_one(&self, env: &TestEnv, variables: &[(&str, &str)]) -> Member {
        let armed = variables.iter().any(|(name, _)| *name == "STOCKSTREAM_FAIL_AT");
        Member { process: env.start_in("worker", self.settings.clone(), variables), armed }
    }

    /// A worker by any number.
    pub fn worker(&mut self, number: u64) -> &mut Process {
        let place = self.place(number);
        &mut self.members[place].process
    }

    fn place(&self, number: u64) -> usize {
        (number % self.members.len() as u64) as usize
    }

    /// Kills a worker, and starts another in its place with these variables.
    pub fn replace(&mut self, env: &TestEnv, number: u64, variables: &[(&str, &str)]) {
        let place = self.place(number);
        let new = self.start_one(env, variables);
        let mut old = std::mem::replace(&mut self.members[place], new);
        old.process.kill();
        self.reap(&old.process);
    }

    /// Replaces whoever still has a fail point: nobody is to meet it during another fault.
    pub async fn disarm(&mut self, env: &TestEnv) {
        self.restart_exited(env).await;
        for place in 0..self.members.len() {
            if self.members[place].armed {
                self.replace(env, place as u64, &[]);
            }
        }
    }

    /// Ends all workers in order.
    pub async fn stop_all(&mut self) {
        for member in &self.members {
            member.process.signal("TERM");
        }
        for mut member in self.members.drain(..) {
            member.has_left().await;
        }
    }

    /// Replaces all workers by others with these settings besides.
    pub async fn change(&mut self, env: &TestEnv, settings: Value) {
        let size = self.len();
        self.stop_all().await;
        self.settings = both(self.settings.clone(), settings);
        (0..size).for_each(|_| self.add(env));
    }

    /// Takes a worker out, running.
    pub fn take_out(&mut self, number: u64) -> Member {
        let place = self.place(number);
        self.members.remove(place)
    }

    /// Replaces whoever met its fail point. How many did; nobody else may have ended, but one whose client is stuck.
    pub async fn restart_exited(&mut self, env: &TestEnv) -> usize {
        let mut killed = 0;
        for place in 0..self.members.len() {
            if self.members[place].process.runs() {
                continue;
            }
            let new = self.start_one(env, &[]);
            let mut old = std::mem::replace(&mut self.members[place], new);
            let status = old.process.ended().await;
            self.reap(&old.process);
            if old.armed && status.signal() == Some(KILLED) {
                killed += 1;
                continue;
            }
            let (code, message) = STUCK;
            let is_stuck = status.code() == Some(code) && old.process.said().iter().any(|line| line.contains(message));
            assert!(is_stuck, "a worker ended by itself: {status}");
            self.restarted += 1;
        }
        killed
    }

    /// Whether somebody says this.
    pub fn says(&self, text: &str) -> bool {
        self.members.iter().any(|member| member.process.said().iter().any(|line| line.contains(text)))
    }

    pub fn reap(&mut self, process: &Process) {
        let said = process.said();
        let last = said[said.len().saturating_sub(LAST_LINES)..].to_vec();
        self.killed.push_back((process.id(), last));
        if self.killed.len() > REMEMBERED {
            self.killed.pop_front();
        }
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (id, lines) in &self.killed {
                eprintln!("--- process {id}, which is gone, said last:\n{}", lines.join("\n"));
            }
        }
    }
}
