//! `DatagramSocket`: its members.

use std::fmt;
use std::sync::Arc;

use udpair::{Builder, Endpoint, Resolver, ServiceName, SocketOperation};

use super::arguments::MessageReceivedEventArgs;
use super::control::DatagramSocketControl;
use super::core::{Core, DatagramSocket};
use super::information::DatagramSocketInformation;
use super::output::SocketOutput;
use super::receive;
use crate::connectivity::NetworkAdapter;
use crate::error::{Error, Result};
use crate::foundation::{Action, EventToken, Handler, Operation};
use crate::networking::local_service;
use crate::networking::{EndpointPair, HostName, HostNameSortOptions, Names};
use crate::storage_streams::OutputStream;

impl DatagramSocket {
    /// Creates a socket that is not open yet (DGS-01).
    pub fn new() -> Self {
        let created = Self::with_builder(&udpair::DatagramSocket::builder());
        created.expect("a socket that is not open needs nothing of the system")
    }

    /// Creates a socket with a resolver, an engine or other options of one's own (GEN-11).
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: an option of the builder is out of range.
    pub fn with_builder(builder: &Builder) -> Result<Self> {
        // Here the unspecified address is nobody's (ADR-05).
        let builder = builder.clone().refuse_unspecified(true);
        Ok(Self(Core::new(builder.open()?)))
    }

    /// Returns the options of the socket.
    pub fn control(&self) -> DatagramSocketControl {
        DatagramSocketControl(self.0.weak())
    }

    /// Returns the addresses and ports of the socket.
    pub fn information(&self) -> DatagramSocketInformation {
        DatagramSocketInformation(self.0.weak())
    }

    /// Binds the socket to a local host and service. Without a host, to all addresses of both
    /// families; with an empty service name, or "0", to a port that the system chooses (BND-01 to
    /// BND-03). No other socket may have the port, except if the socket receives multicasts only
    /// (BND-07 to BND-09).
    ///
    /// # Errors
    ///
    /// - `E_ILLEGAL_METHOD_CALL`: the socket is open or being opened (BND-14).
    /// - `E_INVALIDARG`: the service name is not valid.
    /// - `WSATYPE_NOT_FOUND`: the services file does not list the service (SVC-09).
    /// - `WSAEADDRINUSE`: another socket has the port.
    /// - `WSAEADDRNOTAVAIL`: the host is not this machine (BND-10, BND-11).
    /// - `E_ACCESSDENIED`: the system refuses, a port below 1024 for example.
    /// - `ERROR_OPERATION_ABORTED`: the socket was closed meanwhile.
    ///
    /// A socket whose bind has failed can be bound again.
    pub fn bind_endpoint(&self, host: Option<&HostName>, service_name: &str) -> Action {
        let endpoint = match self.prepare(SocketOperation::Bind, || local_service(service_name)) {
            Ok(service) => Endpoint::new(host.map(|host| host.inner().clone()), service),
            Err(error) => return Action::refused(error),
        };
        let core = self.0.clone();
        self.0.start(async move {
            core.socket.bind(endpoint).await?;
            receive::start(&core);
            Ok(())
        })
    }

    /// Binds the socket to a service on all addresses of both families (BND-04).
    ///
    /// # Errors
    ///
    /// Those of [`bind_endpoint`](Self::bind_endpoint).
    pub fn bind_service_name(&self, service_name: &str) -> Action {
        self.bind_endpoint(None, service_name)
    }

    /// Binds the socket to a service on one adapter, through which it then sends and receives
    /// (BND-05, BND-06). Sockets on other adapters may have the same port (BND-07).
    ///
    /// # Errors
    ///
    /// Those of [`bind_endpoint`](Self::bind_endpoint). `WSAEADDRNOTAVAIL`: the adapter is not there
    /// (NET-14).
    pub fn bind_service_name_on(&self, service_name: &str, adapter: &NetworkAdapter) -> Action {
        let prepared = self.prepare(SocketOperation::BindOn, || local_service(service_name));
        let service = match prepared {
            Ok(service) => service,
            Err(error) => return Action::refused(error),
        };
        let (core, adapter) = (self.0.clone(), adapter.inner().clone());
        self.0.start(async move {
            core.socket.bind_on(&adapter, &service).await?;
            receive::start(&core);
            Ok(())
        })
    }

    /// Connects the socket to a remote host and service (CON-01). The local end is what the socket
    /// is bound to, or the system's choice.
    ///
    /// # Errors
    ///
    /// Those of [`connect_pair`](Self::connect_pair).
    pub fn connect(&self, remote_host_name: &HostName, remote_service_name: &str) -> Action {
        self.connect_names(&Names::of_remote(remote_host_name, remote_service_name))
    }

    /// Connects the socket by an endpoint pair: binds it to the local end, and lets only datagrams of
    /// the remote end raise the event (CON-01, CON-04, CON-08). Nothing is sent, so that a connect
    /// to a host that does not answer succeeds (CON-03).
    ///
    /// The remote service is a port, a name in the services file, or a name that DNS has SRV records
    /// for (SVC-01). If the system refuses an address, the next one is tried (ADR-01).
    ///
    /// # Errors
    ///
    /// - `E_ILLEGAL_METHOD_CALL`: the socket is connected or being opened, or a stream was made by
    ///   [`output_stream_to`](Self::output_stream_to) before.
    /// - `E_INVALIDARG`: a service name is not valid, or the local end of the pair is not that to
    ///   which the socket is bound.
    /// - `WSAHOST_NOT_FOUND`, `WSATRY_AGAIN`, `WSANO_DATA`: the host was not found, or is a multicast
    ///   group (CON-07).
    /// - `WSATYPE_NOT_FOUND`: the service was not found.
    /// - `WSAEADDRNOTAVAIL`: the remote address or port cannot be a destination, or the local host is
    ///   not this machine.
    /// - `WSAEADDRINUSE`: another socket has the local port.
    /// - `WSAENETUNREACH`, `WSAEHOSTUNREACH`: the system has no route.
    /// - `WSAEOPNOTSUPP`: the socket receives multicasts only (CON-15).
    /// - `ERROR_OPERATION_ABORTED`: the socket was closed meanwhile.
    ///
    /// A socket whose connect has failed can be connected again (CON-11).
    pub fn connect_pair(&self, endpoint_pair: &EndpointPair) -> Action {
        self.connect_names(&endpoint_pair.snapshot())
    }

    fn connect_names(&self, names: &Names) -> Action {
        let pair = match self.prepare(SocketOperation::Connect, || remote(names)) {
            Ok(pair) => pair,
            Err(error) => return Action::refused(error),
        };
        let core = self.0.clone();
        self.0.start(async move {
            core.socket.connect(pair).await?;
            receive::start(&core);
            Ok(())
        })
    }

    /// Returns the stream to the peer, the same one each time. A write is an illegal call until the
    /// socket is connected, and waits while it is being connected (OUT-10).
    ///
    /// # Errors
    ///
    /// `RO_E_CLOSED`: the socket was closed.
    pub fn output_stream(&self) -> Result<OutputStream> {
        let stream = self.0.socket.output()?;
        let make = || OutputStream::new(SocketOutput::to_peer(self.0.weak(), stream));
        Ok(self.0.output(make))
    }

    /// Returns a stream to a remote host and service, to the address that is found now. Nothing is
    /// bound before the first write (OUT-02, OUT-07).
    ///
    /// A socket may have any number of streams. One that is connected still receives from its peer
    /// only.
    ///
    /// # Errors
    ///
    /// - `E_ILLEGAL_METHOD_CALL`: the socket is being opened.
    /// - `E_INVALIDARG`: the service name is not valid.
    /// - `WSAHOST_NOT_FOUND`, `WSATRY_AGAIN`, `WSANO_DATA`: the host was not found.
    /// - `WSATYPE_NOT_FOUND`: the service was not found.
    /// - `WSAEADDRNOTAVAIL`: the address or port cannot be a destination.
    pub fn output_stream_to(
        &self,
        remote_host_name: &HostName,
        remote_service_name: &str,
    ) -> Operation<OutputStream> {
        let names = Names::of_remote(remote_host_name, remote_service_name);
        let pair = match self.prepare(SocketOperation::SendToAddress, || remote(&names)) {
            Ok(pair) => pair,
            Err(error) => return Operation::refused(error),
        };
        let core = self.0.clone();
        self.0.start(async move {
            let stream = core.socket.output_to(pair.remote().clone()).await?;
            Ok(OutputStream::new(SocketOutput::to(core.weak(), stream)))
        })
    }

    /// Returns a stream to the remote end of a pair, and binds the socket to its local end (OUT-07).
    ///
    /// # Errors
    ///
    /// Those of [`output_stream_to`](Self::output_stream_to) and of
    /// [`bind_endpoint`](Self::bind_endpoint). `E_INVALIDARG`: the local end of the pair is not that
    /// to which the socket is bound.
    pub fn output_stream_to_pair(&self, endpoint_pair: &EndpointPair) -> Operation<OutputStream> {
        let names = endpoint_pair.snapshot();
        let pair = match self.prepare(SocketOperation::SendToAddress, || remote(&names)) {
            Ok(pair) => pair,
            Err(error) => return Operation::refused(error),
        };
        let core = self.0.clone();
        self.0.start(async move {
            let stream = core.socket.output_to_pair(pair).await?;
            receive::start(&core);
            Ok(OutputStream::new(SocketOutput::to(core.weak(), stream)))
        })
    }

    /// Joins a multicast group, on the adapter that the socket is bound to or on all that are
    /// suitable (MCG-01 to MCG-03). It is joined again automatically when the network changes, until
    /// the socket is closed (MCG-07). This waits while a name is looked up.
    ///
    /// # Errors
    ///
    /// - `E_ILLEGAL_METHOD_CALL`: the socket is not bound, or is connected.
    /// - `E_INVALIDARG`: the address is not that of a group (MCG-05).
    /// - `WSAHOST_NOT_FOUND`: the name has no address of a group (MCG-04).
    /// - The system's own, of the first adapter, if no adapter could join.
    pub fn join_multicast_group(&self, host: &HostName) -> Result<()> {
        self.0.check(SocketOperation::JoinMulticast)?;
        let (core, group) = (self.0.clone(), host.inner().clone());
        self.0
            .start(async move {
                core.socket.join_multicast(&group).await?;
                Ok(())
            })
            .get()
    }

    /// Ends all operations that are under way, with `ERROR_OPERATION_ABORTED`, and stops receiving: no
    /// event starts after this. The action ends when they all have (CAN-01 to CAN-05).
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`: the socket is not open.
    pub fn cancel_io(&self) -> Action {
        self.0.cancel_io()
    }

    /// Closes the socket. Operations that are under way fail with `ERROR_OPERATION_ABORTED`, no
    /// event starts after this, and the port is free (CLS-01 to CLS-05). Closing it again does
    /// nothing.
    pub fn close(&self) {
        self.0.close();
    }

    /// Registers a handler, which is called for each datagram and for each error that the network
    /// sends back for one (MSG-01 to MSG-06, MSG-12).
    ///
    /// Handlers are called one after the other, on threads of this library, and may block and call
    /// anything.
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`: the socket is bound or connected already (MSG-01).
    pub fn on_message_received(
        &self,
        handler: impl FnMut(&Self, MessageReceivedEventArgs) + Send + 'static,
    ) -> Result<EventToken> {
        self.0.check(SocketOperation::AddHandler)?;
        Ok(self.0.handlers.add(Handler::new(handler)))
    }

    /// Removes a handler. It gets no event that starts after this. An unknown token is ignored
    /// (MSG-03).
    pub fn remove_message_received(&self, token: EventToken) {
        self.0.handlers.remove(token);
    }

    /// Returns the endpoint pairs by which a remote host and service can be reached, the best first:
    /// [`endpoint_pairs_with`](Self::endpoint_pairs_with) the order for a quick connection (GEP-01).
    ///
    /// # Errors
    ///
    /// Those of [`endpoint_pairs_with`](Self::endpoint_pairs_with).
    pub fn endpoint_pairs(
        remote_host_name: &HostName,
        remote_service_name: &str,
    ) -> Operation<Vec<EndpointPair>> {
        Self::endpoint_pairs_with(
            remote_host_name,
            remote_service_name,
            HostNameSortOptions::None,
        )
    }

    /// Returns the endpoint pairs by which a remote host and service can be reached, in the order of
    /// `sort_options` (GEP-06). Each can be connected as it is: its hosts are addresses, its remote
    /// service is a port, and its local service name is "0" (GEP-02).
    ///
    /// # Errors
    ///
    /// - `E_INVALIDARG`: the service name is not valid.
    /// - `WSAHOST_NOT_FOUND`, `WSATRY_AGAIN`, `WSANO_DATA`: the host was not found.
    /// - `WSATYPE_NOT_FOUND`: the service was not found.
    pub fn endpoint_pairs_with(
        remote_host_name: &HostName,
        remote_service_name: &str,
        sort_options: HostNameSortOptions,
    ) -> Operation<Vec<EndpointPair>> {
        Self::endpoint_pairs_by(
            &Resolver::system(),
            remote_host_name,
            remote_service_name,
            sort_options,
        )
    }

    /// Returns the endpoint pairs like [`endpoint_pairs_with`](Self::endpoint_pairs_with), by a
    /// resolver of one's own (GEN-11).
    pub fn endpoint_pairs_by(
        resolver: &Resolver,
        remote_host_name: &HostName,
        remote_service_name: &str,
        sort_options: HostNameSortOptions,
    ) -> Operation<Vec<EndpointPair>> {
        let resolver = resolver.clone();
        let remote = match remote_service(remote_service_name) {
            Ok(service) => Endpoint::new(Some(remote_host_name.inner().clone()), service),
            Err(error) => return Operation::refused(error),
        };
        Operation::run(async move {
            let pairs = resolver
                .endpoint_pairs(&remote, sort_options.order())
                .await?;
            let names = pairs.iter().map(Names::of_inner);
            Ok(names.map(EndpointPair::of).collect())
        })
    }

    /// Checks the state first, and then the arguments: both before anything is started.
    fn prepare<T>(
        &self,
        operation: SocketOperation,
        arguments: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.0.check(operation)?;
        arguments()
    }
}

/// Returns the pair of names for a remote end that a datagram can go to.
fn remote(names: &Names) -> Result<udpair::EndpointPair> {
    remote_service(&names.remote_service)?;
    names.to_inner()
}

/// Parses the service name of a remote end (CON-02).
fn remote_service(text: &str) -> Result<ServiceName> {
    if text.is_empty() {
        return Err(Error::invalid_argument("the remote service name is empty"));
    }
    Ok(text.parse()?)
}

impl Default for DatagramSocket {
    fn default() -> Self {
        Self::new()
    }
}

/// Two handles are equal if they are the same socket.
impl PartialEq for DatagramSocket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for DatagramSocket {}

impl fmt::Debug for DatagramSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.socket.fmt(f)
    }
}
