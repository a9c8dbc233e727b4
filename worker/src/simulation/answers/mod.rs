//! The worker's steps against a database that answers with errors, before or after it did what it was asked: every step goes
//! on by itself, and what comes out is what one plain pass over the events gives.
//!
//! `MONGODB_URI` names the server; without it these tests are skipped.

mod places;
mod round_trips;
mod test_env;

use bson::{Document, doc};
use places::{FLUSH, MOVE, Place, SWEEP};
use stockstream_relay::{Answer, Struck, When};
use test_env::{TestEnv, on_mongodb};

/// Every place of a flush, of publication, of the heartbeat and of forgetting gets this answer once; then those of a sweep.
async fn everywhere(env: &mut TestEnv, name: &str, answer: &Answer) {
    for when in [When::Before, When::After] {
        let what = format!("{name}, {when:?}");
        let struck = fail_at(env, &FLUSH, &answer.clone().when(when));
        env.round(&what, false).await;
        env.forget(&what).await;
        all_struck(env, &what, &struck).await;
        // Documents and checkpoints of other settings: the publisher derives anew.
        let struck = fail_at(env, &SWEEP, &answer.clone().when(when));
        env.round(&what, true).await;
        all_struck(env, &what, &struck).await;
        env.round(&what, false).await;
        env.check(&what).await;
    }
}

fn fail_at(env: &TestEnv, places: &'static [Place], answer: &Answer) -> Vec<(&'static str, Struck)> {
    env.relay.heal();
    places.iter().map(|place| (place.name, env.relay.fail(1, place.is, answer.clone()))).collect()
}

async fn all_struck(env: &TestEnv, what: &str, struck: &[(&str, Struck)]) {
    for (place, struck) in struck {
        env.until(&format!("{what}: {place} comes by"), struck.all()).await;
        assert_eq!(struck.count(), 1, "{what}: {place}");
    }
}

async fn codes(codes: &[i32]) {
    on_mongodb(async |env| {
        env.round("first", false).await;
        for code in codes {
            everywhere(env, &format!("code {code}"), &Answer::code(*code)).await;
        }
    })
    .await;
}

macro_rules! codes {
    ($($name:ident: $codes:expr,)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            codes(&$codes).await;
        })+
    };
}

codes! {
    interrupted: [11_601, 50, 262],                    // Interrupted, MaxTimeMSExpired, ExceededTimeLimit
    a_primary_that_steps_down: [91, 10_107],           // ShutdownInProgress, NotWritablePrimary
    conflicts: [112, 249, 89],                         // WriteConflict, StaleChunkHistory, NetworkTimeout
    what_nobody_knows: [365, 175, 99_999],             // TemporarilyUnavailable, QueryPlanKilled, none
    rights_and_rules_that_change_at_work: [13, 9, 85], // Unauthorized, FailedToParse, IndexOptionsConflict
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_within_a_reply() {
    on_mongodb(async |env| {
        env.round("first", false).await;
        for (name, answer) in [
            ("a conflict of a statement", Answer::write_errors(112)),
            ("an unknown error of a statement", Answer::write_errors(365)),
            ("a validator's refusal of a statement", Answer::write_errors(121)),
            ("too few servers have it in time", Answer::write_concern(64)),
            ("the primary shuts down", Answer::write_concern(91).labelled(&["RetryableWriteError"])),
        ] {
            everywhere(env, name, &answer).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_end_and_labels_that_say_more_than_codes() {
    on_mongodb(async |env| {
        env.round("first", false).await;
        for (name, answer) in [
            ("closed", Answer::close()),
            ("a label", Answer::code(2).labelled(&["RetryableWriteError", "NoWritesPerformed"])),
            ("a label of a statement", Answer::write_errors(2).labelled(&["TransientTransactionError"])),
        ] {
            everywhere(env, name, &answer).await;
        }
    })
    .await;
}

/// Every command of a move of days gets each answer once, before and after it was carried out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_move_whatever_is_answered() {
    /// So many days are a block, and more than a product keeps.
    const ROUNDS: usize = 8;
    on_mongodb(async |env| {
        env.alone().await;
        // Longer than the history: with each block that comes, one is deleted.
        for _ in 0..4 * ROUNDS {
            env.round("a history", false).await;
        }
        env.move_days("a history").await;
        for (name, answer) in [
            ("interrupted", Answer::code(11_601)),
            ("a primary that steps down", Answer::code(91)),
            ("a conflict of a statement", Answer::write_errors(112)),
            ("too few servers have it in time", Answer::write_concern(64)),
            ("closed", Answer::close()),
        ] {
            for when in [When::Before, When::After] {
                let what = format!("{name}, {when:?}");
                for _ in 0..ROUNDS {
                    env.round(&what, false).await;
                }
                let struck = fail_at(env, &MOVE, &answer.clone().when(when));
                env.move_days(&what).await;
                all_struck(env, &what, &struck).await;
                env.relay.heal();
                env.check_state(&what).await;
            }
        }
    })
    .await;
}

/// The next number below `end` of a fixed sequence (splitmix64).
fn draw(state: &mut u64, end: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % end
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_of_any_errors_anywhere() {
    const CODES: [i32; 10] = [11_601, 50, 89, 91, 112, 175, 249, 262, 365, 13];
    on_mongodb(async |env| {
        env.round("first", false).await;
        let mut state = 7;
        let struck = env.relay.answer(u64::MAX, move |request| {
            if request.is_hello() || draw(&mut state, 4) > 0 {
                return None;
            }
            let code = CODES[draw(&mut state, CODES.len() as u64) as usize];
            let answer = match draw(&mut state, 4) {
                0 => Answer::write_errors(code),
                1 => Answer::write_concern(code),
                2 => Answer::close(),
                _ => Answer::code(code),
            };
            Some(if draw(&mut state, 2) == 0 { answer } else { answer.afterwards() })
        });
        for round in 0..12 {
            env.round("a burst", round % 3 == 1).await;
            env.forget("a burst").await;
        }
        assert!(struck.count() > 50, "{}", struck.count());
        env.relay.heal();
        env.round("after the bursts", false).await;
        env.check("after the bursts").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_the_server_calls_invalid_is_told_and_the_batch_goes_on_once_it_is_corrected() {
    on_mongodb(async |env| {
        env.round("first", false).await;
        let products = env.raw.collection::<Document>("products");
        let units = products.find_one(doc! { "_id": "p3" }).await.unwrap().unwrap().get("units").cloned();
        // Somebody made a text of a number: nothing can be added to it.
        products.update_one(doc! { "_id": "p3" }, doc! { "$set": { "units": "many" } }).await.unwrap();
        let corrected = doc! { "$set": { "units": units } };
        env.round_that_waits(&["p3", "products", "invalid", "correct that document"], async || {
            products.update_one(doc! { "_id": "p3" }, corrected).await.unwrap();
        })
        .await;
        env.round("corrected", false).await;
        env.check("corrected").await;
        assert_eq!(env.problems(), [""; 0]);
    })
    .await;
}
