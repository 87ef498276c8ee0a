//! A host whose addresses are to be found, and what is known of it already.

use std::net::SocketAddr;
use std::time::Instant;

use super::candidate::Group;
use super::host::Host;
use super::srv::SrvRecord;
use super::step::FoundAddress;
use crate::error::Error;
use crate::name::HostName;
use crate::observe;

/// A host whose addresses are to be found.
pub(super) struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) srv: Option<SrvRecord>,
    /// Advice for a host that has no address; `None` if there is none.
    pub(super) advice: Option<String>,
    /// Addresses that came with the SRV records, and the server that sent them.
    pub(super) known: Option<(SocketAddr, Vec<FoundAddress>)>,
}

impl Target {
    /// Returns the target for the host of an endpoint whose port is known, with advice for a host
    /// that has no address.
    pub(super) fn without_srv(host: &HostName, port: u16, advice: Option<String>) -> Self {
        Self {
            host: Host::Named(host.clone()),
            port,
            srv: None,
            advice,
            known: None,
        }
    }

    /// Returns the host with `addresses`.
    pub(super) fn group(&self, addresses: Vec<FoundAddress>) -> Group {
        Group {
            port: self.port,
            srv: self.srv.clone(),
            addresses,
        }
    }

    /// Returns the host.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// Reports the lookup of its addresses to observers.
    pub(super) fn report(&self, found: usize, error: Option<&Error>, started: Instant) {
        let error = error.map(ToString::to_string);
        let host = self.host.to_string();
        observe::looked_up("address", &host, found, error.as_deref(), started.elapsed());
    }

    /// Returns whether its addresses must be looked up: they did not come with the SRV records.
    pub(super) fn needs_lookup(&self) -> bool {
        self.known.is_none()
    }
}

/// The reason why DNS returned no host for a service.
pub(super) enum NoTargets {
    /// DNS does not know the service. Another source may.
    Unknown(Error),
    /// No other source is tried.
    #[cfg_attr(
        not(feature = "dns"),
        expect(dead_code, reason = "only name servers say so")
    )]
    Final(Error),
}

impl NoTargets {
    pub(super) fn error(&self) -> &Error {
        match self {
            Self::Unknown(error) | Self::Final(error) => error,
        }
    }
}
