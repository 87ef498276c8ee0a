//! `resolve`: prints the addresses that a host and service resolve to, best first.

use std::net::{IpAddr, SocketAddr};

use udpair::{EndpointPair, HostName};

use super::context::{Context, Exit, Failure};
use crate::args::Resolve;
use crate::event::Event;

pub(super) async fn run(context: &Context, arguments: &Resolve) -> Result<Exit, Failure> {
    let resolver = context.resolver();
    let remote = arguments.remote.endpoint();
    let resolution = context.resolving(resolver.resolve(&remote)).await;
    if arguments.explain {
        for event in resolution.steps().iter().filter_map(Event::step) {
            context.print(&event).await?;
        }
    }
    let candidates = resolution.candidates()?;
    let pairs: Vec<_> = match arguments.order {
        Some(order) => {
            let pairs = resolver.endpoint_pairs_of(&resolution, order).await?;
            pairs.iter().filter_map(addresses).collect()
        }
        // The last step has shown the candidates, with the reasons for their order.
        None if arguments.explain && !context.global.json => return Ok(Exit::Done),
        None => candidates
            .iter()
            .map(|candidate| (candidate.source, candidate.address))
            .collect(),
    };
    for ((local, remote), rank) in pairs.into_iter().zip(1..) {
        let event = Event::EndpointPair {
            local,
            remote,
            rank,
        };
        context.print(&event).await?;
    }
    Ok(Exit::Done)
}

/// Returns the local and the remote address of a listed pair, whose hosts are all addresses.
fn addresses(pair: &EndpointPair) -> Option<(Option<IpAddr>, SocketAddr)> {
    let port = pair.remote().service().port()?;
    let remote = pair.remote().host()?.socket_addr(port)?.ok()?;
    let local = pair.local().host().and_then(HostName::ip);
    Some((local, remote))
}
