//! The dashboard as its users and their browsers meet it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

mod access;
mod api;
mod busy;
mod enter;
mod guard;
mod live;
mod metrics;
mod openapi;
mod pages;
mod readers;
mod tables;
