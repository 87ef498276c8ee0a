//! `resolve`: prints the addresses that a host and service resolve to, best first.

use std::net::{IpAddr, SocketAddr};

use udpair::{Endpoint, EndpointPair, HostName, Resolution, ServiceName, Step};

use super::context::{Context, Exit, Failure};
use crate::args::Resolve;
use crate::event::Event;

pub(super) async fn run(context: &Context, arguments: &Resolve) -> Result<Exit, Failure> {
    let resolver = context.resolver();
    let remote = endpoint(arguments)?;
    let has_service = remote.service().port() != Some(0);
    if context.global.srv && !has_service {
        return Err(Failure::usage("--srv needs a SERVICE, which was not given"));
    }
    let resolution = context.resolving(resolver.resolve(&remote)).await;
    if arguments.explain {
        // Without a service, none is looked up.
        let shown = |step: &&Step| has_service || !matches!(step, Step::Service(_));
        for event in resolution
            .steps()
            .iter()
            .filter(shown)
            .filter_map(Event::step)
        {
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
        let remote = match has_service {
            true => remote.to_string(),
            false => without_port(remote),
        };
        let event = Event::EndpointPair {
            local,
            remote,
            rank,
        };
        context.print(&event).await?;
    }
    if !arguments.explain {
        for message in hidden_srv(&resolution) {
            context.print(&Event::Hint { message }).await?;
        }
    }
    Ok(Exit::Done)
}

/// Returns the endpoint to resolve. A name of SRV records stands for their service.
fn endpoint(arguments: &Resolve) -> Result<Endpoint, Failure> {
    let service = match (&arguments.service, service_of(&arguments.host)) {
        (Some(service), _) => service.clone(),
        (None, Some(service)) => service.parse()?,
        // A resolver looks up no endpoint without a service. This one is not shown.
        (None, None) => ServiceName::from(0),
    };
    Ok(Endpoint::new(Some(arguments.host.clone()), service))
}

/// Returns the service in a name of SRV records, `_service._udp.domain` (RFC 2782).
fn service_of(host: &HostName) -> Option<String> {
    let name = host.to_string();
    let (service, _) = name
        .match_indices("._")
        .map(|(at, _)| name.split_at(at))
        .find(|(_, rest)| rest.as_bytes().get(..6).is_some_and(is_udp_label))?;
    Some(service.strip_prefix('_')?.to_owned())
}

fn is_udp_label(bytes: &[u8]) -> bool {
    bytes.eq_ignore_ascii_case(b"._udp.")
}

/// Returns what was not looked up because the services file lists the service.
fn hidden_srv(resolution: &Resolution) -> Vec<String> {
    let steps = resolution.steps().iter();
    steps
        .filter_map(|step| match step {
            Step::Service(step) => Some(step),
            _ => None,
        })
        .filter_map(|step| {
            let name = step.hidden_srv.as_ref()?;
            let place = match &step.source {
                udpair::ServiceSource::File(path) => path.display().to_string(),
                _ => "the services file".to_owned(),
            };
            Some(format!(
                "{place} lists {} as port {}, so the SRV records {name} were not queried: --srv \
                 queries them",
                step.service,
                step.port.unwrap_or(0),
            ))
        })
        .collect()
}

/// Returns an address as text, with its zone if it has one.
fn without_port(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        address => address.ip().to_string(),
    }
}

/// Returns the local and the remote address of a listed pair, whose hosts are all addresses.
fn addresses(pair: &EndpointPair) -> Option<(Option<IpAddr>, SocketAddr)> {
    let port = pair.remote().service().port().unwrap_or(0);
    let remote = pair.remote().host()?.socket_addr(port)?.ok()?;
    let local = pair.local().host().and_then(HostName::ip);
    Some((local, remote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_srv_records_has_a_service() {
        for (host, service) in [
            ("_sip._udp.example.test", Some("sip")),
            ("_SIP._UDP.example.test", Some("SIP")),
            (
                "_stun._service01._udp.example.test",
                Some("stun._service01"),
            ),
            ("_sip._tcp.example.test", None),
            ("_sip._udp", None),
            ("sip._udp.example.test", None),
            ("example.test", None),
            ("192.0.2.1", None),
        ] {
            let name = host.parse().unwrap();
            let found = service_of(&name);
            let found = found.as_deref().map(str::to_ascii_lowercase);
            let service = service.map(str::to_ascii_lowercase);
            assert_eq!(found, service, "{host}");
        }
    }
}
