//! The operator as a process, and what processes use.

use std::{fs, process::Command};

use super::args::{Fleet, Named};
use crate::{Result, process::Running};

/// Linux tells times in hundredths of a second.
const TICKS: f64 = 100.0;

/// Starts the operator.
pub(super) fn operator(fleet: &Fleet) -> Result<Running> {
    let mut command = Command::new(&fleet.program);
    command.args(["operator", "--image", "stockstream:bench", "--listen", "127.0.0.1:0"]);
    command.args(["--lease-namespace", "default", "--concurrency", &fleet.concurrency.to_string()]);
    Running::start(command.env("KUBECONFIG", &fleet.user).stderr(fs::File::create(&fleet.log)?))
}

/// Seconds of the processor that the operator and the others used.
pub(super) fn used(operator: u32, beside: &[Named]) -> Result<Vec<(String, f64)>> {
    let operator = Named { name: "operator".into(), id: operator };
    let of = |process: &Named| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.id))?;
        // Behind the name, which may hold anything: fields 14 and 15 of the whole line.
        let (_, fields) = stat.rsplit_once(')').ok_or("not a line of /proc")?;
        let ticks =
            fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<std::result::Result<f64, _>>()?;
        Ok((process.name.clone(), ticks / TICKS))
    };
    [&operator].into_iter().chain(beside).map(of).collect()
}

/// The most memory that a process had, and what it has, in MiB.
pub(super) fn memory(id: u32) -> Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such field in /proc")?;
        Result::Ok(line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>()? / 1024)
    };
    Ok((field("VmHWM")?, field("VmRSS")?))
}
