use std::{path::PathBuf, str::FromStr};

use clap::Args;

/// An operator that finds many pipelines when it starts. Its pods are said to run, since no node is there.
#[derive(Args)]
pub(crate) struct Fleet {
    /// How many pipelines
    #[arg(long, default_value_t = 1_000)]
    pub(super) pipelines: usize,
    /// In how many namespaces
    #[arg(long, default_value_t = 10)]
    pub(super) namespaces: usize,
    /// Point the pipelines at servers that nobody can reach
    #[arg(long)]
    pub(super) away: bool,
    /// The cluster, as somebody who may do everything
    #[arg(long, value_name = "FILE")]
    pub(super) admin: PathBuf,
    /// The cluster, as the user of the operator
    #[arg(long, value_name = "FILE")]
    pub(super) user: PathBuf,
    /// The name of that user
    #[arg(long, default_value = "operator")]
    pub(super) user_name: String,
    /// Where the API server notes who asked for what
    #[arg(long, value_name = "FILE")]
    pub(super) audit: PathBuf,
    /// The operator's program
    #[arg(long, value_name = "FILE", default_value = "target/dist/stockstream")]
    pub(super) program: PathBuf,
    /// How many pipelines it works on at once, and how many writes the bare loop has under way
    #[arg(long, default_value_t = 32)]
    pub(super) concurrency: usize,
    /// Where it writes its log
    #[arg(long, value_name = "FILE")]
    pub(super) log: PathBuf,
    /// A process whose use of the processor is told beside the operator's, as in `apiserver=123`
    #[arg(long = "beside", value_name = "NAME=PID")]
    pub(super) beside: Vec<Named>,
    /// For how long it is counted what a steady operator asks for
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(super) steady: u64,
}

/// A process and what it is called.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) id: u32,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (name, id) = text.split_once('=').ok_or("as in apiserver=123")?;
        Ok(Self { name: name.to_owned(), id: id.parse().map_err(|error| format!("{id}: {error}"))? })
    }
}
