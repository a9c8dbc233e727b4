//! A way to the API server that can be cut.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{Mutex, OwnedMutexGuard},
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

/// Passes connections on, until it is cut.
pub struct Relay {
    pub address: SocketAddr,
    connections: Arc<Mutex<JoinSet<()>>>,
    _task: AbortOnDropHandle<()>,
}

impl Relay {
    /// One to that address.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<Mutex<JoinSet<()>>>::default();
        let open = connections.clone();
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                let (mut from, _) = listener.accept().await.unwrap();
                open.lock().await.spawn(async move {
                    let Ok(mut to) = TcpStream::connect(server).await else { return };
                    let _ = copy_bidirectional(&mut from, &mut to).await;
                });
            }
        }));
        Self { address, connections, _task: task }
    }

    /// Ends all connections. While what is returned lives, new ones wait.
    pub async fn cut(&self) -> OwnedMutexGuard<JoinSet<()>> {
        let mut connections = self.connections.clone().lock_owned().await;
        assert!(!connections.is_empty(), "nobody took this way");
        connections.shutdown().await;
        connections
    }
}
