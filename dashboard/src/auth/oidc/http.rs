//! Asks the provider: bounded in time and size, and led nowhere else.

use std::{error::Error, fs, path::Path, sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderValue, Method, Request, StatusCode, Uri, header},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::auth::oidc::error::OidcError;

/// So long for everything of one question.
const PATIENCE: Duration = Duration::from_secs(8);
/// Keys of a provider and claims of a person are a few kilobytes.
const LARGEST: usize = 1 << 20;

/// Asks the provider.
pub(crate) struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What it answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Http {
    /// `plain` is for a provider on this machine.
    pub(crate) fn new(authorities: Option<&Path>, plain: bool) -> Result<Self, String> {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder =
            builder.with_safe_default_protocol_versions().map_err(|error| format!("failed to set up TLS: {error}"))?;
        let config = match authorities {
            Some(file) => builder.with_root_certificates(roots(file)?),
            None if plain => builder.with_root_certificates(RootCertStore::empty()),
            None => builder.with_native_roots().map_err(|error| {
                format!("the system has no certificate authorities ({error}): name a file of them for the provider")
            })?,
        };
        let connector = HttpsConnectorBuilder::new().with_tls_config(config.with_no_client_auth());
        let connector = if plain { connector.https_or_http() } else { connector.https_only() };
        let client =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector.enable_http1().build());
        Ok(Self(client))
    }

    /// Reads what is there.
    pub(crate) async fn get(&self, address: &Uri, bearer: Option<&str>) -> Result<Answer, OidcError> {
        self.ask(Method::GET, address, bearer.map(|token| format!("Bearer {token}")), Bytes::new()).await
    }

    /// Sends a form.
    pub(crate) async fn post(&self, address: &Uri, basic: Option<String>, form: String) -> Result<Answer, OidcError> {
        self.ask(Method::POST, address, basic.map(|both| format!("Basic {both}")), form.into()).await
    }

    async fn ask(
        &self,
        method: Method,
        address: &Uri,
        authorization: Option<String>,
        form: Bytes,
    ) -> Result<Answer, OidcError> {
        let away = |reason: String| OidcError::Away { address: named(address), reason };
        let is_form = method == Method::POST;
        let mut request = Request::new(Full::new(form));
        *request.method_mut() = method;
        *request.uri_mut() = address.clone();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if is_form {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        }
        if let Some(mut value) = authorization.and_then(|value| HeaderValue::try_from(value).ok()) {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let answered = async {
            let answer = self.0.request(request).await.map_err(|error| away(causes(&error)))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST).collect().await.map_err(|error| away(causes(&*error)))?;
            Ok(Answer { status: head.status, body: body.to_bytes() })
        };
        let late = || away(format!("not within {} s", PATIENCE.as_secs()));
        tokio::time::timeout(PATIENCE, answered).await.map_err(|_| late())?
    }
}

/// Without a query: what stands there is not for the log.
pub(crate) fn named(address: &Uri) -> String {
    address.to_string().split('?').next().unwrap_or_default().to_owned()
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let place = file.display();
    let content =
        fs::read(file).map_err(|error| format!("failed to read the provider's authorities {place}: {error}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&content) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
        added.map_err(|error| format!("the provider's authorities {place} cannot be used: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("the provider's authorities {place} hold no certificate: put in at least one, as PEM"));
    }
    Ok(roots)
}

/// An error with what it comes from: the outermost says only that connecting failed.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_says = cause.to_string();
        if !said.contains(&cause_says) {
            said = format!("{said}: {cause_says}");
        }
        next = cause.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// What comes of an answer with that head and so many bytes.
    async fn answered(head: &'static str, length: usize) -> Result<Answer, OidcError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/keys?secret=1", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 4_096]).await.unwrap();
            // Whoever has read enough hangs up.
            let _ = connection.write_all(&[head.as_bytes(), b"\r\n\r\n", &vec![b' '; length]].concat()).await;
        });
        Http::new(None, true).unwrap().get(&address, None).await
    }

    #[tokio::test]
    async fn an_answer_that_does_not_end_is_not_read_to_its_end() {
        assert_eq!(answered("HTTP/1.1 200 OK", LARGEST).await.unwrap().body.len(), LARGEST);
        let Err(OidcError::Away { address, reason }) = answered("HTTP/1.1 200 OK", LARGEST + 1).await else { panic!() };
        assert!(reason.contains("limit"), "{reason}");
        assert!(address.ends_with("/keys"), "{address}");
    }

    #[tokio::test]
    async fn nobody_is_led_elsewhere() {
        let led = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0";
        assert_eq!(answered(led, 0).await.unwrap().status, StatusCode::FOUND);
    }

    #[test]
    fn authorities_that_cannot_be_used_are_told() {
        let empty = std::env::temp_dir().join(format!("stockstream-no-authorities-{}", std::process::id()));
        fs::write(&empty, "").unwrap();
        assert!(Http::new(Some(&empty), false).err().unwrap().contains("hold no certificate"));
        fs::remove_file(&empty).unwrap();
        assert!(Http::new(Some(&empty), false).err().unwrap().contains("failed to read"));
    }
}
