//! The options of resolv.conf on the wire: which server receives the queries of udpair itself, over
//! which transport, and how many at once.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::lan::Why;
use super::names::{question, record, wire_name};
use super::namespace::Namespace;
use super::suite::{Suite, check, passed};

pub(crate) const SUITE: Suite = Suite {
    name: "the options of resolv.conf, on the wire",
    needs: &[("ip", "iproute2")],
    needs_root: true,
    cases: || cases().map_err(|why| why.to_string()),
};

/// The number of servers, at 127.0.0.2 and after it.
const SERVERS: u8 = 3;

/// The number of SRV records. Each target is asked for its IPv6 address.
const TARGETS: u8 = 5;

/// SRV-13: one question for the SRV records, and one for each target.
fn cases() -> Result<(), Why> {
    for (options, servers, transport) in [
        ("", 1, Transport::Udp),
        ("timeout:1 attempts:1", 1, Transport::Udp),
        ("rotate", SERVERS, Transport::Udp),
        ("use-vc", 1, Transport::Tcp),
        ("rotate use-vc", SERVERS, Transport::Tcp),
        ("single-request", 1, Transport::Udp),
        ("single-request-reopen rotate", SERVERS, Transport::Udp),
        ("single-request use-vc", 1, Transport::Tcp),
    ] {
        let mut host = Namespace::new("options")?;
        let mut configuration = format!("options {options}\n");
        for number in 0..SERVERS {
            configuration.push_str(&format!("nameserver 127.0.0.{}\n", 2 + number));
        }
        host.overlay_etc(&[
            ("services", ""),
            ("hosts", ""),
            ("resolv.conf", &configuration),
            ("nsswitch.conf", "hosts: files dns\n"),
        ])?;
        let log = Log::default();
        for number in 0..SERVERS {
            serve(&host, number, &log)?;
        }
        let run = host.udpair(&["resolve", "example.test", "many", "--json"])?;
        run.has_code(0)?;
        let found = run.events_named("endpoint-pair")?.len();
        check(found == 2 * usize::from(TARGETS), || {
            run.unlike("two addresses of each target")
        })?;

        let queries = log.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_server = BTreeMap::<_, u8>::new();
        for query in &*queries {
            *by_server.entry(query.server).or_default() += 1;
        }
        // Who begins with another server each time asks all of them equally often.
        let share = (1 + TARGETS) / servers;
        let is_shared = by_server.len() == usize::from(servers)
            && by_server.values().all(|count| *count == share);
        let is_first = servers > 1 || by_server.contains_key(&0);
        let has_transport = queries.iter().all(|query| query.transport == transport);
        let is_one_by_one =
            !options.contains("single-request") || queries.iter().all(|query| !query.has_company);
        check(
            is_shared && is_first && has_transport && is_one_by_one,
            || format!("{options}: {queries:?}"),
        )?;
        passed(
            &format!("options {options}"),
            &format!("queries by server: {by_server:?}, over {transport:?}"),
        );
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Transport {
    Udp,
    Tcp,
}

/// A query that a server has received.
#[derive(Debug)]
struct Query {
    server: u8,
    transport: Transport,
    /// Whether another query had arrived before this one was answered.
    has_company: bool,
}

type Log = Arc<Mutex<Vec<Query>>>;

/// Starts a server in a namespace. Its threads end with the process.
fn serve(host: &Namespace, server: u8, log: &Log) -> Result<(), Why> {
    let at = (Ipv4Addr::new(127, 0, 0, 2 + server), 53);
    let (udp, tcp) = host.enter(|| (UdpSocket::bind(at), TcpListener::bind(at)))?;
    let (udp, tcp) = (udp?, tcp?);
    tcp.set_nonblocking(false)?;
    let note = move |log: &Log, transport, has_company| {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(Query {
            server,
            transport,
            has_company,
        });
    };
    let kept = log.clone();
    thread::spawn(move || -> std::io::Result<()> {
        let mut buffer = [0; 2048];
        loop {
            let (length, from) = udp.recv_from(&mut buffer)?;
            let reply = reply(&buffer[..length]);
            udp.set_nonblocking(true)?;
            let has_company = udp.peek_from(&mut [0; 1]).is_ok();
            udp.set_nonblocking(false)?;
            note(&kept, Transport::Udp, has_company);
            udp.send_to(&reply, from)?;
        }
    });
    let kept = log.clone();
    thread::spawn(move || -> std::io::Result<()> {
        loop {
            let (mut stream, _) = tcp.accept()?;
            let query = read_framed(&mut stream)?;
            tcp.set_nonblocking(true)?;
            let other = tcp.accept();
            tcp.set_nonblocking(false)?;
            note(&kept, Transport::Tcp, other.is_ok());
            answer_framed(&mut stream, &query)?;
            if let Ok((mut other, _)) = other {
                other.set_nonblocking(false)?;
                let query = read_framed(&mut other)?;
                note(&kept, Transport::Tcp, true);
                answer_framed(&mut other, &query)?;
            }
        }
    });
    Ok(())
}

fn read_framed(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut query = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut query)?;
    Ok(query)
}

fn answer_framed(stream: &mut TcpStream, query: &[u8]) -> std::io::Result<()> {
    let reply = reply(query);
    let length = u16::try_from(reply.len()).unwrap_or_default();
    stream.write_all(&[&length.to_be_bytes(), reply.as_slice()].concat())
}

/// Returns the reply to a query: SRV records with the IPv4 addresses of their targets, or the IPv6
/// address of a target.
fn reply(query: &[u8]) -> Vec<u8> {
    let Some((name, kind, end)) = question(query) else {
        return Vec::new();
    };
    let (mut answers, mut additional) = (Vec::new(), Vec::new());
    for number in 0..TARGETS {
        let target = format!("h{number}.example.test");
        if kind == 33 && name == "_many._udp.example.test" {
            let mut data = vec![0, 1, 0, 0, 0, 9];
            data.extend(wire_name(&target));
            answers.push(record(&name, 33, &data));
            additional.push(record(&target, 1, &[192, 0, 2, number]));
        } else if kind == 28 && name == target {
            let mut data = [0; 16];
            data[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
            data[15] = number;
            answers.push(record(&name, 28, &data));
        }
    }
    let count = |records: &Vec<_>| u8::try_from(records.len()).unwrap_or(u8::MAX);
    let mut message = query[..2].to_vec();
    // A response of an authority, with one question.
    message.extend([0x84, 0x80, 0, 1, 0, count(&answers), 0, 0]);
    message.extend([0, count(&additional)]);
    message.extend(&query[12..end]);
    message.extend(answers.concat());
    message.extend(additional.concat());
    message
}
