//! The workers: started, killed, replaced.

use std::{collections::VecDeque, os::unix::process::ExitStatusExt};

use serde_json::Value;

use crate::harness::{Bed, Process, both};

const KILLED: i32 = 9;
/// How many of the fallen a failure tells of, and how many lines of each.
const REMEMBERED: usize = 4;
const LAST_LINES: usize = 40;
/// A worker may end itself where its client cannot leave the group while the broker is away. Whoever runs it starts it again.
const STUCK: (i32, &str) = (2, "did not leave the group within");

pub struct Hand {
    pub process: Process,
    /// Whether it has a fail point to end at.
    armed: bool,
}

impl Hand {
    /// Waits until a worker that was told to end has done so in order.
    pub async fn has_left(&mut self) {
        let status = self.process.ended().await;
        assert!(status.code() == Some(0), "a worker that is told to end ends in order, not by {status}");
    }
}

/// The workers of a campaign.
pub struct Crew {
    hands: Vec<Hand>,
    settings: Value,
    /// How many ended themselves, and were started again.
    pub restarted: usize,
    fallen: VecDeque<(u32, Vec<String>)>,
}

impl Crew {
    pub fn new(bed: &Bed, size: usize, settings: Value) -> Self {
        let mut crew = Self { hands: Vec::new(), settings, restarted: 0, fallen: VecDeque::new() };
        (0..size).for_each(|_| crew.add(bed));
        crew
    }

    pub fn len(&self) -> usize {
        self.hands.len()
    }

    pub fn add(&mut self, bed: &Bed) {
        let hand = self.hire(bed, &[]);
        self.hands.push(hand);
    }

    /// One more, which is killed at that point.
    pub fn add_armed(&mut self, bed: &Bed, at: &str) {
        let hand = self.hire(bed, &[("STOCKSTREAM_FAIL_AT", at)]);
        self.hands.push(hand);
    }

    fn hire(&self, bed: &Bed, variables: &[(&str, &str)]) -> Hand {
        let armed = variables.iter().any(|(name, _)| *name == "STOCKSTREAM_FAIL_AT");
        Hand { process: bed.start_in("worker", self.settings.clone(), variables), armed }
    }

    /// A worker by any number.
    pub fn worker(&mut self, number: u64) -> &mut Process {
        let place = self.place(number);
        &mut self.hands[place].process
    }

    fn place(&self, number: u64) -> usize {
        (number % self.hands.len() as u64) as usize
    }

    /// Kills a worker, and starts another in its place with these variables.
    pub fn replace(&mut self, bed: &Bed, number: u64, variables: &[(&str, &str)]) {
        let place = self.place(number);
        let new = self.hire(bed, variables);
        let mut old = std::mem::replace(&mut self.hands[place], new);
        old.process.kill();
        self.bury(&old.process);
    }

    /// Replaces whoever still has a fail point: nobody is to meet it during another fault.
    pub async fn disarm(&mut self, bed: &Bed) {
        self.tend(bed).await;
        for place in 0..self.hands.len() {
            if self.hands[place].armed {
                self.replace(bed, place as u64, &[]);
            }
        }
    }

    /// Ends all workers in order.
    pub async fn send_home(&mut self) {
        for hand in &self.hands {
            hand.process.signal("TERM");
        }
        for mut hand in self.hands.drain(..) {
            hand.has_left().await;
        }
    }

    /// Replaces all workers by others with these settings besides.
    pub async fn change(&mut self, bed: &Bed, settings: Value) {
        let size = self.len();
        self.send_home().await;
        self.settings = both(self.settings.clone(), settings);
        (0..size).for_each(|_| self.add(bed));
    }

    /// Takes a worker out, running.
    pub fn take_out(&mut self, number: u64) -> Hand {
        let place = self.place(number);
        self.hands.remove(place)
    }

    /// Replaces whoever met its fail point. How many did; nobody else may have ended, but one whose client is stuck.
    pub async fn tend(&mut self, bed: &Bed) -> usize {
        let mut fallen = 0;
        for place in 0..self.hands.len() {
            if self.hands[place].process.runs() {
                continue;
            }
            let new = self.hire(bed, &[]);
            let mut old = std::mem::replace(&mut self.hands[place], new);
            let status = old.process.ended().await;
            self.bury(&old.process);
            if old.armed && status.signal() == Some(KILLED) {
                fallen += 1;
                continue;
            }
            let (code, message) = STUCK;
            let is_stuck = status.code() == Some(code) && old.process.said().iter().any(|line| line.contains(message));
            assert!(is_stuck, "a worker ended by itself: {status}");
            self.restarted += 1;
        }
        fallen
    }

    /// Whether somebody says this.
    pub fn says(&self, text: &str) -> bool {
        self.hands.iter().any(|hand| hand.process.said().iter().any(|line| line.contains(text)))
    }

    pub fn bury(&mut self, process: &Process) {
        let said = process.said();
        let last = said[said.len().saturating_sub(LAST_LINES)..].to_vec();
        self.fallen.push_back((process.id(), last));
        if self.fallen.len() > REMEMBERED {
            self.fallen.pop_front();
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (id, lines) in &self.fallen {
                eprintln!("--- process {id}, which is gone, said last:\n{}", lines.join("\n"));
            }
        }
    }
}
