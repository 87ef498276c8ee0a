//! `demo`: the main job, on this machine alone.
//!
//! A DNS server and a few echo peers are started on loopback; then an endpoint pair is resolved
//! through SRV records, connected, spoken over, and kept free of a stranger.

mod stage;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::time::timeout;
use udpair::{
    DatagramSocket, Endpoint, EndpointPair, Event as SocketEvent, HostName, Resolver, ServiceName,
};

use super::context::{Context, Exit, Failure};
use crate::event::Event;
use stage::Stage;

pub(super) async fn run(context: &Context) -> Result<Exit, Failure> {
    let show = Show { context };
    let stage = Stage::set().await?;

    show.title("1. A DNS server and three echo peers, on this machine alone")
        .await?;
    show.text(&format!("DNS server at {}", stage.dns_server()))
        .await?;
    for peer in stage.peers() {
        show.text(&format!(
            "_echo._udp.{}  SRV {} {} {} {}",
            stage::DOMAIN,
            peer.priority,
            peer.weight,
            peer.port,
            peer.host
        ))
        .await?;
    }

    let resolver = Resolver::builder()
        .dns_servers([stage.dns_server()])
        // The machine's services file may list the service, and would go before DNS.
        .services_text("")
        .timeout(PATIENCE)
        // Fixed, so that what is shown here and what is connected to are the same.
        .rng(|most| most / 2)
        .build();
    let host: HostName = stage::DOMAIN.parse()?;
    let service: ServiceName = "echo".parse()?;
    let remote = Endpoint::new(Some(host), service);

    show.title(&format!("2. From the names to addresses: {remote}"))
        .await?;
    let resolution = resolver.resolve(&remote).await;
    for event in resolution.steps().iter().filter_map(Event::step) {
        context.say(&event).await?;
    }
    resolution.candidates()?;

    show.title("3. A socket is bound, and a stranger writes to it before it has a peer")
        .await?;
    let socket = DatagramSocket::builder()
        .resolver(&resolver)
        .bind(&Endpoint::default())
        .await?;
    let port = socket.local_addr().map_or(0, |local| local.port());
    let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    let stranger = DatagramSocket::builder()
        .connect(&EndpointPair::from(address))
        .await?;
    stranger.output()?.write(b"let me in").await?;
    show.text(&format!("{} wrote to port {port}", described(&stranger)))
        .await?;

    show.title("4. Connected by endpoint pair").await?;
    let pair = EndpointPair::to_endpoint(remote.clone())?;
    socket.connect(&pair).await?;
    context
        .say(&Event::Connected {
            local: socket.local_addr(),
            remote: socket.peer_addr(),
            host: stage::DOMAIN.into(),
            service: "echo".into(),
        })
        .await?;
    show.text(&format!(
        "{pair} is {} -> {}",
        described(&socket),
        addressed(&socket)
    ))
    .await?;

    show.title("5. Two datagrams there and back, while the stranger keeps writing")
        .await?;
    for text in ["hello", "how far is it?"] {
        stranger.output()?.write(b"let me in").await?;
        socket.output()?.write(text.as_bytes()).await?;
        context.say(&Event::Sent { bytes: text.len() }).await?;
        let Ok(event) = timeout(PATIENCE, socket.next_event()).await else {
            return Err(Failure::usage(
                "the echo did not come back; a firewall on loopback?",
            ));
        };
        if let SocketEvent::Message(message) = event? {
            context
                .say(&Event::message(&message, socket.local_addr()))
                .await?;
            show.text(&format!("sent {text:?}, and it came back"))
                .await?;
        }
    }

    show.title("6. What was counted").await?;
    let statistics = socket.statistics();
    context.say(&Event::summary(&statistics)).await?;
    show.text(&format!(
        "{} sent, {} received; of the stranger's three, {} had been waiting since before the connect \
         and was dropped here, the others the kernel kept out",
        statistics.datagrams_sent, statistics.datagrams_received, statistics.non_peer_dropped
    )).await?;
    stage.strike();
    Ok(Exit::Done)
}

/// Tells people what is going on; scripts get the events.
struct Show<'a> {
    context: &'a Context,
}

impl Show<'_> {
    async fn title(&self, text: &str) -> Result<(), Failure> {
        let text = format!("\n{text}");
        self.context.say(&Event::Note { text }).await
    }

    async fn text(&self, text: &str) -> Result<(), Failure> {
        let text = format!("   {text}");
        self.context.say(&Event::Note { text }).await
    }
}

fn described(socket: &DatagramSocket) -> String {
    socket
        .local_addr()
        .map(|address| address.to_string())
        .unwrap_or_default()
}

fn addressed(socket: &DatagramSocket) -> String {
    socket
        .peer_addr()
        .map(|address| address.to_string())
        .unwrap_or_default()
}

/// Loopback answers in microseconds; this only bounds a machine that does not.
const PATIENCE: Duration = Duration::from_secs(5);
