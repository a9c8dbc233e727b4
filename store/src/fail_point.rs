//! Points of the protocol at which a test may end the process, as a power cut would. They are there in debug builds alone.

/// Ends the process at once if `STOCKSTREAM_FAIL_AT` names this point, as `name` or, for its third passing, `name:3`.
#[cfg(debug_assertions)]
pub fn fail_point(name: &str) {
    use std::{
        os::unix::process::CommandExt,
        process::Command,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
    };
    static WANTED: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let text = std::env::var("STOCKSTREAM_FAIL_AT").ok()?;
        let (name, nth) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), nth.parse().unwrap_or(1)))
    });
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Some((_, nth)) = WANTED.as_ref().filter(|(wanted, _)| wanted == name) else { return };
    if PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *nth {
        // Another program in this one's place ends all its threads at once; that program then kills itself.
        let error = Command::new("sh").args(["-c", "kill -KILL $$"]).exec();
        tracing::error!(%error, point = name, "the fail point could not end the process");
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn fail_point(_: &str) {}
