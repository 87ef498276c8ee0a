//! Resolvers: where names are looked up.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use udpair_winrt::Result;
use udpair_winrt::udpair;

use crate::error::{HResult, guard, invalid, put};
use crate::handle::{Handle, give};
use crate::text::{Text, array};

/// What looks names up for sockets.
pub struct Resolver(pub(crate) udpair::Resolver);

impl Handle for Resolver {}

/// Makes a resolver, which is the caller's. Any thread.
///
/// `dns_servers` are `count` addresses, such as "192.0.2.1" or "192.0.2.1:5353", which are asked in place
/// of the system; none is the system. `services` is the text of a services file in place of the
/// system's; without data, it is the system's.
///
/// Errors: E_INVALIDARG if a server is no address.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_resolver_new(
    dns_servers: *const Text,
    count: usize,
    services: Text,
    out: Option<&mut *mut Resolver>,
) -> HResult {
    guard(|| {
        let server = |text: &Text| server(text.get()?);
        let servers: Result<Vec<_>> = array(dns_servers, count)?.iter().map(server).collect();
        let servers = servers?;
        let mut builder = udpair::Resolver::builder();
        if !servers.is_empty() {
            builder = builder.dns_servers(servers);
        }
        if !services.data.is_null() {
            builder = builder.services_text(services.get()?);
        }
        put(out, give(Resolver(builder.build())))
    })
}

/// Returns the address of a name server, whose port is 53 by default.
fn server(text: &str) -> Result<SocketAddr> {
    SocketAddr::from_str(text)
        .or_else(|_| IpAddr::from_str(text).map(|ip| SocketAddr::new(ip, 53)))
        .map_err(|_| invalid(&format!("{text:?} is not the address of a name server")))
}
