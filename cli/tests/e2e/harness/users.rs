//! Users of the page.

use std::{
    io::Write,
    process::{Command, Stdio},
};

/// A line of the file of users, as the command makes it.
pub fn line(name: &str, role: &str, password: &str) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockstream"));
    command.args(["hash-password", name, role]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}
