//! `demo`: the main job, on this machine only.
//!
//! Starts a DNS server and a few echo peers on loopback. Then it resolves an endpoint pair through
//! SRV records, connects a socket to it, exchanges datagrams, and drops those of a non-peer sender.
//! With `--serve` it only starts them, so that examples in other languages can do the main job.

mod environment;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::time::timeout;
use udpair::{
    DatagramSocket, Endpoint, EndpointPair, Event as SocketEvent, HostName, Resolver, ServiceName,
};

use super::context::{Context, Exit, Failure};
use crate::args::Demo;
use crate::event::{Event, Listened};
use environment::{DOMAIN, Environment};

pub(super) async fn run(context: &Context, demo: &Demo) -> Result<Exit, Failure> {
    let notes = Notes { context };
    let environment = Environment::start(context).await?;

    notes
        .title("1. A DNS server and three echo peers, on this machine only")
        .await?;
    notes
        .text(&format!("DNS server at {}", environment.dns_server()))
        .await?;
    for peer in environment.peers() {
        notes
            .text(&format!(
                "_echo._udp.{}  SRV {} {} {} {}",
                DOMAIN, peer.priority, peer.weight, peer.port, peer.host
            ))
            .await?;
    }
    if demo.serve {
        // The peers and the server run until the process is interrupted.
        std::future::pending::<()>().await;
    }

    let resolver = Resolver::builder()
        .dns_servers([environment.dns_server()])
        // The machine's services file may list the service, and would take precedence over DNS.
        .services_text("")
        .timeout(TIMEOUT)
        // Not random, so that the printed order is the order in which `connect` tries.
        .rng(|most| most / 2)
        .build();
    let host: HostName = DOMAIN.parse()?;
    let service: ServiceName = "echo".parse()?;
    let remote = Endpoint::new(Some(host), service);

    notes
        .title(&format!("2. Resolve the names to addresses: {remote}"))
        .await?;
    let resolution = resolver.resolve(&remote).await;
    for event in resolution.steps().iter().filter_map(Event::step) {
        context.print(&event).await?;
    }
    resolution.candidates()?;

    notes
        .title("3. Bind a socket; a non-peer sender writes to it before it is connected")
        .await?;
    let socket = context
        .default_builder()
        .resolver(&resolver)
        .bind(&Endpoint::default())
        .await?;
    let port = socket.local_addr().map_or(0, |local| local.port());
    let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    let non_peer = context
        .default_builder()
        .connect(&EndpointPair::from(address))
        .await?;
    non_peer.output()?.write(b"let me in").await?;
    notes
        .text(&format!("{} wrote to port {port}", local_text(&non_peer)))
        .await?;

    notes.title("4. Connect it to the endpoint pair").await?;
    let pair = EndpointPair::to_endpoint(remote.clone())?;
    socket.connect(&pair).await?;
    context
        .print(&Event::Connected {
            local: socket.local_addr(),
            remote: socket.peer_addr(),
            host: DOMAIN.into(),
            service: "echo".into(),
        })
        .await?;
    notes
        .text(&format!(
            "{pair} is {} -> {}",
            local_text(&socket),
            peer_text(&socket)
        ))
        .await?;

    notes
        .title("5. Exchange two datagrams while the non-peer sender keeps writing")
        .await?;
    for text in ["hello", "how far is it?"] {
        non_peer.output()?.write(b"let me in").await?;
        socket.output()?.write(text.as_bytes()).await?;
        context.print(&Event::Sent { bytes: text.len() }).await?;
        let Ok(event) = timeout(TIMEOUT, socket.next_event()).await else {
            return Err(Failure::usage(
                "no echo arrived: does a firewall block loopback?",
            ));
        };
        if let SocketEvent::Message(message) = event? {
            context.print_received(&socket, &message, None).await?;
            notes
                .text(&format!("sent {text:?} and received its echo"))
                .await?;
        }
    }

    notes.title("6. Read the statistics").await?;
    let statistics = socket.statistics();
    context
        .print(&Event::summary(&[statistics], Listened::default()))
        .await?;
    notes.text(&format!(
        "{} sent, {} received; of the non-peer sender's 3 datagrams, udpair dropped {} that was \
         queued before the connect, and the kernel dropped the others",
        statistics.datagrams_sent, statistics.datagrams_received, statistics.non_peer_dropped
    )).await?;
    environment.stop();
    Ok(Exit::Done)
}

/// Prints explanations between the events. JSON output leaves them out.
struct Notes<'a> {
    context: &'a Context,
}

impl Notes<'_> {
    async fn title(&self, text: &str) -> Result<(), Failure> {
        let text = format!("\n{text}");
        self.context.print(&Event::Note { text }).await
    }

    async fn text(&self, text: &str) -> Result<(), Failure> {
        let text = format!("   {text}");
        self.context.print(&Event::Note { text }).await
    }
}

fn local_text(socket: &DatagramSocket) -> String {
    socket
        .local_addr()
        .map(|address| address.to_string())
        .unwrap_or_default()
}

fn peer_text(socket: &DatagramSocket) -> String {
    socket
        .peer_addr()
        .map(|address| address.to_string())
        .unwrap_or_default()
}

/// Time limit of each step. Loopback answers in microseconds; this only bounds a hang.
const TIMEOUT: Duration = Duration::from_secs(5);
