//! A QUIC echo, whose client is connected to an endpoint pair: the service is found by SRV records,
//! and the addresses are tried in their order until one answers.
//!
//! `quic_by_name serve CERT KEY LOCAL` · `quic_by_name connect CERT HOST:SERVICE TEXT [NAME_SERVER]`
//!
//! CERT and KEY are files in DER. The server prints its address first.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use quinn::{ClientConfig, EndpointConfig, ServerConfig, TokioRuntime};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::time::timeout;
use udpair::{Endpoint, PairOrder, Resolver};

/// How long one address is tried.
const TRIED_FOR: Duration = Duration::from_secs(1);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", certificate, key, local] => serve(certificate, key, local).await,
        ["connect", certificate, remote, text] => connect(certificate, remote, text, None).await,
        ["connect", certificate, remote, text, server] => {
            connect(certificate, remote, text, Some(server)).await
        }
        _ => {
            Err("usage: serve CERT KEY LOCAL | connect CERT HOST:SERVICE TEXT [NAME_SERVER]".into())
        }
    }
}

async fn serve(certificate: &str, key: &str, local: &str) -> Result<()> {
    let certificate = CertificateDer::from(fs::read(certificate)?);
    let key = PrivatePkcs8KeyDer::from(fs::read(key)?);
    let config = ServerConfig::with_single_cert(vec![certificate], key.into())?;
    let socket = udpair_quinn::builder().bind(local).await?;
    let endpoint = udpair_quinn::endpoint(
        EndpointConfig::default(),
        Some(config),
        socket,
        Arc::new(TokioRuntime),
    )?;
    println!("{}", endpoint.local_addr()?);
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            let echo = async {
                let (mut send, mut recv) = incoming.await?.accept_bi().await?;
                let request = recv.read_to_end(64 << 10).await?;
                send.write_all(&request).await?;
                send.finish()?;
                send.stopped().await?;
                Ok::<_, Box<dyn Error + Send + Sync>>(())
            };
            if let Err(error) = echo.await {
                eprintln!("a connection ended: {error}");
            }
        });
    }
    Ok(())
}

async fn connect(
    certificate: &str,
    remote: &str,
    text: &str,
    name_server: Option<&str>,
) -> Result<()> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(fs::read(certificate)?))?;
    let config = ClientConfig::with_root_certificates(Arc::new(roots))?;

    let mut resolver = Resolver::builder();
    if let Some(server) = name_server {
        resolver = resolver.services_text("").dns_servers([server.parse()?]);
    }
    let remote: Endpoint = remote.parse()?;
    let name = remote.host().ok_or("the remote end has no host")?;
    let name = name.canonical_name().into_owned();
    let resolver = resolver.build();
    let pairs = resolver.endpoint_pairs(&remote, PairOrder::Quick).await?;

    let socket = udpair_quinn::builder().bind(":0").await?;
    let endpoint = udpair_quinn::endpoint(
        EndpointConfig::default(),
        None,
        socket,
        Arc::new(TokioRuntime),
    )?;
    for pair in pairs {
        let (host, service) = (pair.remote().host(), pair.remote().service());
        let (Some(host), Some(port)) = (host, service.port()) else {
            continue;
        };
        let Some(address) = host.socket_addr(port) else {
            continue;
        };
        let address = address?;
        let connecting = endpoint.connect_with(config.clone(), address, &name)?;
        let connection = match timeout(TRIED_FOR, connecting).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                eprintln!("{address}: {error}");
                continue;
            }
            Err(_) => {
                eprintln!("{address}: no answer");
                continue;
            }
        };
        let (mut send, mut recv) = connection.open_bi().await?;
        send.write_all(text.as_bytes()).await?;
        send.finish()?;
        let reply = recv.read_to_end(64 << 10).await?;
        println!("{address}: {}", String::from_utf8_lossy(&reply));
        connection.close(0_u8.into(), b"");
        endpoint.wait_idle().await;
        return Ok(());
    }
    Err("no server answered".into())
}
