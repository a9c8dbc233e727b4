use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::net::TcpListener;

use crate::exit::Failure;

/// `[::]` takes connections of both families, and where there is no IPv6 those of the other.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let mut bound = TcpListener::bind(address).await;
    let is_every_address = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    if let Err(error) = &bound
        && is_every_address
        && error.kind() != ErrorKind::AddrInUse
        && let Ok(other) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
    {
        tracing::info!(%error, "there is no IPv6 here: listening at 0.0.0.0 instead of [::]");
        bound = Ok(other);
    }
    bound.map_err(|source| {
        let why = match source.kind() {
            ErrorKind::AddrNotAvailable => "is it of this machine?",
            _ => "is it in use?",
        };
        Failure::Io { action: format!("listen on {address} ({why} --listen moves it)"), source }
    })
}
