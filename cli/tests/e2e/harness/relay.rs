//! A relay between the binary and a server: counts what it asks of MongoDB, and can be cut.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// Commands by name and collection, as `update products`.
pub type Commands = BTreeMap<String, u64>;

/// Relays connections to a server while it is open. Ends with the test's runtime.
pub struct Relay {
    pub address: String,
    open: watch::Sender<bool>,
    commands: Arc<Mutex<Commands>>,
}

impl Relay {
    pub async fn to(server: &str, open: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (open, gate) = watch::channel(open);
        let commands: Arc<Mutex<Commands>> = Arc::default();
        let (server, counted) = (server.to_owned(), Arc::clone(&commands));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, counted, mut gate) = (server.clone(), Arc::clone(&counted), gate.clone());
                tokio::spawn(async move {
                    if *gate.borrow_and_update() {
                        tokio::select! {
                            _ = relay(client, &server, &counted) => {}
                            _ = gate.changed() => {}
                        }
                    }
                });
            }
        });
        Self { address, open, commands }
    }

    /// Lets connections through, or cuts those that are and refuses new ones.
    pub fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// What was asked since the last time.
    pub fn take_commands(&self) -> Commands {
        std::mem::take(&mut *self.commands.lock().unwrap())
    }
}

async fn relay(client: TcpStream, server: &str, commands: &Mutex<Commands>) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, mut to_client), (mut from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        asked = ask(from_client, to_server, commands) => asked,
        answered = tokio::io::copy(&mut from_server, &mut to_client) => answered.map(|_| ()),
    }
}

/// Passes messages on as they come. All protocols look alike that begin with a length; only MongoDB's are counted.
async fn ask(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, commands: &Mutex<Commands>) -> io::Result<()> {
    let (mut buffer, mut message) = (vec![0; 64 << 10], Vec::new());
    loop {
        let length = client.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        message.extend_from_slice(&buffer[..length]);
        count(&mut message, commands);
        server.write_all(&buffer[..length]).await?;
    }
}

/// Takes whole messages off the front and counts those that are commands.
fn count(bytes: &mut Vec<u8>, commands: &Mutex<Commands>) {
    while let Some(length) = bytes.first_chunk().map(|length| u32::from_le_bytes(*length) as usize) {
        if length < 4 || bytes.len() < length {
            break;
        }
        let message: Vec<u8> = bytes.drain(..length).collect();
        if let Some(command) = command(&message) {
            *commands.lock().unwrap().entry(command).or_default() += 1;
        }
    }
}

/// The first field of an `OP_MSG`'s body is the command, and its value the collection.
fn command(message: &[u8]) -> Option<String> {
    const OP_MSG: u32 = 2_013;
    let code = u32::from_le_bytes(message.get(12..16)?.try_into().ok()?);
    let body = message.get(21..).filter(|_| code == OP_MSG && message.get(20) == Some(&0))?;
    let kind = *body.get(4)?;
    let rest = body.get(5..)?;
    let name = rest.split(|byte| *byte == 0).next()?;
    let value = rest.get(name.len() + 5..)?.split(|byte| *byte == 0).next()?;
    let of = if kind == 2 { format!(" {}", String::from_utf8_lossy(value)) } else { String::new() };
    Some(format!("{}{of}", String::from_utf8_lossy(name)))
}
