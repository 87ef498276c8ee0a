//! `EndpointPair`: the names of both ends, kept as they were given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::host_name::HostName;
use crate::error::{Error, Result};

/// The host name and the service name of both ends, `Windows.Networking.EndpointPair`.
///
/// Service names are kept as they were given, and are parsed when a socket uses the pair (EPP-06).
/// A clone is the same object. A socket takes a copy of the names when it is given the pair: later
/// changes do not affect what it is doing (EPP-05).
///
/// ```
/// use udpair_winrt::{EndpointPair, HostName};
///
/// # fn main() -> udpair_winrt::Result<()> {
/// let pair = EndpointPair::new(None, "", HostName::new("contoso.com")?, "stun")?;
/// pair.set_local_service_name("5004");
/// assert_eq!(pair.local_service_name(), "5004");
/// assert!(EndpointPair::new(None, "", HostName::new("contoso.com")?, "").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct EndpointPair(Arc<Mutex<Names>>);

#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) local_host: Option<HostName>,
    pub(crate) local_service: String,
    pub(crate) remote_host: HostName,
    pub(crate) remote_service: String,
}

impl Names {
    /// Returns the names of a remote end, without a local one.
    pub(crate) fn of_remote(host: &HostName, service: &str) -> Self {
        Self {
            local_host: None,
            local_service: String::new(),
            remote_host: host.clone(),
            remote_service: service.into(),
        }
    }

    /// Returns the pair as the layer below knows it. This is where service names are parsed.
    pub(crate) fn to_inner(&self) -> Result<udpair::EndpointPair> {
        let remote = udpair::Endpoint::new(
            Some(self.remote_host.inner().clone()),
            self.remote_service.parse()?,
        );
        let local = udpair::Endpoint::new(
            self.local_host.as_ref().map(|host| host.inner().clone()),
            local_service(&self.local_service)?,
        );
        Ok(udpair::EndpointPair::to_endpoint(remote)?.with_local(local))
    }

    /// Returns the same names, with the local host of a pair of the layer below if there was none.
    pub(crate) fn with_local_host_of(mut self, pair: &udpair::EndpointPair) -> Self {
        if self.local_host.is_none() {
            self.local_host = pair.local().host().cloned().map(HostName::from);
        }
        self
    }

    /// Returns the names of a pair of the layer below. A local port that the system chooses is "0"
    /// (GEP-02).
    pub(crate) fn of_inner(pair: &udpair::EndpointPair) -> Self {
        let host = |endpoint: &udpair::Endpoint| endpoint.host().cloned().map(HostName::from);
        let service = |endpoint: &udpair::Endpoint| match endpoint.service() {
            service if service.is_any() => "0".to_owned(),
            service => service.to_string(),
        };
        Self {
            local_host: host(pair.local()),
            local_service: service(pair.local()),
            remote_host: host(pair.remote()).expect("a remote end has a host"),
            remote_service: service(pair.remote()),
        }
    }
}

/// Parses the service name of a local end. An empty one, and "0", let the system choose the port
/// (SVC-02, SVC-04).
pub(crate) fn local_service(text: &str) -> Result<udpair::ServiceName> {
    if text.is_empty() {
        return Ok(udpair::ServiceName::any());
    }
    Ok(text.parse()?)
}

impl EndpointPair {
    /// Creates a pair. Without a local host name, and with an empty local service name, the system
    /// chooses the local end.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: the remote service name is empty (EPP-01).
    pub fn new(
        local_host_name: Option<HostName>,
        local_service_name: &str,
        remote_host_name: HostName,
        remote_service_name: &str,
    ) -> Result<Self> {
        if remote_service_name.is_empty() {
            return Err(Error::invalid_argument(
                "the remote service name of an endpoint pair is empty",
            ));
        }
        Ok(Self::of(Names {
            local_host: local_host_name,
            local_service: local_service_name.into(),
            remote_host: remote_host_name,
            remote_service: remote_service_name.into(),
        }))
    }

    pub(crate) fn of(names: Names) -> Self {
        Self(Arc::new(Mutex::new(names)))
    }

    /// Returns a copy of the names as they are now.
    pub(crate) fn snapshot(&self) -> Names {
        self.names().clone()
    }

    /// Returns the local host name; `None` if the system chooses.
    pub fn local_host_name(&self) -> Option<HostName> {
        self.names().local_host.clone()
    }

    /// Sets the local host name; `None` lets the system choose.
    pub fn set_local_host_name(&self, host_name: Option<HostName>) {
        let former = std::mem::replace(&mut self.names().local_host, host_name);
        drop(former);
    }

    /// Returns the local service name; empty if the system chooses the port.
    pub fn local_service_name(&self) -> String {
        self.names().local_service.clone()
    }

    /// Sets the local service name; an empty one lets the system choose the port.
    pub fn set_local_service_name(&self, service_name: &str) {
        self.names().local_service = service_name.into();
    }

    /// Returns the remote host name.
    pub fn remote_host_name(&self) -> HostName {
        self.names().remote_host.clone()
    }

    /// Sets the remote host name.
    pub fn set_remote_host_name(&self, host_name: HostName) {
        self.names().remote_host = host_name;
    }

    /// Returns the remote service name.
    pub fn remote_service_name(&self) -> String {
        self.names().remote_service.clone()
    }

    /// Sets the remote service name. An empty one is accepted here, and refused by sockets (EPP-04).
    pub fn set_remote_service_name(&self, service_name: &str) {
        self.names().remote_service = service_name.into();
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EPP-05: a socket works with the names that the pair had when it was given.
    #[test]
    fn a_snapshot_does_not_follow_the_pair() {
        let host = |text: &str| HostName::new(text).unwrap();
        let pair = EndpointPair::new(None, "1", host("one.test"), "2").unwrap();
        let snapshot = pair.snapshot();
        let same = pair.clone();
        same.set_remote_host_name(host("two.test"));
        same.set_remote_service_name("");
        same.set_local_service_name("3");
        same.set_local_host_name(Some(host("192.0.2.1")));
        assert_eq!(snapshot.remote_host, host("one.test"));
        assert_eq!(snapshot.remote_service, "2");
        assert_eq!(
            (snapshot.local_service.as_str(), snapshot.local_host),
            ("1", None)
        );
        // A clone is the same object.
        assert_eq!(pair.remote_host_name(), host("two.test"));
        assert_eq!(pair.remote_service_name(), "");
    }
}
