//! A socket that is bound to one of two adapters: where its datagrams go, which datagrams it
//! receives, and which name servers it queries.

use std::io::{self, Read, Write};
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::daemon::{Daemon, Folder};
use super::namespace::{Namespace, cable};
use super::suite::{Suite, check, passed};
use super::udpair::{Udpair, program};

pub(crate) const SUITE: Suite = Suite {
    name: "sockets bound to a device, between two networks with the same addresses",
    needs: &[("ip", "iproute2"), ("sysctl", "procps")],
    needs_root: true,
    cases,
};

/// A host with a network on each side. Both networks have a host and a name server at the same
/// addresses. The preferred route leads to the left.
struct Sides {
    host: Namespace,
    left: Namespace,
    right: Namespace,
    left_server: NameServer,
    right_server: NameServer,
    /// The name servers on the host itself, with their addresses.
    own_servers: Vec<(Ipv4Addr, NameServer)>,
    /// An empty services file.
    services: String,
    _folder: Folder,
}

/// A case. It returns what it saw, or why it failed.
type Case = fn(&Sides) -> Result<String, String>;

/// An address that both sides have.
const BOTH: Ipv4Addr = Ipv4Addr::new(10, 78, 9, 9);
const HOST_LEFT: Ipv4Addr = Ipv4Addr::new(10, 78, 1, 1);
const HOST_RIGHT: Ipv4Addr = Ipv4Addr::new(10, 78, 2, 1);
const RIGHT: Ipv4Addr = Ipv4Addr::new(10, 78, 2, 2);
const DNS_PORT: u16 = 5353;
const ECHO_PORT: u16 = 5001;

fn cases() -> Result<(), String> {
    let sides = Sides::build()?;
    let cases: &[(&str, Case)] = &[
        ("datagrams that are sent", sent),
        ("datagrams that are received", received),
        ("names over UDP", names_over_udp),
        ("names over TCP", names_over_tcp),
        ("name servers on this machine", own_name_servers),
    ];
    for (name, case) in cases {
        let seen = case(&sides).map_err(|why| format!("{name}: {why}"))?;
        passed(name, &seen);
    }
    Ok(())
}

impl Sides {
    fn build() -> Result<Self, String> {
        let folder = Folder::new("device")?;
        let host = Namespace::new("host")?;
        let (left, right) = (Namespace::new("left")?, Namespace::new("right")?);
        cable(
            (&host, "left", &["10.78.1.1/24"]),
            (&left, "host", &["10.78.1.2/24"]),
        )?;
        cable(
            (&host, "right", &["10.78.2.1/24"]),
            (&right, "host", &["10.78.2.2/24"]),
        )?;
        for (side, gateway, metric) in [(&left, "10.78.1.2", "10"), (&right, "10.78.2.2", "20")] {
            side.ip(&["address", "add", "10.78.9.9/32", "dev", "lo"])?;
            host.ip(&[
                "route",
                "add",
                "10.78.9.9",
                "via",
                gateway,
                "metric",
                metric,
            ])?;
        }
        // Datagrams from the address that both sides have may arrive from either side.
        for name in ["all", "left", "right"] {
            let setting = format!("net.ipv4.conf.{name}.rp_filter=0");
            host.run("sysctl", &["-q", "-w", &setting])?;
        }
        // The host also answers on the left for its right address, unless the socket is bound to a
        // device.
        left.ip(&["route", "add", "10.78.2.1", "via", "10.78.1.1"])?;
        let mut own_servers = Vec::new();
        for address in [Ipv4Addr::LOCALHOST, HOST_LEFT, HOST_RIGHT] {
            own_servers.push((address, NameServer::start(&host, address)?));
        }
        Ok(Self {
            left_server: NameServer::start(&left, BOTH)?,
            right_server: NameServer::start(&right, BOTH)?,
            own_servers,
            host,
            left,
            right,
            services: folder.write("services", "")?,
            _folder: folder,
        })
    }

    /// Sends a request from the host to the service `echo` of `name`, which `server` resolves.
    fn ask(&self, name: &str, server: Ipv4Addr, adapter: &[&str]) -> Result<Udpair, String> {
        let server = format!("{server}:{DNS_PORT}");
        let arguments = [
            "ask",
            name,
            "echo",
            "hello",
            "--json",
            "--dns",
            &server,
            "--services",
        ];
        self.host
            .udpair(&[&arguments as &[_], &[self.services.as_str()], adapter].concat())
    }
}

/// BND-05, BND-06: datagrams leave through the socket's adapter, independent of the routes.
fn sent(sides: &Sides) -> Result<String, String> {
    let _echo = sides.right.echo(&format!("{BOTH}:{ECHO_PORT}"))?;
    let (both, port) = (BOTH.to_string(), ECHO_PORT.to_string());
    let ask = |options: &[&str]| {
        let arguments = ["ask", &both, &port, "hello", "--retries", "0"];
        sides.host.udpair(&[&arguments as &[_], options].concat())
    };
    // The left side has no echo.
    ask(&[])?.has_code(6)?;
    let run = ask(&["--adapter", "right"])?;
    run.has_code(0)?;
    check(run.stdout == "hello\n", || run.unlike("the echo"))?;
    Ok(format!("{BOTH} answered on the right"))
}

/// BND-05, BND-06: datagrams that arrive on another adapter do not reach the socket.
fn received(sides: &Sides) -> Result<String, String> {
    let mut command = sides.host.command(&program().display().to_string());
    let local = format!(":{ECHO_PORT}");
    command.args(["listen", &local, "--adapter", "right", "--echo", "--json"]);
    let _echo = Daemon::start("echo", &mut command, "\"listening\"")?;
    let (host, port) = (HOST_RIGHT.to_string(), ECHO_PORT.to_string());
    let arguments = ["ask", &host, &port, "hello", "--retries", "0"];
    // The same address and port, but to the left the port is closed.
    sides.left.udpair(&arguments)?.has_code(6)?;
    let run = sides.right.udpair(&arguments)?;
    run.has_code(0)?;
    Ok(format!("{HOST_RIGHT} answered only on the right"))
}

/// SRV-15
fn names_over_udp(sides: &Sides) -> Result<String, String> {
    names(sides, "short.test", &["SRV"])
}

/// SRV-15, SRV-13: a truncated answer is queried again over TCP, through the same adapter.
fn names_over_tcp(sides: &Sides) -> Result<String, String> {
    names(sides, "long.test", &["SRV", "SRV over TCP"])
}

fn names(sides: &Sides, name: &str, queries: &[&str]) -> Result<String, String> {
    let _echo = sides.right.echo(&format!(":{ECHO_PORT}"))?;
    let (left, right) = (&sides.left_server, &sides.right_server);
    sides
        .ask(name, BOTH, &["--adapter", "right"])?
        .has_code(0)?;
    let (left_queries, right_queries) = (left.take_queries(), right.take_queries());
    check(left_queries.is_empty() && right_queries == queries, || {
        format!("left: {left_queries:?}, right: {right_queries:?}")
    })?;
    // The fence: without an adapter, the same queries go to the left.
    sides.ask(name, BOTH, &[])?.has_code(0)?;
    let left_queries = left.take_queries();
    check(left_queries == queries, || {
        format!("left: {left_queries:?}")
    })?;
    Ok(format!("{} only on the right", queries.join(", ")))
}

/// SRV-15: a name server on this machine is not reached through an adapter.
fn own_name_servers(sides: &Sides) -> Result<String, String> {
    let _echo = sides.right.echo(&format!(":{ECHO_PORT}"))?;
    for (address, server) in &sides.own_servers {
        for name in ["short.test", "long.test"] {
            sides
                .ask(name, *address, &["--adapter", "right"])?
                .has_code(0)?;
        }
        let queries = server.take_queries();
        check(queries == ["SRV", "SRV", "SRV over TCP"], || {
            format!("{address}: {queries:?}")
        })?;
    }
    Ok("the name servers on loopback and on local addresses answered".into())
}

/// A name server with one service and a log of its queries. Over UDP, its answer for a `long` name
/// is truncated, so that the query is repeated over TCP. It ends with the process.
struct NameServer(Arc<Mutex<Vec<String>>>);

impl NameServer {
    fn start(namespace: &Namespace, address: Ipv4Addr) -> Result<Self, String> {
        let address = SocketAddrV4::new(address, DNS_PORT);
        let sockets = || Ok((UdpSocket::bind(address)?, TcpListener::bind(address)?));
        let sockets: io::Result<(UdpSocket, TcpListener)> = namespace.enter(sockets)?;
        let (udp, tcp) = sockets.map_err(|error| format!("cannot bind {address}: {error}"))?;
        let server = Self(Arc::default());
        let (over_udp, over_tcp) = (server.0.clone(), server.0.clone());
        thread::spawn(move || serve_udp(&udp, &over_udp));
        thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let _ = serve_tcp(stream, &over_tcp);
            }
        });
        Ok(server)
    }

    /// Returns the queries since the last call.
    fn take_queries(&self) -> Vec<String> {
        mem::take(&mut *locked(&self.0))
    }
}

type Log = Mutex<Vec<String>>;

fn locked(log: &Log) -> MutexGuard<'_, Vec<String>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve_udp(socket: &UdpSocket, log: &Log) {
    let mut buffer = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        locked(log).push("SRV".to_owned());
        let query = &buffer[..length];
        let is_long = query.windows(4).any(|part| part == b"long");
        let _ = socket.send_to(&respond(query, is_long), from);
    }
}

fn serve_tcp(mut stream: TcpStream, log: &Log) -> io::Result<()> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut query = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut query)?;
    locked(log).push("SRV over TCP".to_owned());
    let response = respond(&query, false);
    let length = u16::try_from(response.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), &response[..]].concat())
}

/// Returns the response to a query for SRV records (RFC 1035, section 4): the echo on the right, or
/// no record if the response is truncated.
fn respond(query: &[u8], is_truncated: bool) -> Vec<u8> {
    const HEADER_BYTES: usize = 12;
    const TARGET: &[u8] = b"\x04host\x04test\x00";
    // The name ends with an empty label; type and class follow.
    let name = query.iter().skip(HEADER_BYTES).position(|byte| *byte == 0);
    let end = HEADER_BYTES + name.unwrap_or(0) + 5;
    let question = query.get(HEADER_BYTES..end).unwrap_or_default();
    // A response, with recursion; truncated or not. Then the number of records of each section.
    let (flags, records): (u16, u16) = if is_truncated {
        (0x8780, 0)
    } else {
        (0x8580, 1)
    };
    let mut message = query[..2].to_vec();
    for number in [flags, 1, records, 0, records] {
        message.extend(number.to_be_bytes());
    }
    message.extend(question);
    if is_truncated {
        return message;
    }
    let port = ECHO_PORT.to_be_bytes();
    let service = [&[0, 0, 0, 0], &port[..], TARGET].concat();
    // The owner is the name in the question.
    for (owner, kind, data) in [
        (&[0xc0, 12][..], 33, &service[..]),
        (TARGET, 1, &RIGHT.octets()[..]),
    ] {
        message.extend(owner);
        // Type, class IN, a minute to live, and the length of the data, which is below 256.
        message.extend([0, kind, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        message.extend(data);
    }
    message
}
