//! The operator against a real API server, etcd and controller manager, without a node: no pod ever runs.
//!
//! `STOCKSTREAM_KUBECONFIG` names the cluster, whose user may do everything and act as others; without it each test says that
//! it is skipped. Each test has a namespace and an operator of its own, which may do there what its role in `harness/role.rs`
//! grants and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod harness;
#[path = "../../src/resource/validation_cases.rs"]
mod validation_cases;

mod children;
mod crd;
mod failure_isolation;
mod forms;
mod identity;
mod idle;
mod leader_election;
mod monitors;
mod not_ours;
mod rbac;
mod secrets;
mod secured;
