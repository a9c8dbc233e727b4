//! Serving until told to stop.

use std::{future::IntoFuture, io, net::SocketAddr, pin::pin, time::Duration};

use axum::{Extension, Router, serve::ListenerExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::api::live::ShutdownToken;

/// How long requests that are under way may take after the end was asked for.
const DRAIN: Duration = Duration::from_secs(5);
/// For how long somebody may take nothing of what was sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves until `shutdown` is cancelled. Requests under way are then finished, for at most 5 s; connections without
/// one are closed at once, and live streams end.
///
/// # Errors
/// When the listener has no address any more.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    serve_with(listener, router, shutdown, Limits { drain: DRAIN, patience: PATIENCE }).await
}

#[derive(Clone, Copy)]
struct Limits {
    drain: Duration,
    patience: Duration,
}

async fn serve_with(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    Limits { drain, patience }: Limits,
) -> io::Result<()> {
    info!(address = %listener.local_addr()?, "the dashboard is served");
    let listener = listener.tap_io(move |connection| {
        // Without it small answers wait for the acknowledgement of the packet before; a failure costs only that.
        let _ = connection.set_nodelay(true);
        // Whoever keeps a stream open and reads nothing of it would keep it for ever.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = socket2::SockRef::from(&*connection).set_tcp_user_timeout(Some(patience));
    });
    let router = router.layer(Extension(ShutdownToken(shutdown.clone())));
    let server = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>());
    let server = server.with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let mut server = pin!(server.into_future());
    let too_late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        ended = &mut server => ended,
        () = too_late => {
            warn!("the dashboard ends with requests under way: they did not finish within {drain:?}");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Instant,
    };

    use axum::{body::Body, routing::get};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        task::JoinHandle,
    };

    use tokio_util::sync::DropGuard;

    use super::*;

    const CHUNK: &[u8] = &[b'x'; 16_384];

    const LONG: Duration = Duration::from_secs(60);

    async fn start(drain: Duration) -> (TcpStream, CancellationToken, JoinHandle<io::Result<()>>) {
        let limits = Limits { drain, patience: LONG };
        start_with(Router::new().route("/", get(async || "here")), limits).await
    }

    async fn start_with(router: Router, limits: Limits) -> (TcpStream, CancellationToken, JoinHandle<io::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(serve_with(listener, router, shutdown.clone(), limits));
        (TcpStream::connect(address).await.unwrap(), shutdown, server)
    }

    #[tokio::test]
    async fn a_connection_kept_alive_does_not_hold_up_the_end() {
        let (mut connection, shutdown, server) = start(Duration::from_secs(60)).await;
        connection.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = [0; 512];
        let length = connection.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
        let begun = Instant::now();
        shutdown.cancel();
        server.await.unwrap().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert_eq!(connection.read(&mut answer).await.unwrap(), 0);
    }

    /// A stream without an end, which counts what was taken of it and says when it is let go.
    fn endless(taken: &Arc<AtomicUsize>, ended: DropGuard) -> Body {
        let taken = Arc::clone(taken);
        let chunk = move |ended| {
            taken.fetch_add(CHUNK.len(), Ordering::Relaxed);
            std::future::ready(Some((Ok::<_, Infallible>(CHUNK), ended)))
        };
        Body::from_stream(futures_util::stream::unfold(ended, chunk))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_reads_nothing_is_cut_off_and_holds_no_more_than_the_buffers_of_a_connection() {
        let (taken, ended) = (Arc::<AtomicUsize>::default(), CancellationToken::new());
        let (counted, token) = (Arc::clone(&taken), ended.clone());
        let stream = get(async move || endless(&counted, token.clone().drop_guard()));
        let limits = Limits { drain: Duration::ZERO, patience: Duration::from_millis(500) };
        let (mut reader, _shutdown, _server) = start_with(Router::new().route("/", stream), limits).await;
        reader.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        tokio::time::timeout(LONG, ended.cancelled()).await.unwrap();
        let taken = taken.load(Ordering::Relaxed);
        assert!((1..32 << 20).contains(&taken), "{taken} bytes");
        // No more comes of it than was taken before.
        let mut rest = Vec::new();
        assert!(reader.read_to_end(&mut rest).await.is_err() || rest.len() <= taken + 4_096, "{}", rest.len());
    }

    #[tokio::test]
    async fn a_request_that_never_ends_holds_up_the_end_for_no_longer_than_the_drain() {
        let (mut connection, shutdown, server) = start(Duration::from_millis(200)).await;
        connection.write_all(b"GET / HTTP/1.1\r\nHost: loc").await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(30), server).await.unwrap().unwrap().unwrap();
    }
}
