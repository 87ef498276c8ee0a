//! The table of states and operations, which all languages share: `conformance/states.txt`.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;

use udpair_winrt::udpair::{self, Resolver};
use udpair_winrt::{
    Action, AsyncStatus, Buffer, DatagramSocket, EndpointPair, Error, Guid, HostName, Operation,
    OperationWithProgress, OutputStream, Result, SocketQualityOfService, hresult,
};

use crate::support::loopback_adapter;

/// The table: its operations, each with a cell for each state.
struct Table {
    states: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/states.txt");
        let text = fs::read_to_string(path).unwrap();
        let mut lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let mut words = line.split_whitespace().map(str::to_owned);
                (words.next().unwrap(), words.collect::<Vec<_>>())
            });
        let (_, states) = lines.next().unwrap();
        let rows: Vec<_> = lines.collect();
        for (operation, cells) in &rows {
            assert_eq!(cells.len(), states.len(), "{operation}");
        }
        Self { states, rows }
    }
}

/// What the sockets of the table meet: a peer, and a name server that does not answer.
struct World {
    peer: UdpSocket,
    silent: UdpSocket,
}

impl World {
    fn new() -> Self {
        let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (peer, silent) = (bind(), bind());
        Self { peer, silent }
    }

    fn peer_port(&self) -> String {
        self.peer.local_addr().unwrap().port().to_string()
    }

    /// Returns a socket that has to wait for each service by DNS.
    fn socket(&self) -> DatagramSocket {
        let resolver = Resolver::builder()
            .dns_servers([self.silent.local_addr().unwrap()])
            .services_text("")
            .build();
        let builder = udpair::DatagramSocket::builder().resolver(&resolver);
        DatagramSocket::with_builder(&builder).unwrap()
    }
}

/// A socket in a state of the table.
struct Case<'a> {
    world: &'a World,
    socket: DatagramSocket,
    /// A stream to the peer's address that was made before the state was reached.
    stream: Option<OutputStream>,
    /// What keeps the socket in the state `Opening`.
    opening: Option<Action>,
}

fn host(text: &str) -> HostName {
    HostName::new(text).unwrap()
}

impl<'a> Case<'a> {
    fn new(world: &'a World, state: &str, operation: &str) -> Self {
        let socket = world.socket();
        let peer = (host("127.0.0.1"), world.peer_port());
        let stream = || {
            let stream = socket.output_stream_to(&peer.0, &peer.1);
            stream.get().unwrap()
        };
        if operation == "transfer-ownership-enabled" {
            let task = Guid::from_u128(1);
            socket.enable_transfer_ownership(task).unwrap();
        }
        // A stream is made while the state allows it: one that is made before the socket is opened
        // keeps it from being connected.
        let needs_stream = matches!(operation, "write-to-stream" | "connect-after-output-stream");
        let mut made = (needs_stream && state != "Connected").then(stream);
        let mut opening = None;
        match state {
            "Created" => {}
            "Opening" => {
                let pending = match needs_stream {
                    true => socket.bind_endpoint(Some(&host("name.test")), ""),
                    false => socket.connect(&host("name.test"), "service"),
                };
                assert_eq!(pending.status(), AsyncStatus::Started);
                opening = Some(pending);
            }
            "Bound" => {
                let bind = socket.bind_endpoint(Some(&peer.0), "");
                bind.get().unwrap();
            }
            "BoundAdapter" => {
                let bind = socket.bind_service_name_on("", &loopback_adapter());
                bind.get().unwrap();
            }
            "Connected" => {
                socket.connect(&peer.0, &peer.1).get().unwrap();
                made = needs_stream.then(stream);
            }
            "Closed" => socket.close(),
            _ => panic!("no such state: {state}"),
        }
        let shown = state.replace("BoundAdapter", "Bound");
        assert_eq!(self::state(&socket, opening.as_ref()), shown);
        Self {
            world,
            socket,
            stream: made,
            opening,
        }
    }

    /// Returns a pair to the peer, with the local end that an operation names.
    fn pair(&self, operation: &str) -> EndpointPair {
        let pair = EndpointPair::new(None, "", host("127.0.0.1"), &self.world.peer_port()).unwrap();
        let information = self.socket.information();
        let local_host = match operation {
            _ if operation.ends_with("host-same") => match information.local_address() {
                Some(address) => Some(address),
                None => Some(host("127.0.0.1")),
            },
            _ if operation.ends_with("host-other") => Some(host("127.0.0.9")),
            _ if operation.ends_with("host-name") => Some(host("localhost")),
            _ => None,
        };
        pair.set_local_host_name(local_host);
        let unused = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.local_addr().unwrap().port().to_string()
        };
        if operation.ends_with("service-same") {
            let bound = information.local_port();
            pair.set_local_service_name(&match bound.is_empty() {
                true => unused(),
                false => bound,
            });
        } else if operation.ends_with("service-other") {
            pair.set_local_service_name(&unused());
        } else if operation.ends_with("service-zero") {
            pair.set_local_service_name("0");
        }
        pair
    }

    /// Performs an operation, and returns its cell but for the state that it leads to.
    fn perform(&self, operation: &str) -> String {
        let (socket, control) = (&self.socket, self.socket.control());
        let peer = (host("127.0.0.1"), self.world.peer_port());
        let loopback = loopback_adapter();
        let task = Guid::from_u128(2);
        let payload = Buffer::copy_from(b"x");
        let information = socket.information();
        match operation {
            "add-message-received" => at_once(socket.on_message_received(|_, _| ())),
            "remove-message-received" => {
                let token = udpair_winrt::EventToken::from_value(i64::MAX).unwrap();
                socket.remove_message_received(token);
                "ok".into()
            }
            "set-dont-fragment" => at_once(control.set_dont_fragment(true)),
            "set-inbound-buffer-size" => at_once(control.set_inbound_buffer_size_in_bytes(10_000)),
            "set-quality-of-service" => {
                at_once(control.set_quality_of_service(SocketQualityOfService::LowLatency))
            }
            "set-multicast-only" => at_once(control.set_multicast_only(true)),
            "set-outbound-unicast-hop-limit" => at_once(control.set_outbound_unicast_hop_limit(9)),
            "get-dont-fragment" => at_once(control.dont_fragment()),
            "get-inbound-buffer-size" => at_once(control.inbound_buffer_size_in_bytes()),
            "get-quality-of-service" => at_once(control.quality_of_service()),
            "get-multicast-only" => at_once(control.multicast_only()),
            "get-outbound-unicast-hop-limit" => at_once(control.outbound_unicast_hop_limit()),
            "get-local-information" => read(information.local_address(), &information.local_port()),
            "get-remote-information" => {
                read(information.remote_address(), &information.remote_port())
            }
            "bind-endpoint" => ends(&socket.bind_endpoint(Some(&peer.0), "")),
            "bind-service-name" => ends(&socket.bind_service_name("")),
            "bind-service-name-on-adapter" => ends(&socket.bind_service_name_on("", &loopback)),
            "connect" | "connect-after-output-stream" => ends(&socket.connect(&peer.0, &peer.1)),
            "get-output-stream" => ends(&socket.output_stream_to(&peer.0, &peer.1)),
            "get-peer-stream" => at_once(socket.output_stream()),
            "write-to-stream" => self.written(&self.stream.as_ref().unwrap().write(&payload)),
            "write-to-peer-stream" => match socket.output_stream() {
                Ok(stream) => self.written(&stream.write(&payload)),
                Err(error) => refused(&error),
            },
            "join-multicast-group" => match socket.join_multicast_group(&host("239.255.77.4")) {
                // The state allows it, but a socket that is bound to one address receives from no
                // group.
                Err(error) if error.code() == hresult::E_NOTIMPL => "ok".into(),
                result => at_once(result),
            },
            "cancel-io" => ends(&socket.cancel_io()),
            "enable-transfer-ownership" => at_once(socket.enable_transfer_ownership(task)),
            "transfer-ownership" | "transfer-ownership-enabled" => {
                at_once(socket.transfer_ownership("id"))
            }
            "close" => {
                socket.close();
                "ok".into()
            }
            "get-endpoint-pairs" => {
                let pairs = DatagramSocket::endpoint_pairs(&peer.0, &peer.1);
                at_once(pairs.get())
            }
            _ if operation.starts_with("connect-pair") => {
                ends(&socket.connect_pair(&self.pair(operation)))
            }
            _ if operation.starts_with("get-output-stream-pair") => {
                ends(&socket.output_stream_to_pair(&self.pair(operation)))
            }
            _ => panic!("no such operation: {operation}"),
        }
    }

    /// Returns the cell for a write. One that waits fails when the socket is closed.
    fn written(&self, write: &OperationWithProgress<u32, u32>) -> String {
        let cell = ends(write);
        if cell == "waits" {
            self.socket.close();
            let code = write.get().unwrap_err().code();
            assert!(
                matches!(
                    code,
                    hresult::RO_E_CLOSED | hresult::ERROR_OPERATION_ABORTED
                ),
                "{code:#x}"
            );
        }
        cell
    }
}

/// Returns the state of a socket, as far as it shows: a socket on an adapter is bound.
fn state(socket: &DatagramSocket, opening: Option<&Action>) -> &'static str {
    let information = socket.information();
    if socket.control().dont_fragment().is_err() {
        "Closed"
    } else if opening.is_some_and(|opening| opening.status() == AsyncStatus::Started) {
        "Opening"
    } else if !information.remote_port().is_empty() {
        "Connected"
    } else if !information.local_port().is_empty() {
        "Bound"
    } else {
        "Created"
    }
}

/// Returns whether a bound socket is bound to an adapter: then it accepts no local address, not even
/// its own.
fn is_on_adapter(socket: &DatagramSocket) -> bool {
    let local = socket.information().local_address();
    let pair = EndpointPair::new(local, "", host("127.0.0.1"), "9").unwrap();
    let stream = socket.output_stream_to_pair(&pair);
    stream.refusal().map(|error| error.code()) == Some(hresult::E_INVALIDARG)
}

/// Returns the cell for the result of a call.
fn at_once<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(error) => refused(&error),
    }
}

fn read(address: Option<HostName>, port: &str) -> String {
    match (address, port) {
        (Some(_), port) if port.parse::<u16>().is_ok() => "ok".into(),
        (None, "") => "null".into(),
        (address, port) => format!("{address:?} and {port:?}"),
    }
}

/// Returns the cell for an operation. What is refused is so by the call itself.
fn ends<T, P>(operation: &Operation<T, P>) -> String
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
{
    if let Some(error) = operation.refusal() {
        return refused(&error);
    }
    match operation.status() {
        AsyncStatus::Started => "waits".into(),
        AsyncStatus::Completed => "ok".into(),
        _ => format!("{:?}", operation.error()),
    }
}

fn refused(error: &Error) -> String {
    let cell = match error.code() {
        hresult::E_ILLEGAL_METHOD_CALL => "IMC",
        hresult::E_INVALIDARG => "INVAL",
        hresult::RO_E_CLOSED => "CLOSED",
        hresult::E_NOTIMPL => "NOTIMPL",
        _ => return format!("{error:?}"),
    };
    cell.into()
}

/// GEN-01, BND-14, CON-05, CON-11, CTL-09, CTL-13, CLS-01, CLS-03, INF-01, MCG-01, MSG-01, MSG-03,
/// OUT-07, OUT-08, OUT-10: every cell of the table.
#[test]
fn sockets_follow_the_table() {
    let world = World::new();
    let table = Table::read();
    let mut wrong = Vec::new();
    for (operation, cells) in &table.rows {
        for (before, expected) in table.states.iter().zip(cells) {
            let case = Case::new(&world, before, operation);
            let cell = case.perform(operation);
            let after = state(&case.socket, case.opening.as_ref());
            let (expected_cell, expected_after) = match expected.strip_prefix("->") {
                Some(after) => ("ok", after),
                None => (&**expected, &**before),
            };
            let shown = expected_after.replace("BoundAdapter", "Bound");
            let is_wrong = cell != expected_cell
                || (cell != "waits" && after != shown)
                || (after == "Bound"
                    && is_on_adapter(&case.socket) != (expected_after == "BoundAdapter"));
            if is_wrong {
                wrong.push(format!(
                    "{operation} in {before}: {cell}, and then {after}; expected {expected}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
