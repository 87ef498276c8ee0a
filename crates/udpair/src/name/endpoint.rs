//! `Endpoint`: a host and a service, either of which may be left to the system.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use super::host::{HostName, HostNameType};
use super::service::ServiceName;
use crate::error::{Error, ErrorKind};

/// One end of a datagram exchange: a host and a service.
///
/// The text form is `host:service`, `[v6-address%zone]:service`, `:service` (any address) or
/// `host:` (any port). A part that is left out is chosen by the system. Only a local endpoint may
/// leave out a part.
///
/// # Examples
///
/// ```
/// # use udpair::Endpoint;
/// let endpoint: Endpoint = "[2001:db8::1]:stun".parse()?;
/// assert_eq!(endpoint.service().name(), Some("stun"));
/// assert_eq!(endpoint.to_string(), "[2001:db8::1]:stun");
///
/// let local: Endpoint = ":5000".parse()?;
/// assert!(local.host().is_none());
/// # Ok::<(), udpair::Error>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Endpoint {
    host: Option<HostName>,
    service: ServiceName,
}

impl Endpoint {
    /// Returns the endpoint of `service` at `host`; a `host` of `None` is any local address.
    pub fn new(host: Option<HostName>, service: ServiceName) -> Self {
        Self { host, service }
    }

    /// Returns the local endpoint of `service` at every address of this machine.
    pub fn any(service: ServiceName) -> Self {
        Self::new(None, service)
    }

    /// Returns the host; `None` leaves the address to the system.
    pub fn host(&self) -> Option<&HostName> {
        self.host.as_ref()
    }

    /// Returns the service; an empty service leaves the port to the system.
    pub fn service(&self) -> &ServiceName {
        &self.service
    }

    /// Returns the host of a remote endpoint, which must have both a host and a service.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument), naming the part that is missing.
    pub(crate) fn remote_host(&self) -> Result<&HostName, Error> {
        let Some(host) = &self.host else {
            return Err(missing(
                "host",
                "give the name or address of the remote host",
            ));
        };
        if self.service.is_any() {
            return Err(missing("service", "give a port number or a service name"));
        }
        Ok(host)
    }

    /// Returns the address of a numeric endpoint, which needs no lookup; `None` for any other.
    ///
    /// `adapter_index` returns the index of the adapter that the zone of the address names.
    ///
    /// # Errors
    ///
    /// The zone is not the name of an adapter.
    pub(crate) fn socket_addr_by(
        &self,
        adapter_index: &dyn Fn(&str) -> Option<u32>,
    ) -> Option<Result<SocketAddr, Error>> {
        let port = self.service.port()?;
        self.host.as_ref()?.socket_addr_by(port, adapter_index)
    }
}

fn missing(part: &str, advice: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("the remote {part} is empty"),
    )
    .with_advice(advice)
}

impl Default for Endpoint {
    /// Returns the local endpoint that leaves both address and port to the system.
    fn default() -> Self {
        Self::any(ServiceName::any())
    }
}

/// Converts a socket address to a numeric endpoint, without an allocation.
impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::new(Some(address.into()), address.port().into())
    }
}

impl From<&Endpoint> for Endpoint {
    fn from(endpoint: &Endpoint) -> Self {
        endpoint.clone()
    }
}

/// Parses the text form; see [`FromStr`](#impl-FromStr-for-Endpoint).
impl TryFrom<&str> for Endpoint {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

/// Parses the text form; see [`FromStr`](#impl-FromStr-for-Endpoint).
impl TryFrom<String> for Endpoint {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    /// Parses `text` as an endpoint.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): there is no colon between the host and the
    /// service, or one of the two is not valid.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (host, service) = split(text).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "endpoint {text:?} is not valid: host and service need a colon between them"
                ),
            )
            .with_advice(advice_for(text))
        })?;
        let host = match host {
            "" => None,
            host => Some(host.parse()?),
        };
        Ok(Self::new(host, service.parse()?))
    }
}

/// Returns the advice for a text without a colon: how to write what it most likely means.
fn advice_for(text: &str) -> String {
    if text.parse::<u16>().is_ok() {
        return format!("write :{text} for port {text} on any address, or host:{text}");
    }
    match text.parse::<HostName>() {
        Ok(host) if host.ip().is_some() => {
            let any = Endpoint::new(Some(host), ServiceName::any());
            format!("write {any}service, or {any} for any port")
        }
        _ => "write host:service, [IPv6 address]:service, :service for any address, \
              or host: for any port"
            .into(),
    }
}

/// Splits `text` at the colon between host and service. An IPv6 address needs its brackets.
fn split(text: &str) -> Option<(&str, &str)> {
    if text.starts_with('[') {
        let end = text.find(']')? + 1;
        let service = text[end..].strip_prefix(':')?;
        return Some((&text[..end], service));
    }
    let (host, service) = text.split_once(':')?;
    (!service.contains(':')).then_some((host, service))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            None => write!(f, ":{}", self.service),
            Some(host) if host.kind() == HostNameType::Ipv6 => {
                write!(f, "[{host}]:{}", self.service)
            }
            Some(host) => write!(f, "{host}:{}", self.service),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_survives_a_round_trip_through_text() {
        for text in [
            "contoso.com:stun",
            "192.0.2.1:53",
            "[2001:db8::1]:53",
            "[fe80::1%7]:stun",
            ":53",
            "contoso.com:",
            ":",
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), text);
        }
    }

    #[test]
    fn an_endpoint_without_a_colon_is_rejected_with_advice() {
        for text in [
            "contoso.com",
            "53",
            "",
            "::1",
            "2001:db8::1:53",
            "[::1]",
            "[::1]53",
            "[::1",
        ] {
            let error = text.parse::<Endpoint>().expect_err(text);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
            assert!(error.advice().is_some(), "{text}");
        }
        for (text, part) in [
            ("192.0.2.1", "192.0.2.1:"),
            ("::1", "[::1]:"),
            ("53", ":53"),
        ] {
            let error = text.parse::<Endpoint>().expect_err(text);
            assert!(error.advice().unwrap().contains(part), "{error:?}");
        }
        for text in ["a b:53", "contoso.com:70000", "[contoso.com]:53"] {
            let error = text.parse::<Endpoint>().expect_err(text);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
        }
    }

    #[test]
    fn a_socket_address_survives_a_round_trip_through_an_endpoint() {
        for text in ["192.0.2.1:53", "[2001:db8::1]:0", "[fe80::1%7]:9"] {
            let address: SocketAddr = text.parse().unwrap();
            let back = Endpoint::from(address).socket_addr_by(&|_| None);
            assert_eq!(back.unwrap().unwrap(), address);
        }
        assert!(
            "contoso.com:53"
                .parse::<Endpoint>()
                .unwrap()
                .socket_addr_by(&|_| None)
                .is_none()
        );
        assert!(
            "192.0.2.1:stun"
                .parse::<Endpoint>()
                .unwrap()
                .socket_addr_by(&|_| None)
                .is_none()
        );
    }
}
