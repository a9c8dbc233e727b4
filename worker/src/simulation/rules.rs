//! Workers that fold by different rules, as they do while a version or a setting is rolled out: each range is folded by the
//! rules of the claim that it was completed under, whoever finishes it.

use crate::simulation::*;

const DAY: u64 = 86_400_000;

/// A version of before, and three settings of this one.
fn fold_rules() -> impl Strategy<Value = FoldRules> {
    let checking = |days: u64| FoldRules::checking(HumanDuration::from_millis(days * DAY));
    prop::sample::select(vec![FoldRules::FIRST, FoldRules::default(), checking(2), checking(9)])
}

/// What every worker folds by.
fn folding_by(fold: [FoldRules; WORKERS]) -> [Rules; WORKERS] {
    fold.map(|fold| Rules { fold, deduplicate: None })
}

impl Simulation {
    /// By which rules the event at an offset was folded in the end.
    fn rules_of(&self, id: PartitionId, offset: i64) -> FoldRules {
        self.completed[&id].iter().find(|(end, _)| offset < *end).unwrap().1
    }
}

/// A sale and returns of it by one client, and one that is said to be of next month.
fn returned_and_ahead() -> Logs {
    let sale = |at: &str, lines: &[(&str, i64)]| {
        let line = |(product, quantity): &(&str, i64)| {
            format!(r#"{{"product_id":"{product}","quantity":{quantity},"unit_price":2}}"#)
        };
        let lines = lines.iter().map(line).collect::<Vec<_>>().join(",");
        format!(r#"{{"invoice_id":1,"client_id":"c","timestamp":"{at}","items":[{lines}]}}"#)
    };
    let payloads = [
        sale("2026-01-01", &[("a", 5), ("b", 1)]),
        sale("2026-01-10", &[("a", -2), ("b", -1)]),
        sale("2026-01-11", &[("x", -1)]),
        sale("2026-02-20", &[("y", 1)]),
    ];
    let id = PartitionId { stream: EventKind::Sales, partition: 0 };
    let entry = |(offset, payload)| Entry { offset, at: PRODUCED, payload };
    vec![(id, (0..).zip(payloads).map(entry).collect())]
}

#[tokio::test]
async fn a_claim_that_was_applied_in_part_is_finished_by_the_rules_it_was_claimed_under() {
    let logs = returned_and_ahead();
    let newest = FoldRules::checking(HumanDuration::from_millis(2 * DAY));
    let by = async |rules| plainly_by(&logs, |_, _| rules).await;
    let (by_first, by_newest) = (by(FoldRules::FIRST).await, by(newest).await);
    assert_ne!(by_first, by_newest);
    let of = |snapshot: &Snapshot| (snapshot.clients[0].invoices, snapshot.products.len(), snapshot.rejected.len());
    assert_eq!((of(&by_first), of(&by_newest)), ((4, 4, 0), (1, 3, 1)));
    for (old, new, expected) in [(FoldRules::FIRST, newest, by_first), (newest, FoldRules::FIRST, by_newest)] {
        for keys in 0..12 {
            let mut simulation = Simulation::new(logs.clone(), folding_by([new, old, new])).await;
            simulation.step(Step::Assign { worker: 1, partition: 0 }).await;
            simulation.step(Step::Read { worker: 1, partition: 0, records: 9 }).await;
            simulation.step(Step::Die { worker: 1, keys }).await;
            simulation.end().await;
            assert_eq!(
                simulation.store.snapshot().await.unwrap(),
                expected,
                "{keys} keys by {old:?}, the rest by {new:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn each_range_is_folded_by_the_rules_of_its_claim(
        logs in logs(),
        fold in prop::array::uniform3(fold_rules()),
        steps in prop::collection::vec(step(4), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (expected, found) = runtime.block_on(async {
            let mut simulation = Simulation::new(logs.clone(), folding_by(fold)).await;
            for step in steps {
                simulation.step(step).await;
            }
            simulation.end().await;
            (plainly_by(&logs, |id, offset| simulation.rules_of(id, offset)).await, simulation.store.snapshot().await.unwrap())
        });
        prop_assert_eq!(found, expected);
    }
}
