//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use stockstream_dashboard::Role;
use stockstream_model::{Decimal, documents::PartitionId, event::EventKind};
use stockstream_operator::PodUser;
use stockstream_protocol::reset::Target;

use crate::auth_args::AuthArgs;

/// Kafka events to exact, conditionally written MongoDB views: which products win, which stock is about to be lost, what
/// each client is worth.
#[derive(Parser)]
#[command(name = "stockstream", version, about, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Everything in one process, with nothing installed: broker, worker, page, and input from a file or a generator
    Up(Up),
    /// Keep the answers in MongoDB up to date from the three topics
    Worker(Worker),
    /// Serve the page and the JSON API over the views in MongoDB
    Dashboard(Dashboard),
    /// Run AnalyticsPipelines on Kubernetes: check topics, start workers and dashboards, say in the status what is so
    Operator(Operator),
    /// Print the definition of AnalyticsPipeline, for `kubectl apply --server-side -f -`
    Crd,
    /// Publish a file of invoices to the topics
    Import(Import),
    /// Write the events of a made-up shop to Kafka or to standard output
    Generate(Generate),
    /// Print the JSON Schema of a topic's events
    Schema(Schema),
    /// Print the line of a user for the dashboard's file of users; the password is read from standard input
    HashPassword(HashPassword),
    /// Print every setting with its environment variable
    Settings,
    /// Mend what only a person can decide
    #[command(subcommand)]
    Pipeline(Pipeline),
}

#[derive(Subcommand)]
pub(crate) enum Pipeline {
    /// Move the position of one partition: for one that stopped and that no setting lets go on. Says first what will count
    /// twice or be lost, and wants the pipeline's name
    Reset(Reset),
}

#[derive(Args)]
pub(crate) struct Reset {
    /// Which partition, as its problem names it: sales/3
    #[arg(value_name = "STREAM/PARTITION", value_parser = partition)]
    pub position: PartitionId,
    /// Where counting goes on in the log as it stands: earliest, latest or an offset
    #[arg(long, value_name = "OFFSET", value_parser = target)]
    pub to: Target,
    /// The pipeline's name, where nobody can be asked to type it
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    #[command(flatten)]
    pub connect: Connect,
}

fn partition(text: &str) -> Result<PartitionId, String> {
    let id = PartitionId::from_text(text).filter(|id| id.partition >= 0);
    id.ok_or_else(|| "write a stream and the number of a partition, such as sales/3".to_owned())
}

fn target(text: &str) -> Result<Target, String> {
    match text {
        "earliest" => Ok(Target::Earliest),
        "latest" => Ok(Target::Latest),
        offset => {
            let offset = offset.parse().ok().filter(|offset| *offset >= 0).map(Target::Offset);
            offset.ok_or_else(|| "write earliest, latest or an offset".to_owned())
        }
    }
}

/// An address to listen at. Names are not looked up: which of their addresses is meant would be a guess.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let what = "write an IP address and a port, as in 127.0.0.1:8080 or [::1]:8080; 0.0.0.0 and [::] are all addresses";
    text.parse().map_err(|_| what.to_owned())
}

#[derive(Args)]
pub(crate) struct Connect {
    /// Settings file (YAML); every setting is also a STOCKSTREAM_… variable
    #[arg(long, value_name = "FILE", env = "STOCKSTREAM_CONFIG")]
    pub config: Option<PathBuf>,
    /// Kafka brokers, host:port separated by commas
    #[arg(long, value_name = "HOST:PORT", env = "KAFKA_BOOTSTRAP_SERVERS")]
    pub kafka: Option<String>,
    /// MongoDB address that names the database, mongodb://host:27017/stock_management
    #[arg(long, value_name = "URI", env = "MONGODB_URI", hide_env_values = true)]
    pub mongodb: Option<String>,
}

#[derive(Args)]
pub(crate) struct Worker {
    #[command(flatten)]
    pub connect: Connect,
    /// Where /healthz, /readyz, /metrics and /status are served
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081", env = "STOCKSTREAM_LISTEN",
        value_parser = listen_address)]
    pub listen: SocketAddr,
}

#[derive(Args)]
pub(crate) struct Dashboard {
    #[command(flatten)]
    pub connect: Connect,
    /// Let Accountants enter events: they are sent to the Kafka of the settings, with its credentials
    #[arg(long, env = "STOCKSTREAM_DASHBOARD_ENTER")]
    pub enter: bool,
    #[command(flatten)]
    pub page: DashboardArgs,
}

#[derive(Args)]
pub(crate) struct DashboardArgs {
    /// Where the page is served
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", env = "STOCKSTREAM_DASHBOARD_LISTEN",
        value_parser = listen_address)]
    pub listen: SocketAddr,
    /// Host names besides the loopback's under which the page may be asked for
    #[arg(long = "allow-host", value_name = "HOST", env = "STOCKSTREAM_ALLOWED_HOSTS", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
    #[command(flatten)]
    pub who: AuthArgs,
}

#[derive(Args)]
pub(crate) struct Operator {
    /// Where /healthz, /readyz and /metrics are served
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8082", env = "STOCKSTREAM_OPERATOR_LISTEN",
        value_parser = listen_address)]
    pub listen: SocketAddr,
    /// Namespaces whose pipelines are looked after, separated by commas [default: all]
    #[arg(long, value_name = "NAMESPACE", env = "STOCKSTREAM_WATCH_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Image of the pods of a pipeline that names none; needed
    #[arg(long, value_name = "IMAGE", env = "STOCKSTREAM_IMAGE")]
    pub image: Option<String>,
    /// Secrets, each in the pipelines' own namespaces, with which that image is pulled, separated by commas
    #[arg(long, value_name = "NAME", env = "STOCKSTREAM_IMAGE_PULL_SECRETS", value_delimiter = ',')]
    pub image_pull_secrets: Vec<String>,
    /// User and group that pipelines' pods run as: a number, or platform, where the platform assigns one, as OpenShift does
    #[arg(long, value_name = "UID|platform", default_value = "65532", env = "STOCKSTREAM_PODS_USER")]
    pub pods_user: PodUser,
    /// Pipelines that are worked on at once
    #[arg(long, value_name = "N", default_value_t = 32, env = "STOCKSTREAM_OPERATOR_CONCURRENCY",
        value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// Folder for the credentials that the operator's own clients read from files [default: the system's temporary one]
    #[arg(long, value_name = "FOLDER", env = "STOCKSTREAM_CREDENTIALS_DIR")]
    pub credentials_dir: Option<PathBuf>,
    /// Lease by which one of several operators comes to lead
    #[arg(long, value_name = "NAME", default_value = "stockstream-operator", env = "STOCKSTREAM_LEASE_NAME")]
    pub lease_name: String,
    /// Namespace of the Lease [default: that of the kubeconfig's context]
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// Who this operator is, unlike any other [default: host and process id]
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pub identity: Option<String>,
    /// Lead without a Lease: there must be no other operator
    #[arg(long)]
    pub no_leader_election: bool,
}

#[derive(Args)]
pub(crate) struct Derive {
    /// Make one inventory record per product from its sales, since such a file has none
    #[arg(long, value_name = "YES|NO", num_args = 0..=1, default_missing_value = "yes")]
    pub derive_inventory: Option<YesNo>,
    /// Buy price of a made record, as a share of the last positive price
    #[arg(long, value_name = "SHARE", default_value = "0.6")]
    pub buy_share: Decimal,
    /// Quantity of a made record, as a share of the units sold, rounded up
    #[arg(long, value_name = "SHARE", default_value = "0.1")]
    pub stock_share: Decimal,
}

/// How a file is read.
#[derive(Args)]
pub(crate) struct Reading {
    /// A column of another name, and the field that it holds; may be said several times
    #[arg(long = "map", value_name = "COLUMN=FIELD")]
    pub mapping: Vec<String>,
    /// What the text of a CSV file is encoded in, such as windows-1252 [default: UTF-8, or UTF-16 where it begins so]
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    Yes,
    No,
}

#[derive(Args)]
pub(crate) struct Up {
    /// Read this file instead of making up a shop: what `stockstream import` reads
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    #[command(flatten)]
    pub reading: Reading,
    #[command(flatten)]
    pub derive: Derive,
    #[command(flatten)]
    pub shop: GeneratorArgs,
    #[command(flatten)]
    pub page: DashboardArgs,
    /// Settings file (YAML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A real Kafka instead of the one in the process, host:port
    #[arg(long, value_name = "HOST:PORT")]
    pub kafka: Option<String>,
    /// A real MongoDB instead of the store in memory
    #[arg(long, value_name = "URI")]
    pub mongodb: Option<String>,
}

#[derive(Args)]
pub(crate) struct GeneratorArgs {
    /// Events per second of the made-up shop
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub rate: u32,
    /// Number that decides everything the made-up shop does
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Products of the made-up shop
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub products: u32,
    /// Clients of the made-up shop
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub clients: u32,
}

#[derive(Args)]
pub(crate) struct Import {
    /// CSV in the layout of the Online Retail data set, also gzipped; an XLSX workbook with such sheets, or with the sheets
    /// Products, Clients, Invoices, Invoice_Details
    pub file: PathBuf,
    /// Say what would be sent and what would be left out, and send nothing
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub reading: Reading,
    #[command(flatten)]
    pub derive: Derive,
    #[command(flatten)]
    pub connect: Connect,
}

#[derive(Args)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub shop: GeneratorArgs,
    /// End after so many events
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Write lines of topic, key and event to standard output instead of to Kafka
    #[arg(long)]
    pub stdout: bool,
    #[command(flatten)]
    pub connect: Connect,
}

#[derive(Args)]
pub(crate) struct HashPassword {
    /// What the user is called
    pub name: String,
    /// What the user may: User, Accountant or Administrator
    pub role: Role,
}

#[derive(Args)]
pub(crate) struct Schema {
    /// Which events
    #[arg(value_parser = stream)]
    pub stream: EventKind,
}

fn stream(name: &str) -> Result<EventKind, String> {
    EventKind::from_name(name).ok_or_else(|| "write sales, inventory or clients".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Cli;

    #[test]
    fn an_address_to_listen_at_says_its_form() {
        for text in ["8088", ":8088", "localhost:8088", "127.0.0.1"] {
            let refused = Cli::try_parse_from(["stockstream", "worker", "--listen", text]).err().map(|e| e.to_string());
            assert!(refused.as_ref().is_some_and(|said| said.contains("as in 127.0.0.1:8080")), "{text}: {refused:?}");
        }
        assert!(Cli::try_parse_from(["stockstream", "worker", "--listen", "[::]:8088"]).is_ok());
    }
}
