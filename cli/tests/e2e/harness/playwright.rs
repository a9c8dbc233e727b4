//! The tests of `dashboard/browser`, in a real browser.

use std::{fs, path::Path, process::Stdio};

use tokio::process::Command;

/// Runs tests of that folder against a page; pictures and traces are kept in `target`, under that name. `said` is what
/// the page's program said, for when they fail.
pub async fn run(folder: &str, output: &str, page: &str, more: &[(&str, &str)], said: impl FnOnce() -> String) {
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(output);
    let _ = fs::remove_dir_all(&output);
    fs::create_dir_all(&output).unwrap();
    let ended = Command::new("node_modules/.bin/playwright")
        .arg("test")
        .current_dir(folder)
        .env("PAGE_URL", page)
        .env("BROWSER_OUTPUT", &output)
        .envs(more.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&ended.stdout);
    println!("{told}");
    assert!(ended.status.success(), "pictures and traces are in {}:\n{told}\n{}", output.display(), said());
}
