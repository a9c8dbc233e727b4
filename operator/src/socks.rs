//! Ways to MongoDB's servers by names as a pipeline's pods know them. The driver asks the system for addresses, or a SOCKS5 proxy
//! (RFC 1928): so this is one, for this process alone. The name goes through it as it was written, members of a replica set
//! that only the server names too, and TLS is spoken with the server behind it: its certificate is verified against that name.

use std::{
    hash::{BuildHasher, RandomState},
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use stockstream_store::Proxy;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use crate::dns::ClusterDns;

const VERSION: u8 = 5;
const BY_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
/// How long a client may take to say what it wants, and a server to take a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is answered to a request.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Reply {
    Done = 0,
    Failed = 1,
    NoSuchHost = 4,
    Refused = 5,
    NoSuchCommand = 7,
    NoSuchKind = 8,
}

/// The proxy. It ends when this is dropped, connections that stand excepted.
pub(crate) struct Ways {
    port: u16,
    password: String,
    _serving: AbortOnDropHandle<()>,
}

impl Ways {
    /// Begins to serve, on this machine only, whoever has the password, which is drawn now.
    pub async fn open(dns: ClusterDns) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        // Keys that the system draws, hashed: nobody else knows them.
        let draw = || RandomState::new().hash_one(port);
        let password = format!("{:016x}{:016x}", draw(), draw());
        let served = serve(listener, Arc::new(Shared { dns, password: password.clone() }));
        Ok(Self { port, password, _serving: AbortOnDropHandle::new(tokio::spawn(served)) })
    }

    /// The way of a namespace.
    pub fn of(&self, namespace: &str) -> Proxy {
        Proxy { port: self.port, user: namespace.to_owned(), password: self.password.clone() }
    }
}

struct Shared {
    dns: ClusterDns,
    password: String,
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let shared = shared.clone();
                tokio::spawn(async move {
                    if let Err(error) = connect(client, &shared).await {
                        tracing::debug!(%error, "a connection to MongoDB ended");
                    }
                });
            }
            // Too many open files, say: it passes.
            Err(error) => {
                tracing::warn!(%error, "failed to take a connection of our own");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connect(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_nodelay(true)?;
    let slow = |_| io::Error::from(ErrorKind::TimedOut);
    let namespace = timeout(PATIENCE, greet(&mut client, &shared.password)).await.map_err(slow)??;
    let asked = timeout(PATIENCE, request(&mut client)).await.map_err(slow)??;
    let opened = match asked {
        Ok((host, port)) => open(shared, &namespace, host, port).await,
        Err(reply) => Err(reply),
    };
    match opened {
        Ok(mut server) => {
            answer(&mut client, Reply::Done).await?;
            copy_bidirectional(&mut client, &mut server).await.map(drop)
        }
        Err(reply) => answer(&mut client, reply).await,
    }
}

/// Lets a client in that knows the password. Returns the namespace, which is its user.
async fn greet(client: &mut TcpStream, password: &str) -> io::Result<String> {
    if client.read_u8().await? != VERSION {
        return Err(ErrorKind::InvalidData.into());
    }
    let methods = field(client).await?;
    if !methods.contains(&BY_PASSWORD) {
        client.write_all(&[VERSION, NO_METHOD]).await?;
        return Err(ErrorKind::PermissionDenied.into());
    }
    client.write_all(&[VERSION, BY_PASSWORD]).await?;
    let _version = client.read_u8().await?;
    let (user, given) = (field(client).await?, field(client).await?);
    let is_known = given == password.as_bytes();
    client.write_all(&[1, u8::from(!is_known)]).await?;
    let user = String::from_utf8(user).map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
    if is_known { Ok(user) } else { Err(ErrorKind::PermissionDenied.into()) }
}

/// Reads where a client wants to; else what to answer.
async fn request(client: &mut TcpStream) -> io::Result<Result<(String, u16), Reply>> {
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    let [version, command, _, kind] = head;
    if version != VERSION {
        return Err(ErrorKind::InvalidData.into());
    }
    let host = match kind {
        1 => {
            let mut address = [0; 4];
            client.read_exact(&mut address).await?;
            IpAddr::from(address).to_string()
        }
        3 => match String::from_utf8(field(client).await?) {
            Ok(name) => name,
            Err(_) => return Ok(Err(Reply::NoSuchHost)),
        },
        4 => {
            let mut address = [0; 16];
            client.read_exact(&mut address).await?;
            IpAddr::from(address).to_string()
        }
        _ => return Ok(Err(Reply::NoSuchKind)),
    };
    let port = client.read_u16().await?;
    Ok(if command == CONNECT { Ok((host, port)) } else { Err(Reply::NoSuchCommand) })
}

/// Bytes behind their number.
async fn field(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn answer(client: &mut TcpStream, reply: Reply) -> io::Result<()> {
    client.write_all(&[VERSION, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

async fn open(shared: &Shared, namespace: &str, host: String, port: u16) -> Result<TcpStream, Reply> {
    let resolver = shared.dns.resolver(namespace);
    let found = tokio::task::spawn_blocking(move || resolver.look_up(&host)).await.map_err(|_| Reply::Failed)?;
    let addresses: Vec<SocketAddr> =
        found.map_err(|_| Reply::NoSuchHost)?.into_iter().map(|address| SocketAddr::new(address, port)).collect();
    let connected = timeout(PATIENCE, TcpStream::connect(addresses.as_slice())).await;
    let server = connected.map_err(|_| Reply::Failed)?.map_err(|_| Reply::Refused)?;
    server.set_nodelay(true).map_err(|_| Reply::Failed)?;
    Ok(server)
}

#[cfg(test)]
mod tests {
    use stockstream_kafka::NotFound;

    use super::*;

    fn look_up(name: &str) -> Result<Vec<IpAddr>, NotFound> {
        match name {
            "mongo.shop.svc.test." => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
            _ => Err(NotFound::NoSuchName),
        }
    }

    /// A server that says back what it is told.
    async fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = client.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        port
    }

    /// Asks as a client does; the reply, and the connection.
    async fn ask(proxy: &Proxy, methods: &[u8], request: &[u8]) -> io::Result<(u8, TcpStream)> {
        let mut way = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port)).await?;
        way.write_all(&[&[VERSION, methods.len() as u8], methods].concat()).await?;
        let mut chosen = [0; 2];
        way.read_exact(&mut chosen).await?;
        if chosen[1] == NO_METHOD {
            return Err(ErrorKind::PermissionDenied.into());
        }
        let of = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        way.write_all(&[vec![1], of(&proxy.user), of(&proxy.password)].concat()).await?;
        let mut answer = [0; 2];
        way.read_exact(&mut answer).await?;
        if answer[1] != 0 {
            return Err(ErrorKind::PermissionDenied.into());
        }
        way.write_all(request).await?;
        let mut reply = [0; 10];
        way.read_exact(&mut reply).await?;
        Ok((reply[1], way))
    }

    fn connect_to(host: &str, port: u16) -> Vec<u8> {
        let head = [VERSION, CONNECT, 0, 3, host.len() as u8];
        [&head[..], host.as_bytes(), &port.to_be_bytes()].concat()
    }

    #[tokio::test]
    async fn a_server_is_reached_by_the_name_that_the_namespace_knows_it_by() {
        let port = echo().await;
        let ways = Ways::open(ClusterDns::on_this_machine(look_up)).await.unwrap();
        let (reply, mut way) = ask(&ways.of("shop"), &[0, 2], &connect_to("mongo", port)).await.unwrap();
        assert_eq!(reply, Reply::Done as u8);
        way.write_all(b"hello").await.unwrap();
        let mut said = [0; 5];
        way.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"hello");
        let (reply, _) = ask(&ways.of("elsewhere"), &[0, 2], &connect_to("mongo", port)).await.unwrap();
        assert_eq!(reply, Reply::NoSuchHost as u8);
        let (reply, _) = ask(&ways.of("shop"), &[2], &connect_to("mongo", 1)).await.unwrap();
        assert_eq!(reply, Reply::Refused as u8, "nobody listens there");
        let udp = [VERSION, 3, 0, 1, 127, 0, 0, 1, 0, 1];
        assert_eq!(ask(&ways.of("shop"), &[2], &udp).await.unwrap().0, Reply::NoSuchCommand as u8);
    }

    #[tokio::test]
    async fn nobody_else_gets_in() {
        let ways = Ways::open(ClusterDns::on_this_machine(look_up)).await.unwrap();
        let stranger = Proxy { password: "guessed".into(), ..ways.of("shop") };
        let request = connect_to("mongo", 1);
        assert_eq!(ask(&stranger, &[0, 2], &request).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(ask(&ways.of("shop"), &[0], &request).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
        let other = Ways::open(ClusterDns::on_this_machine(look_up)).await.unwrap();
        assert_ne!(other.of("shop").password, ways.of("shop").password);
    }
}
