//! The scripts of `hack/`, and the processes that they started.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use tokio::task::block_in_place;

/// Runs one of the scripts with these variables in its environment.
pub fn hack(script: &str, arguments: &[&str], variables: &[(&str, &str)]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hack").join(script);
    let mut command = Command::new(&script);
    command.args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
    let output = block_in_place(|| command.output()).unwrap();
    assert!(output.status.success(), "{} {arguments:?}: {}", script.display(), String::from_utf8_lossy(&output.stderr));
}

/// Kills the process whose id is in that file, and waits until it is gone: its script would take it for running.
pub fn kill(pid: &Path) {
    let kill = format!("p=$(cat '{}'); kill -KILL $p; while [ -e /proc/$p/cwd ]; do sleep 0.01; done", pid.display());
    let status = block_in_place(|| Command::new("sh").args(["-c", &kill]).status());
    assert!(status.unwrap().success(), "{kill}");
}
