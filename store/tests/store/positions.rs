//! The positions document: every update does in the store what it does by itself, whether its condition holds or not.

use std::collections::BTreeMap;

use stockstream_model::{
    Timestamp,
    documents::{FoldRules, KafkaIds, LeaderEpoch, LostRange, PartitionId},
    settings::HumanDuration,
};
use stockstream_protocol::{
    claim::{Applied, Claim, ClaimRequest, ClaimedRange, Completion},
    positions::{
        Cause, ClaimRules, Counters, Derivation, Frozen, Lane, Lost, OffsetRange, Pending, Position, Positions,
    },
    update::Update,
};
use stockstream_store::PositionStore;

use super::{
    events::{CLIENTS, MORE_SALES, SALES, time},
    test_env::TestEnv,
};

const PARTITIONS: [PartitionId; 3] = [SALES, MORE_SALES, CLIENTS];

fn full() -> Position {
    Position {
        topic_id: Some("$topic.id".into()),
        cluster_id: Some("cluster.$id".into()),
        incarnation: 2,
        next: 1 << 60,
        epoch: Some(LeaderEpoch { at: 1 << 60, value: i32::MAX }),
        pending: Some(Pending { end: (1 << 60) + 3, epoch: None, lane: 7, seq: 1 << 40 }),
        frozen: Some(Frozen {
            cause: Cause::Returned,
            range: OffsetRange { start: 5, end: 9 },
            since: time("2026-05-01T12:00:00.001Z"),
        }),
        lost: Lost {
            ranges: vec![
                LostRange { incarnation: 0, from: 1, to: 3, cause: None },
                LostRange { incarnation: 2, from: 4, to: 5, cause: Some(Cause::Truncated) },
            ],
            offsets: 1 << 50,
        },
        counters: Counters {
            events: 1 << 53,
            rejected: (1 << 53) + 1,
            duplicates: (1 << 53) + 3,
            latest_event: Some(time("1969-12-31T23:59:59.999Z")),
        },
        forgotten: Some(time("2026-04-30T00:00:00.003Z")),
    }
}

async fn what_is_created_is_read_back_whole_and_once(env: &impl TestEnv) {
    let store = env.worker().await;
    assert_eq!(store.load_positions().await.unwrap(), None);
    let rules = ClaimRules {
        fold: FoldRules { version: 7, future_tolerance: Some(HumanDuration::from_millis(172_800_001)) },
        deduplicate: Some(HumanDuration::from_millis(86_400_001)),
        claimed_at: time("2026-05-01T12:00:00.007Z"),
    };
    let derivation = Derivation { generation: 1 << 41, since: 1 << 42 };
    let lane = Lane { holder: Some("a.$b".into()), seq: 1 << 40, open: true, rules, derivation };
    let first = Positions {
        partitions: [(SALES, full()), (CLIENTS, Position::default())].into(),
        lanes: [(7, lane), (11, Lane::default())].into(),
        seen: KafkaIds {
            cluster: Some("$c.1".into()),
            replaced_clusters: ["c.0".to_owned()].into(),
            replaced_topics: ["$t".to_owned(), "u".to_owned()].into(),
        },
    };
    store.create_positions(&first).await.unwrap();
    assert_eq!(store.load_positions().await.unwrap().as_ref(), Some(&first));
    env.worker().await.create_positions(&Positions::default()).await.unwrap();
    assert_eq!(store.load_positions().await.unwrap(), Some(first), "who comes later changes nothing");
}

/// Numbers at random, the same ones for a seed.
struct SeededRng(u64);

impl SeededRng {
    fn below(&mut self, most: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % most
    }

    fn is_one_in(&mut self, so_many: i64) -> bool {
        self.below(so_many) == 0
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as i64) as usize]
    }

    fn epoch(&mut self, at: i64) -> Option<LeaderEpoch> {
        self.is_one_in(2).then(|| LeaderEpoch { at, value: self.below(3) as i32 })
    }

    fn counters(&mut self) -> Counters {
        let latest_event = self.is_one_in(2).then(|| Timestamp::from_millis(self.below(100)));
        Counters { events: self.below(9), rejected: self.below(3), duplicates: self.below(3), latest_event }
    }

    fn forgotten(&mut self) -> Option<Timestamp> {
        self.is_one_in(3).then(|| Timestamp::from_millis(self.below(9)))
    }

    fn frozen(&mut self) -> Option<Frozen> {
        let range = OffsetRange { start: self.below(3), end: 3 };
        let since = Timestamp::from_millis(self.below(2));
        self.is_one_in(3).then(|| Frozen { cause: self.one_of(&Cause::ALL), range, since })
    }

    fn holder(&mut self) -> String {
        self.one_of(&["a", "b"]).to_owned()
    }

    /// An update that mostly fits what stands, and sometimes just not.
    fn update(&mut self, standing: &Positions) -> Update {
        let lane = self.below(2) as u32;
        let of_lane = standing.lanes.get(&lane).cloned().unwrap_or_default();
        let off = |rng: &mut Self| i64::from(rng.is_one_in(8));
        let id = self.one_of(&PARTITIONS);
        let position = standing.partitions.get(&id).cloned().unwrap_or_default();
        match self.below(14) {
            0 => {
                let expected = if self.is_one_in(3) { Some(self.holder()) } else { of_lane.holder };
                Update::AcquireLane { lane, expected, holder: self.holder() }
            }
            1 if self.is_one_in(3) => Update::ReleaseLane { lane, holder: self.holder() },
            1 | 2 => Update::AddPartition { id, position: Position::starting_at(self.below(3), None, None) },
            3..6 => {
                let mut partitions = BTreeMap::new();
                for (id, position) in standing.partitions.iter().take(1 + self.below(3) as usize) {
                    let (start, incarnation) = (position.next + off(self), position.incarnation + off(self));
                    let end = start + 1 + self.below(4);
                    let forgotten = if self.is_one_in(12) { self.forgotten() } else { position.forgotten };
                    let epoch = self.epoch(end);
                    partitions.insert(*id, ClaimedRange { incarnation, start, end, epoch, forgotten });
                }
                let holder = of_lane.holder.clone().filter(|_| !self.is_one_in(6)).unwrap_or_else(|| self.holder());
                let deduplicate = self.is_one_in(2).then(|| HumanDuration::from_millis(self.below(9) as u64));
                let claimed_at = Timestamp::from_millis(self.below(9));
                let rules = ClaimRules { deduplicate, claimed_at, ..ClaimRules::default() };
                let derivation = of_lane.claimed_by(self.below(2));
                let claim = Claim { lane, seq: of_lane.seq + 1 + off(self), rules, derivation, partitions };
                Update::Claim(ClaimRequest { holder, claim })
            }
            6..9 => {
                let claim = Claim::open_in(standing, lane);
                let mut partitions = BTreeMap::new();
                for (id, range) in claim.iter().flat_map(|claim| &claim.partitions) {
                    let end = range.end + off(self);
                    let (counters, forgotten) = (self.counters(), self.forgotten());
                    partitions.insert(*id, Applied { end, epoch: range.epoch, counters, forgotten });
                }
                let derivation = of_lane.completed_by(self.below(2));
                Update::Complete(Completion { lane, seq: of_lane.seq + off(self), derivation, partitions })
            }
            9..12 => {
                let range = OffsetRange { start: position.next, end: position.next + 1 + self.below(2) };
                let (seq, incarnation) = (of_lane.seq + off(self), position.incarnation + off(self));
                let cause = Cause::ALL[self.below(4) as usize];
                Update::LoseClaimed { lane, seq, id, incarnation, range, cause, freeze: self.frozen() }
            }
            _ => {
                let mut to = Position { frozen: self.frozen(), pending: None, ..position.clone() };
                let mut ids = KafkaIds::default();
                if self.is_one_in(2) {
                    to.next += self.below(3);
                    to.lost.add(to.incarnation, OffsetRange { start: position.next, end: to.next }, Cause::Deleted);
                } else if self.is_one_in(2) {
                    (to.incarnation, to.next) = (to.incarnation + 1, 0);
                    ids.replaced_topics.extend(position.topic_id.clone());
                    to.topic_id = Some(format!("topic-{}", self.below(9)));
                    ids.cluster = self.is_one_in(2).then(|| format!("cluster-{}", self.below(3)));
                    ids.replaced_clusters.extend(position.cluster_id.clone());
                    to.cluster_id.clone_from(&ids.cluster);
                }
                if self.is_one_in(3) {
                    to.forgotten = to.forgotten.max(self.forgotten());
                }
                let expected = Position { next: position.next + off(self), ..position };
                let expected =
                    if self.is_one_in(12) { Position { forgotten: self.forgotten(), ..expected } } else { expected };
                let expected =
                    if self.is_one_in(8) { Position { frozen: self.frozen(), ..expected } } else { expected };
                Update::Move { id, expected: expected.into(), position: to.into(), ids }
            }
        }
    }
}

async fn an_update_does_in_the_store_what_it_does_by_itself(env: &impl TestEnv) {
    let store = env.worker().await;
    store.create_positions(&Positions::default()).await.unwrap();
    let (mut standing, mut rng, mut took_effect) = (Positions::default(), SeededRng(20_261_129), BTreeMap::new());
    for step in 0..400 {
        let update = rng.update(&standing);
        let before = standing.clone();
        let applied = update.apply(&mut standing);
        let kind = format!("{update:?}").split([' ', '(']).next().unwrap().to_owned();
        *took_effect.entry((kind, applied)).or_insert(0) += 1;
        assert_eq!(store.update_positions(&update).await.unwrap(), applied, "step {step}: {update:#?} on {before:#?}");
        let found = store.load_positions().await.unwrap().unwrap();
        assert_eq!(found, standing, "after step {step}: {update:#?} on {before:#?}");
    }
    // Every kind of update was applied, and every kind was refused.
    assert_eq!(took_effect.len(), 14, "{took_effect:?}");
}

async fn of_two_claims_on_the_same_partition_one_is_opened(env: &impl TestEnv) {
    let (store, other) = (env.worker().await, env.worker().await);
    let lane = |holder: &str| Lane { holder: Some(holder.into()), ..Lane::default() };
    let partitions = PARTITIONS.map(|id| (id, Position::default())).into();
    let first = Positions { partitions, lanes: [(0, lane("a")), (1, lane("b"))].into(), ..Positions::default() };
    store.create_positions(&first).await.unwrap();
    for round in 0..20 {
        let standing = store.load_positions().await.unwrap().unwrap();
        let read = standing.partitions.iter().map(|(id, position)| (*id, (position.next + 1, None))).collect();
        let claim = |lane, holder| {
            Update::Claim(ClaimRequest::of_batch(&standing, lane, holder, (ClaimRules::default(), 1), &read).unwrap())
        };
        let (one, two) = (claim(0, "a"), claim(1, "b"));
        let (one, two) = tokio::join!(store.update_positions(&one), other.update_positions(&two));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one != two, "round {round}: {one} and {two}");
        let standing = other.load_positions().await.unwrap().unwrap();
        let open = Claim::open_in(&standing, u32::from(two)).unwrap();
        assert_eq!(open.partitions.len(), PARTITIONS.len());
        assert_eq!(Claim::open_in(&standing, u32::from(one)), None);
        assert!(
            store
                .update_positions(&Update::Complete(open.completion(1, |_| <(Counters, _)>::default())))
                .await
                .unwrap()
        );
    }
    let standing = store.load_positions().await.unwrap().unwrap();
    assert!(standing.partitions.values().all(|position| position.next == 20 && position.pending.is_none()));
}

both!(
    what_is_created_is_read_back_whole_and_once,
    an_update_does_in_the_store_what_it_does_by_itself,
    of_two_claims_on_the_same_partition_one_is_opened,
);
