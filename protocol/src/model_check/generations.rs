//! Settings that change while old workers run: whose derived fields they are, and who computes them anew.

use stateright::{Model, Property};

use super::{holds, is_missed};
use crate::generation::{ActiveSettings, GenerationDecision, OUTDATED, is_stale, may_recompute, settle};

const DOCUMENTS: usize = 2;

/// A guard that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guarding {
    /// Settings are brought in force only over those that were seen.
    Compare,
    /// Only a worker of the newest generation sweeps.
    Newest,
    /// A document is stamped with the generation that its fields were derived with.
    Stamp,
}

/// The model: workers that start one after the other or at once, each with rules and the generation of its resource.
struct Generations {
    workers: &'static [(u8, Option<i64>)],
    /// How often a worker writes a document or begins a sweep.
    writes: u8,
    without: Option<Guarding>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    in_force: ActiveSettings,
    /// The rules of each generation; 0 before any.
    rules: Vec<u8>,
    /// The stamp and the rules that the derived fields of each document follow.
    documents: [(Option<i64>, u8); DOCUMENTS],
    workers: Vec<(Worker, u8)>,
    wrong: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Worker {
    Starting,
    /// What is in force was read.
    Read(ActiveSettings, u8),
    /// It runs with a stamp.
    Runs(i64),
    /// It found itself the newest; the documents that are not swept yet.
    Sweeps(i64, Vec<usize>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Start { worker: usize },
    Derive { worker: usize, document: usize },
    BeginSweep { worker: usize },
    Sweep { worker: usize, index: usize },
}

impl Generations {
    fn rules(&self, worker: usize) -> (u8, Option<i64>) {
        // Whoever comes last has new rules, of the latest resource.
        self.workers.get(worker).copied().unwrap_or((9, Some(9)))
    }

    fn start(&self, world: &mut World, worker: usize) {
        let (rules, mine) = self.rules(worker);
        let standing = world.in_force;
        let rules_in_force = world.rules[standing.generation as usize];
        world.workers[worker].0 = match world.workers[worker].0.clone() {
            Worker::Read(seen, rules_seen) => match settle(seen, mine, rules == rules_seen) {
                GenerationDecision::Stamp(stamp) => Worker::Runs(stamp),
                GenerationDecision::Write(_) if seen != standing && self.without != Some(Guarding::Compare) => {
                    Worker::Starting
                }
                GenerationDecision::Write(new) => {
                    if new.generation < standing.generation
                        || new.resource < standing.resource.filter(|_| mine.is_some())
                    {
                        world.wrong = Some("what is in force went back");
                    }
                    world.in_force = new;
                    world.rules.resize(world.rules.len().max(new.generation as usize + 1), 0);
                    world.rules[new.generation as usize] = rules;
                    Worker::Runs(new.generation)
                }
            },
            _ => Worker::Read(standing, rules_in_force),
        };
    }

    fn derive(&self, world: &mut World, worker: usize, document: usize) {
        let (Worker::Runs(stamp) | Worker::Sweeps(stamp, _)) = world.workers[worker].0 else { return };
        let stamp = if self.without == Some(Guarding::Stamp) { world.in_force.generation } else { stamp };
        world.documents[document] = (Some(stamp), self.rules(worker).0);
    }

    fn step(&self, world: &mut World, step: Step) {
        match step {
            Step::Start { worker } => self.start(world, worker),
            Step::Derive { worker, document } => self.derive(world, worker, document),
            Step::BeginSweep { worker } => {
                let newest = world.in_force.generation;
                if let Worker::Runs(stamp) = world.workers[worker].0
                    && (may_recompute(stamp, newest) || self.without == Some(Guarding::Newest))
                {
                    if stamp != newest {
                        world.wrong = Some("a worker sweeps that is not of the newest generation");
                    }
                    world.workers[worker].0 = Worker::Sweeps(stamp, (0..DOCUMENTS).collect());
                }
            }
            Step::Sweep { worker, index } => {
                let Worker::Sweeps(stamp, documents) = &mut world.workers[worker].0 else { return };
                let (stamp, document) = (*stamp, documents.remove(index));
                if documents.is_empty() {
                    world.workers[worker].0 = Worker::Runs(stamp);
                }
                if is_stale(world.documents[document].0, stamp) {
                    world.documents[document] = (Some(stamp), self.rules(worker).0);
                }
            }
        }
    }

    /// Whether a worker with the newest settings makes all derived fields follow them.
    fn ends(&self, world: &World) -> bool {
        let mut world = world.clone();
        let worker = self.workers.len();
        world.workers.push((Worker::Starting, 0));
        for step in [Step::Start { worker }, Step::Start { worker }, Step::BeginSweep { worker }] {
            self.step(&mut world, step);
        }
        (0..DOCUMENTS).for_each(|_| self.step(&mut world, Step::Sweep { worker, index: 0 }));
        let wanted = (Some(world.in_force.generation), self.rules(worker).0);
        world.wrong.is_none() && world.documents.iter().all(|document| *document == wanted)
    }

    /// A stamp tells the rules, unless it is that of a worker that must not be followed.
    fn stamps_tell(&self, world: &World) -> bool {
        let tells = |(stamp, rules): &(Option<i64>, u8)| match stamp {
            Some(stamp) if *stamp != OUTDATED => world.rules.get(*stamp as usize) == Some(rules),
            _ => true,
        };
        world.documents.iter().all(tells)
    }
}

impl Model for Generations {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            in_force: ActiveSettings::default(),
            rules: vec![0],
            documents: [(None, 0); DOCUMENTS],
            workers: vec![(Worker::Starting, self.writes); self.workers.len()],
            wrong: None,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        for (worker, (of, left)) in world.workers.iter().enumerate() {
            match of {
                Worker::Starting | Worker::Read(..) => steps.push(Step::Start { worker }),
                Worker::Runs(_) if *left > 0 => {
                    steps.extend((0..DOCUMENTS).map(|document| Step::Derive { worker, document }));
                    steps.push(Step::BeginSweep { worker });
                }
                Worker::Runs(_) => {}
                Worker::Sweeps(_, documents) => {
                    steps.extend((0..documents.len()).map(|index| Step::Sweep { worker, index }));
                    if *left > 0 {
                        steps.extend((0..DOCUMENTS).map(|document| Step::Derive { worker, document }));
                    }
                }
            }
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        if let Step::Derive { worker, .. } | Step::BeginSweep { worker } = step {
            world.workers[worker].1 -= 1;
        }
        self.step(&mut world, step);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing goes wrong", |_, world: &World| world.wrong.is_none()),
            Property::always("a stamp tells the rules", Self::stamps_tell),
            Property::sometimes("a document follows an older generation", |_, world: &World| {
                world.documents.iter().any(|(stamp, _)| stamp.is_some_and(|stamp| stamp < world.in_force.generation))
            }),
            Property::always("from here the newest settings can be followed", Self::ends),
        ]
    }
}

/// Two workers with old rules and one with new ones, all of which say of which resource they are.
const ORDERED: &[(u8, Option<i64>)] = &[(1, Some(1)), (2, Some(2)), (1, Some(1))];
/// None says it: whoever started last counts.
const UNORDERED: &[(u8, Option<i64>)] = &[(1, None), (2, None), (1, None)];

#[test]
fn derived_fields_follow_the_newest_settings() {
    for workers in [ORDERED, UNORDERED] {
        holds(Generations { workers, writes: 2, without: None });
    }
}

#[test]
fn no_guard_can_be_left_out() {
    for without in [Guarding::Compare, Guarding::Newest, Guarding::Stamp] {
        is_missed(without, Generations { workers: ORDERED, writes: 2, without: Some(without) });
    }
}
