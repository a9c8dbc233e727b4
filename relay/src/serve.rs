//! One connection after the other, one command after the other.

use std::{io, sync::Arc};

use bson::Document;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    Shared, When,
    message::{self, Request},
};

/// Takes connections until it is dropped; they end with it.
pub(crate) async fn accept(listener: TcpListener, server: String, own: String, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (server, own, shared) = (server.clone(), own.clone(), Arc::clone(&shared));
        connections.spawn(async move { relay(client, &server, &own, &shared).await });
        while connections.try_join_next().is_some() {}
    }
}

async fn relay(mut client: TcpStream, server: &str, own: &str, shared: &Shared) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    while let Some(message) = message::read(&mut client).await? {
        let request = Request::read(&message)?;
        let struck = shared.strike(&request);
        if struck.as_ref().is_none_or(|answer| answer.comes() == When::After) {
            server.write_all(&message).await?;
            if request.is_unanswered() {
                continue;
            }
        }
        let Some(answer) = struck else {
            pass(&mut server, &mut client, &request, own, shared).await?;
            continue;
        };
        if answer.comes() == When::After {
            message::read(&mut server).await?; // it is carried out
        }
        let Some(document) = answer.document(&request) else { return Ok(()) };
        client.write_all(&request.answer(&document)?).await?;
    }
    Ok(())
}

/// Passes on what the server answers.
async fn pass(
    server: &mut TcpStream,
    client: &mut TcpStream,
    request: &Request,
    own: &str,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let Some(answer) = message::read(server).await? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let more = message::has_more_to_come(&answer);
        let answer = if request.is_hello() || shared.rewrites() {
            message::rewrite(answer, |document| {
                if request.is_hello() {
                    keep_here(document, own);
                }
                shared.rewrite(request, document);
            })?
        } else {
            answer
        };
        client.write_all(&answer).await?;
        if !more {
            return Ok(());
        }
    }
}

/// A member of a replica set names itself: a client would go there, past the relay.
fn keep_here(hello: &mut Document, own: &str) {
    for field in ["me", "primary"] {
        if hello.contains_key(field) {
            hello.insert(field, own);
        }
    }
    if hello.contains_key("hosts") {
        hello.insert("hosts", [own]);
    }
}
