//! What the traits promise, asked of the store in memory and of the store on MongoDB by the same tests; and histories at
//! random, after which both must hold the same.
//!
//! `MONGODB_URI` names the server; without it the half on MongoDB is skipped. Each test has a database of its own there,
//! and drops it at the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

/// Makes two tests of each function that takes a test environment: on the store in memory, and on MongoDB.
macro_rules! both {
    ($($test:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&crate::store::test_env::Memory::default()).await;
            })+
        }
        mod on_mongodb {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                crate::store::test_env::on_mongodb(async |env| super::$test(env).await).await;
            })+
        }
    };
}

/// Makes a test on MongoDB of each function that takes its test environment.
macro_rules! mongodb_only {
    ($($test:ident),+ $(,)?) => {
        mod on_mongodb {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                crate::store::test_env::on_mongodb(async |env| super::$test(env).await).await;
            })+
        }
    };
}

mod store {
    pub mod events;
    pub mod flow;
    pub mod fold;
    pub mod test_env;

    mod apply;
    mod checkpoints;
    mod details;
    mod exactly_once;
    mod generations;
    mod history;
    mod indexes;
    mod invoices;
    mod money;
    mod mongos;
    mod names;
    mod positions;
    mod prepare;
    mod product_days;
    mod publication;
    mod races;
    mod random;
    mod ranking;
    mod reads;
    mod records;
    mod returns;
    mod risk;
    mod select;
    mod upgrade;
    mod views;
}
