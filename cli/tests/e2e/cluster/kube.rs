//! `kubectl` and `helm`, as a person would type them.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::harness::{eventually, needed};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/stockstream");

/// One test at a time: the definition of the resource is the whole cluster's, and so are some of the chart's roles.
pub async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// The cluster.
#[derive(Clone)]
pub struct Kube {
    programs: PathBuf,
}

impl Kube {
    /// The cluster that `hack/kube.sh env` names. None, and said, where there is none that runs pods.
    pub fn new() -> Option<Self> {
        if needed("KUBE_KIND")? != "node" {
            return None;
        }
        Some(Self { programs: needed("KUBE_BIN")?.into() })
    }

    /// Runs a command. What it printed, or what it complained of.
    pub fn attempt(&self, program: &str, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut child = Command::new(self.programs.join(program))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = tokio::task::block_in_place(|| child.wait_with_output()).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(format!("{program} {}: {}", arguments.join(" "), text(&output.stderr)))
        }
    }

    /// `kubectl`, which must succeed.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.attempt("kubectl", arguments, "").unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    /// `helm`, which must succeed.
    pub fn helm(&self, arguments: &[&str]) -> String {
        self.attempt("helm", arguments, "").unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    /// Installs or upgrades the release `stockstream`. It takes over the definition of the resource, which outlives a release.
    pub fn chart(&self, command: &str, namespace: &str, more: &[&str]) {
        let arguments = [command, "stockstream", CHART, "-n", namespace, "--wait", "--timeout=3m", "--take-ownership"];
        self.helm(&[&arguments, more].concat());
    }

    /// `kubectl apply` of an object.
    pub fn apply(&self, object: &Value) -> Result<String, String> {
        self.attempt("kubectl", &["apply", "-f", "-"], &object.to_string())
    }

    /// An object; none when it is not there.
    pub fn get(&self, namespace: &str, what: &str) -> Option<Value> {
        let found = self.kubectl(&["-n", namespace, "get", what, "--ignore-not-found", "-o", "json"]);
        (!found.is_empty()).then(|| serde_json::from_str(&found).unwrap())
    }

    /// Names of pods with these labels.
    pub fn pods(&self, namespace: &str, labels: &str) -> Vec<String> {
        let names = self.kubectl(&["-n", namespace, "get", "pods", "-l", labels, "-o", "name"]);
        names.lines().map(str::to_owned).collect()
    }

    /// Makes a namespace that enforces the strictest Pod Security Standard. It is deleted when the guard is dropped.
    pub fn restricted_namespace(&self, name: &str) -> Namespace {
        let metadata =
            serde_json::json!({ "name": name, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } });
        let namespace = serde_json::json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata });
        self.apply(&namespace).unwrap();
        Namespace { kube: self.clone(), name: name.into() }
    }

    /// A port-forward. Where it listens on this machine.
    pub async fn forward(&self, namespace: &str, what: &str, port: u16) -> Forward {
        let child = Command::new(self.programs.join("kubectl"))
            .args(["-n", namespace, "port-forward", what, &format!(":{port}")])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let mut forward = Forward { child: child.unwrap(), address: String::new() };
        let mut lines = BufReader::new(forward.child.stdout.take().unwrap()).lines();
        let line = tokio::task::block_in_place(|| lines.next()).unwrap().unwrap();
        let address = line.strip_prefix("Forwarding from ").and_then(|rest| rest.split(' ').next());
        forward.address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        forward
    }

    /// Waits until a condition of an object holds.
    pub async fn rolled_out(&self, namespace: &str, what: &str) {
        eventually(&format!("{what} is rolled out"), async || {
            let status = self.attempt("kubectl", &["-n", namespace, "rollout", "status", what, "--timeout=5s"], "");
            status.map(drop)
        })
        .await;
    }
}

/// A namespace of a test.
pub struct Namespace {
    kube: Kube,
    pub name: String,
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for what in ["apl", "deployments,pods", "events"] {
                let told = self.kube.attempt("kubectl", &["-n", &self.name, "get", what, "-o", "wide"], "");
                eprintln!("--- {what} in {}:\n{}", self.name, told.unwrap_or_else(|complaint| complaint));
            }
            for name in ["worker", "dashboard", "operator"] {
                let labels = format!("app.kubernetes.io/component={name}");
                let logs = ["-n", &self.name, "logs", "-l", &labels, "--tail=15", "--prefix"];
                eprintln!("{}", self.kube.attempt("kubectl", &logs, "").unwrap_or_else(|complaint| complaint));
            }
        }
        let _ = self.kube.attempt("kubectl", &["delete", "namespace", &self.name, "--wait=false"], "");
    }
}

/// A port-forward. It ends when dropped.
pub struct Forward {
    child: Child,
    pub address: String,
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
