//! For tests: a relay between a client and a MongoDB server. It reads each command, and may answer an error itself, before
//! or after the server carried the command out; and it may rewrite any answer.
//!
//! The server's own `failCommand` knows no collections and never fails a command afterwards; this relay does both.
//!
//! ```no_run
//! # use stockstream_relay::{Answer, Relay};
//! # async fn test() -> std::io::Result<()> {
//! let relay = Relay::to("127.0.0.1:27017").await?;
//! let uri = relay.uri("mongodb://127.0.0.1:27017/shop"); // give this to the client
//! // The next update of products is carried out, and answered with an error all the same.
//! let struck = relay.fail(1, |request| request.is("update", "products"), Answer::code(365).afterwards());
//! struck.all().await;
//! // Seems to be a router of a sharded cluster.
//! relay.rewrite(|request, answer| {
//!     if request.is_hello() {
//!         answer.insert("msg", "isdbgrid");
//!     }
//! });
//! # Ok(())
//! # }
//! ```

mod answer;
mod message;
mod serve;

use std::{fmt, io, sync::Arc};

use parking_lot::Mutex;

pub use answer::{Answer, When};
use bson::Document;
pub use message::Request;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

type Matches = Box<dyn FnMut(&Request) -> Option<Answer> + Send>;
type Rewrite = Arc<dyn Fn(&Request, &mut Document) + Send + Sync>;

/// Commands to fail.
struct Rule {
    answer: Matches,
    /// How many commands are still to fail.
    left: watch::Sender<u64>,
}

#[derive(Default)]
struct Rules {
    fail: Vec<Rule>,
    rewrite: Vec<Rewrite>,
}

#[derive(Default)]
struct Shared(Mutex<Rules>);

impl Shared {
    /// How to answer instead of the server, if a rule says so.
    fn strike(&self, request: &Request) -> Option<Answer> {
        self.0.lock().fail.iter_mut().find_map(|rule| {
            let left = *rule.left.borrow();
            let answer = (left > 0).then(|| (rule.answer)(request)).flatten()?;
            rule.left.send_replace(left - 1);
            Some(answer)
        })
    }

    fn rewrites(&self) -> bool {
        !self.0.lock().rewrite.is_empty()
    }

    fn rewrite(&self, request: &Request, answer: &mut Document) {
        let all = self.0.lock().rewrite.clone();
        all.iter().for_each(|rewrite| rewrite(request, answer));
    }
}

/// A relay. Stops when dropped; connections that are open then end too.
pub struct Relay {
    address: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Relays connections to `server`, which is `host:port` without TLS.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn to(server: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let shared: Arc<Shared> = Arc::default();
        let accepting = tokio::spawn(serve::accept(listener, server.to_owned(), address.clone(), Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    /// Where clients connect: `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// An address of a database on the server, by way of this relay.
    pub fn uri(&self, uri: &str) -> String {
        let (scheme, rest) = uri.split_once("://").unwrap_or(("mongodb", uri));
        let hosts_end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (hosts, path) = rest.split_at(hosts_end);
        let user = hosts.rsplit_once('@').map(|(user, _)| format!("{user}@")).unwrap_or_default();
        format!("{scheme}://{user}{}{path}", self.address)
    }

    /// Fails the next `times` commands for which `at` holds. Rules are looked at in the order in which they were made.
    pub fn fail(
        &self,
        times: u64,
        at: impl Fn(&Request) -> bool + Send + 'static,
        answer: impl Into<Answer>,
    ) -> Struck {
        let answer = answer.into();
        self.answer(times, move |request| at(request).then(|| answer.clone()))
    }

    /// Fails the next `times` commands for which `answer` gives something.
    pub fn answer(&self, times: u64, answer: impl FnMut(&Request) -> Option<Answer> + Send + 'static) -> Struck {
        let (left, watched) = watch::channel(times);
        self.shared.0.lock().fail.push(Rule { answer: Box::new(answer), left });
        Struck { times, left: watched }
    }

    /// Has every answer of the server rewritten before it is sent on, also those to `hello`.
    pub fn rewrite(&self, rewrite: impl Fn(&Request, &mut Document) + Send + Sync + 'static) {
        self.shared.0.lock().rewrite.push(Arc::new(rewrite));
    }

    /// From now on every command passes, and every answer as it is.
    pub fn heal(&self) {
        *self.shared.0.lock() = Rules::default();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({})", self.address)
    }
}

/// What became of a rule.
#[derive(Clone, Debug)]
pub struct Struck {
    times: u64,
    left: watch::Receiver<u64>,
}

impl Struck {
    /// How many commands were failed so far.
    pub fn count(&self) -> u64 {
        self.times - *self.left.borrow()
    }

    /// Waits until as many were failed as the rule says, or the relay was healed.
    pub async fn all(&self) {
        self.at_least(self.times).await;
    }

    /// Waits until so many were failed, or the relay was healed.
    pub async fn at_least(&self, count: u64) {
        let mut left = self.left.clone();
        let _ = left.wait_for(|left| self.times - left >= count).await; // an error: the rule is gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_led_through_the_relay_with_its_user_and_options() {
        let relay = Relay::to("127.0.0.1:1").await.unwrap_or_else(|error| panic!("{error}"));
        let by = relay.address();
        for (uri, through) in [
            ("mongodb://h:1/db", format!("mongodb://{by}/db")),
            ("mongodb://a:b@h:1,i:2/db?tls=true", format!("mongodb://a:b@{by}/db?tls=true")),
            ("mongodb://h:1", format!("mongodb://{by}")),
        ] {
            assert_eq!(relay.uri(uri), through);
        }
    }
}
