//! A way to the API server that can be cut.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

use super::{eventually, holds};

/// Passes connections on, but while it is cut.
pub struct Relay {
    pub address: SocketAddr,
    is_cut: watch::Sender<bool>,
    refused: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl Relay {
    /// One to that address.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_cut, mut cut) = watch::channel(false);
        let refused = Arc::<AtomicUsize>::default();
        let refusals = refused.clone();
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    () = async { cut.changed().await.unwrap() } => connections.shutdown().await,
                    accepted = listener.accept() => {
                        let (mut from, _) = accepted.unwrap();
                        if *cut.borrow() {
                            refusals.fetch_add(1, Ordering::Relaxed);
                            continue;
                        }
                        connections.spawn(async move {
                            let Ok(mut to) = TcpStream::connect(server).await else { return };
                            let _ = copy_bidirectional(&mut from, &mut to).await;
                        });
                    }
                }
            }
        }));
        Self { address, is_cut, refused, _task: task }
    }

    /// Ends all connections, and every new one at once. Waits until somebody met that.
    pub async fn cut(&self) {
        let before = self.refused.load(Ordering::Relaxed);
        self.is_cut.send(true).unwrap();
        eventually("somebody misses the way", async || {
            holds(self.refused.load(Ordering::Relaxed) > before, || "nobody".into())
        })
        .await;
    }

    /// Passes on again.
    pub fn mend(&self) {
        self.is_cut.send(false).unwrap();
    }
}
