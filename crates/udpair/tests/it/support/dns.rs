//! A name server whose replies the test chooses, including wrong ones.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use udpair::{Resolver, ResolverBuilder};

/// One reply of the server to a query.
pub(crate) enum Reply {
    /// This message.
    Answer(Message),
    /// These bytes.
    Bytes(Vec<u8>),
    /// This message, sent from another port.
    FromOtherPort(Message),
}

/// A query that the server received.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LoggedQuery {
    pub(crate) name: String,
    pub(crate) record_type: String,
    pub(crate) over_tcp: bool,
}

/// A server on loopback, over UDP and TCP.
pub(crate) struct DnsServer {
    address: SocketAddr,
    log: Arc<Mutex<Vec<LoggedQuery>>>,
}

impl DnsServer {
    /// Starts a server that answers from a zone.
    pub(crate) fn with_zone(zone: Zone) -> Self {
        Self::new(move |query, _| vec![Reply::Answer(zone.answer(query))])
    }

    /// Starts a server that sends the replies of `script`. Its flag is true for a query over TCP.
    pub(crate) fn new(
        script: impl Fn(&Message, bool) -> Vec<Reply> + Send + Sync + 'static,
    ) -> Self {
        let (udp, tcp) = sockets();
        let address = udp.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(script);
        // The threads end with the process. After the test they receive no more queries.
        let (udp_log, udp_script) = (log.clone(), script.clone());
        thread::spawn(move || serve_udp(&udp, &udp_log, &*udp_script));
        let tcp_log = log.clone();
        thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let _ = serve_tcp(stream, &tcp_log, &*script);
            }
        });
        Self { address, log }
    }

    /// Starts a server that never replies.
    pub(crate) fn silent() -> Self {
        Self::new(|_, _| Vec::new())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a resolver that queries this server, and whose services list is empty.
    pub(crate) fn resolver(&self) -> Resolver {
        self.resolver_builder().build()
    }

    pub(crate) fn resolver_builder(&self) -> ResolverBuilder {
        Resolver::builder()
            .dns_servers([self.address])
            // The services file of the machine may list `stun`.
            .services_text("")
            .timeout(super::TIMEOUT)
    }

    /// Returns the queries so far as "name TYPE", with " tcp" appended to those over TCP.
    pub(crate) fn queries(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter()
            .map(|query| {
                let suffix = if query.over_tcp { " tcp" } else { "" };
                format!("{} {}{suffix}", query.name, query.record_type)
            })
            .collect()
    }
}

/// A UDP socket and a TCP listener on one port.
fn sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..16 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

type Log = Mutex<Vec<LoggedQuery>>;
type Script = dyn Fn(&Message, bool) -> Vec<Reply> + Send + Sync;

/// Logs a query, and returns the replies to it.
fn replies(bytes: &[u8], over_tcp: bool, log: &Log, script: &Script) -> Vec<Reply> {
    let query = Message::from_vec(bytes).expect("a valid query");
    let [question] = query.queries.as_slice() else {
        panic!("the query does not have exactly one question")
    };
    log.lock().unwrap().push(LoggedQuery {
        name: question.name().to_ascii().trim_end_matches('.').to_owned(),
        record_type: question.query_type().to_string(),
        over_tcp,
    });
    script(&query, over_tcp)
}

fn serve_udp(socket: &UdpSocket, log: &Log, script: &Script) {
    let mut buffer = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        for reply in replies(&buffer[..length], false, log, script) {
            let _ = match reply {
                Reply::Answer(message) => socket.send_to(&message.to_vec().unwrap(), from),
                Reply::Bytes(bytes) => socket.send_to(&bytes, from),
                Reply::FromOtherPort(message) => UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
                    .and_then(|other| other.send_to(&message.to_vec().unwrap(), from)),
            };
        }
    }
}

fn serve_tcp(mut stream: TcpStream, log: &Log, script: &Script) -> std::io::Result<()> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut query = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut query)?;
    for reply in replies(&query, true, log, script) {
        let bytes = match reply {
            Reply::Answer(message) | Reply::FromOtherPort(message) => message.to_vec().unwrap(),
            Reply::Bytes(bytes) => bytes,
        };
        let length = u16::try_from(bytes.len()).unwrap();
        stream.write_all(&length.to_be_bytes())?;
        stream.write_all(&bytes)?;
    }
    Ok(())
}

/// DNS records, and the options for serving them.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    records: Vec<Record>,
    sends_additional: bool,
    follows_aliases: bool,
}

impl Zone {
    /// Parses lines of "owner TYPE data". The TTL is 60 seconds.
    ///
    /// Answers include the addresses of SRV targets in the additional section, and aliases are
    /// followed, as servers usually do.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            records: text
                .lines()
                .map(str::trim)
                .filter(|l| !l.is_empty())
                .map(record)
                .collect(),
            sends_additional: true,
            follows_aliases: true,
        }
    }

    /// Returns this zone with further records.
    pub(crate) fn with(mut self, text: &str) -> Self {
        self.records.extend(Self::new(text).records);
        self
    }

    /// Returns this zone, served without addresses of SRV targets.
    pub(crate) fn without_additional(mut self) -> Self {
        self.sends_additional = false;
        self
    }

    /// Returns this zone, served without following aliases.
    pub(crate) fn without_following(mut self) -> Self {
        self.follows_aliases = false;
        self
    }

    /// Returns the answer to a query.
    pub(crate) fn answer(&self, query: &Message) -> Message {
        let mut answer = answer_to(query);
        let question = &query.queries[0];
        let mut owner = question.name().clone();
        for _ in 0..20 {
            let records = self.at(&owner, question.query_type());
            if !records.is_empty() {
                answer.add_answers(records);
                break;
            }
            let Some(alias) = self.at(&owner, RecordType::CNAME).into_iter().next() else {
                break;
            };
            let RData::CNAME(target) = &alias.data else {
                unreachable!()
            };
            let target = target.0.clone();
            answer.add_answer(alias);
            if !self.follows_aliases {
                break;
            }
            owner = target;
        }
        if answer.answers.is_empty() {
            let soa = SOA::new(name("ns.test"), name("host.test"), 1, 2, 3, 4, 30);
            answer.add_authority(Record::from_rdata(name("test"), 30, RData::SOA(soa)));
            let exists = self
                .records
                .iter()
                .any(|record| question.name().zone_of(&record.name));
            if !exists {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
        }
        if self.sends_additional {
            let targets = answer
                .answers
                .iter()
                .filter_map(|record| match &record.data {
                    RData::SRV(srv) => Some(srv.target.clone()),
                    _ => None,
                });
            for target in targets.collect::<Vec<_>>() {
                answer.add_additionals(self.at(&target, RecordType::A));
                answer.add_additionals(self.at(&target, RecordType::AAAA));
                answer.add_additionals(self.at(&target, RecordType::CNAME));
            }
        }
        answer
    }

    fn at(&self, owner: &Name, record_type: RecordType) -> Vec<Record> {
        let mut records = self.records.clone();
        records.retain(|record| record.name == *owner && record.record_type() == record_type);
        records
    }
}

/// Returns an empty answer to a query, from a server that queries others.
pub(crate) fn answer_to(query: &Message) -> Message {
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.add_query(query.queries[0].clone());
    answer.metadata.recursion_available = true;
    answer
}

/// Returns an answer with this response code and no records.
pub(crate) fn refusal(query: &Message, code: ResponseCode) -> Message {
    let mut answer = answer_to(query);
    answer.metadata.response_code = code;
    answer
}

/// Parses one line of a zone.
pub(crate) fn record(line: &str) -> Record {
    let words: Vec<_> = line.split_whitespace().collect();
    let data = match words[1..] {
        ["A", address] => RData::A(A(address.parse().unwrap())),
        ["AAAA", address] => RData::AAAA(AAAA(address.parse().unwrap())),
        ["CNAME", target] => RData::CNAME(CNAME(name(target))),
        ["SRV", priority, weight, port, target] => RData::SRV(SRV::new(
            priority.parse().unwrap(),
            weight.parse().unwrap(),
            port.parse().unwrap(),
            name(target),
        )),
        _ => panic!("not a record: {line}"),
    };
    Record::from_rdata(name(words[0]), 60, data)
}

fn name(text: &str) -> Name {
    // A name may have characters that the library does not read in text.
    let labels = text.split('.').filter(|label| !label.is_empty());
    Name::from_labels(labels.map(str::as_bytes)).unwrap()
}
