//! A line for the file of users.

use std::io::{BufRead, IsTerminal, stdin};

use stockstream_dashboard::{check_name, hash_password};

use crate::{
    args::HashPassword,
    exit::{Failure, Outcome},
    say::say,
};

/// Reads a password from standard input and prints the user's line. The password is nowhere else: no flag, no variable.
pub(crate) fn print(args: &HashPassword) -> Result<Outcome, Failure> {
    let usage = |message: String| Failure::Usage { message };
    check_name(&args.name).map_err(usage)?;
    let input = stdin();
    if input.is_terminal() {
        say!("Type the password of {} and Enter. It is seen while it is typed; better pipe it in.", args.name);
    }
    let mut line = String::new();
    let read = input.lock().read_line(&mut line);
    read.map_err(|source| Failure::Io { action: "read the password from standard input".into(), source })?;
    let hash = hash_password(line.trim_end_matches(['\r', '\n'])).map_err(usage)?;
    println!("{}:{}:{hash}", args.name, args.role);
    Ok(Outcome::Done)
}
