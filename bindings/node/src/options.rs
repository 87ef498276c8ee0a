//! Options of sockets and resolvers, as objects of JavaScript.

use std::net::SocketAddr;
use std::time::Duration;

use napi_derive::napi;
use udpair_winrt::udpair::{AddressFamily, Builder, Ecn, QualityOfService, Resolver, adapter};
use udpair_winrt::{Error, hresult};

/// How names are resolved.
#[napi(object)]
#[derive(Default)]
pub struct ResolverOptions {
    pub dns_servers: Option<Vec<String>>,
    pub services_file: Option<String>,
    pub services: Option<String>,
    pub hosts_file: Option<String>,
    pub srv_only: Option<bool>,
    pub timeout: Option<f64>,
    pub attempt_timeout: Option<f64>,
    pub attempts: Option<u32>,
    pub cache: Option<bool>,
    pub family: Option<u32>,
}

/// Options that a socket has before it is open.
#[napi(object)]
#[derive(Default)]
pub struct SocketOptions {
    pub resolver: Option<ResolverOptions>,
    pub inbound_buffer_bytes: Option<u32>,
    pub send_buffer_bytes: Option<u32>,
    pub dont_fragment: Option<bool>,
    pub hop_limit: Option<u32>,
    pub multicast_hops: Option<u32>,
    pub multicast_loopback: Option<bool>,
    pub multicast_adapter: Option<String>,
    pub multicast_only: Option<bool>,
    pub share_port: Option<bool>,
    pub ipv6_only: Option<bool>,
    pub dscp: Option<u32>,
    pub ecn: Option<u32>,
    pub low_latency: Option<bool>,
    pub receive_offload: Option<bool>,
    pub metadata: Option<bool>,
}

impl ResolverOptions {
    pub(crate) fn build(&self) -> Result<Resolver, Error> {
        let mut builder = Resolver::builder();
        if let Some(servers) = &self.dns_servers {
            let servers: Result<Vec<_>, _> = servers.iter().map(|text| server(text)).collect();
            builder = builder.dns_servers(servers?);
        }
        if let Some(file) = &self.services_file {
            builder = builder.services_file(file);
        }
        if let Some(text) = &self.services {
            builder = builder.services_text(text);
        }
        if let Some(file) = &self.hosts_file {
            builder = builder.hosts_file(file);
        }
        if let Some(is_only) = self.srv_only {
            builder = builder.srv_only(is_only);
        }
        if let Some(time) = self.timeout {
            builder = builder.timeout(milliseconds(time)?);
        }
        if let Some(time) = self.attempt_timeout {
            builder = builder.attempt_timeout(milliseconds(time)?);
        }
        if let Some(attempts) = self.attempts {
            builder = builder.attempts(attempts);
        }
        if let Some(caches) = self.cache {
            builder = builder.cache(caches);
        }
        match self.family {
            None | Some(0) => {}
            Some(4) => builder = builder.family(AddressFamily::Ipv4),
            Some(6) => builder = builder.family(AddressFamily::Ipv6),
            Some(other) => return Err(invalid(&format!("there is no family {other}: 4 or 6"))),
        }
        Ok(builder.build())
    }
}

impl SocketOptions {
    pub(crate) fn builder(&self) -> Result<Builder, Error> {
        let mut builder = udpair_winrt::udpair::DatagramSocket::builder();
        if let Some(resolver) = &self.resolver {
            builder = builder.resolver(&resolver.build()?);
        }
        if let Some(bytes) = self.inbound_buffer_bytes {
            builder = builder.inbound_buffer_bytes(bytes);
        }
        if let Some(bytes) = self.send_buffer_bytes {
            builder = builder.send_buffer_bytes(bytes);
        }
        if let Some(value) = self.dont_fragment {
            builder = builder.dont_fragment(value);
        }
        if let Some(hops) = self.hop_limit {
            builder = builder.hop_limit(byte(hops, "hop limit")?);
        }
        if let Some(hops) = self.multicast_hops {
            builder = builder.multicast_hops(byte(hops, "hop limit")?);
        }
        if let Some(value) = self.multicast_loopback {
            builder = builder.multicast_loopback(value);
        }
        if let Some(name) = &self.multicast_adapter {
            builder = builder.multicast_adapter(&adapter(name)?);
        }
        if let Some(value) = self.multicast_only {
            builder = builder.multicast_only(value);
        }
        if let Some(value) = self.share_port {
            builder = builder.share_port(value);
        }
        if let Some(value) = self.ipv6_only {
            builder = builder.ipv6_only(value);
        }
        if let Some(value) = self.dscp {
            builder = builder.dscp(byte(value, "DSCP")?);
        }
        if let Some(value) = self.ecn {
            builder = builder.ecn(match value {
                0 => Ecn::NotCapable,
                1 => Ecn::Capable1,
                2 => Ecn::Capable0,
                _ => return Err(invalid("an ECN of a sender is 0, 1 or 2")),
            });
        }
        if let Some(is_low) = self.low_latency {
            builder = builder.quality_of_service(if is_low {
                QualityOfService::LowLatency
            } else {
                QualityOfService::Normal
            });
        }
        if let Some(value) = self.receive_offload {
            builder = builder.receive_offload(value);
        }
        if let Some(value) = self.metadata {
            builder = builder.metadata(value);
        }
        Ok(builder)
    }
}

/// Parses the address of a name server. Without a port it is 53.
fn server(text: &str) -> Result<SocketAddr, Error> {
    let with_port = || Some(SocketAddr::new(text.parse().ok()?, 53));
    text.parse()
        .ok()
        .or_else(with_port)
        .ok_or_else(|| invalid(&format!("{text:?} is not the address of a name server")))
}

fn milliseconds(time: f64) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(time / 1000.0)
        .map_err(|_| invalid(&format!("{time} is not a time in milliseconds")))
}

pub(crate) fn byte(value: u32, what: &str) -> Result<u8, Error> {
    u8::try_from(value).map_err(|_| invalid(&format!("{value} is not a {what}: it is at most 255")))
}

pub(crate) fn invalid(message: &str) -> Error {
    Error::new(hresult::E_INVALIDARG, message)
}
