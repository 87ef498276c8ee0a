//! `EndpointPair`: a local and a remote endpoint.

use std::fmt;
use std::net::SocketAddr;

use super::endpoint::Endpoint;
use super::host::HostName;
use super::service::ServiceName;
use crate::error::Error;

/// A local and a remote endpoint: the two ends of a datagram exchange.
///
/// The remote end has a host and a service. The local end may leave both to the system, and does so
/// unless [`with_local`](Self::with_local) sets it.
///
/// # Examples
///
/// ```
/// # use udpair::EndpointPair;
/// let pair = EndpointPair::to("contoso.com", "stun")?.with_local(":5000".parse()?);
/// assert_eq!(pair.to_string(), ":5000 -> contoso.com:stun");
/// # Ok::<(), udpair::Error>(())
/// ```
///
/// # Model
///
/// `Windows.Networking.EndpointPair` (EPP-01 to EPP-06). A pair is immutable, so that an operation
/// and its caller never disagree about what was requested.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EndpointPair {
    local: Endpoint,
    remote: Endpoint,
}

impl EndpointPair {
    /// Returns the pair with `service` at `host` as its remote end. The local end is left to the
    /// system.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): one of the two is empty or not
    /// valid.
    pub fn to(host: &str, service: &str) -> Result<Self, Error> {
        // The service is checked first, as everywhere: of two mistakes, every function reports the
        // same one.
        let service: ServiceName = service.parse()?;
        let host: Option<HostName> = match host {
            "" => None,
            host => Some(host.parse()?),
        };
        Self::to_endpoint(Endpoint::new(host, service))
    }

    /// Returns the pair with this remote end. The local end is left to the system.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): `remote` has no host or no service.
    pub fn to_endpoint(remote: Endpoint) -> Result<Self, Error> {
        remote.remote_host()?;
        Ok(Self {
            local: Endpoint::default(),
            remote,
        })
    }

    /// Returns the same pair with another local end.
    #[must_use]
    pub fn with_local(self, local: Endpoint) -> Self {
        Self { local, ..self }
    }

    /// Returns the local end.
    pub fn local(&self) -> &Endpoint {
        &self.local
    }

    /// Returns the remote end.
    pub fn remote(&self) -> &Endpoint {
        &self.remote
    }
}

/// Converts a socket address to the pair that has it as its remote end, without an allocation.
impl From<SocketAddr> for EndpointPair {
    fn from(remote: SocketAddr) -> Self {
        Self {
            local: Endpoint::default(),
            remote: remote.into(),
        }
    }
}

impl From<&EndpointPair> for EndpointPair {
    fn from(pair: &EndpointPair) -> Self {
        pair.clone()
    }
}

/// Returns the pair with this remote end, whose local end is the system's choice; see
/// [`to_endpoint`](EndpointPair::to_endpoint).
impl TryFrom<Endpoint> for EndpointPair {
    type Error = Error;

    fn try_from(remote: Endpoint) -> Result<Self, Error> {
        Self::to_endpoint(remote)
    }
}

/// Returns the pair whose remote end has this text form: `"contoso.com:stun"`.
impl TryFrom<&str> for EndpointPair {
    type Error = Error;

    fn try_from(remote: &str) -> Result<Self, Error> {
        Self::to_endpoint(remote.parse()?)
    }
}

/// Returns the pair of this host and this service: `("contoso.com", "stun")`.
impl TryFrom<(&str, &str)> for EndpointPair {
    type Error = Error;

    fn try_from((host, service): (&str, &str)) -> Result<Self, Error> {
        Self::to(host, service)
    }
}

impl fmt::Display for EndpointPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.local == Endpoint::default() {
            return write!(f, "any -> {}", self.remote);
        }
        write!(f, "{} -> {}", self.local, self.remote)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// EPP-01
    #[test]
    fn the_remote_end_needs_a_host_and_a_service() {
        for (host, service, part) in [
            ("", "stun", "remote host"),
            ("contoso.com", "", "remote service"),
            ("a b", "stun", "host name"),
            ("contoso.com", "70000", "service"),
            ("256.1.1.1", "70000", "service"),
        ] {
            let error = EndpointPair::to(host, service).expect_err(service);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    /// EPP-01, EPP-06, SVC-02
    #[test]
    fn the_local_end_may_be_left_to_the_system() {
        let pair = EndpointPair::to("contoso.com", "stun").unwrap();
        assert_eq!(pair.local(), &Endpoint::default());
        assert_eq!(pair.to_string(), "any -> contoso.com:stun");
        let local: Endpoint = "192.0.2.1:".parse().unwrap();
        let pair = pair.with_local(local.clone());
        assert_eq!(pair.local(), &local);
        assert_eq!(pair.remote().service().name(), Some("stun"));
    }
}
