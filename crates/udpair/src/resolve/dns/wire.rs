//! DNS messages (RFC 1035, section 4). This is the only module that uses the DNS library.
//!
//! Pure: bytes in, records out. Names are returned in lower-case A-labels without a trailing dot;
//! the root is empty.

use std::net::IpAddr;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query as QuestionSection};
use hickory_proto::rr::{DNSClass, Name, RData, Record as WireRecord, RecordType as WireType};

use super::labels;
use crate::resolve::srv::SrvRecord;
use crate::resolve::step::{RecordType, ResponseCode};

/// A query, ready to be sent to a server.
#[derive(Debug)]
pub(super) struct Query {
    id: u16,
    name: Name,
    record_type: WireType,
    bytes: Vec<u8>,
}

/// A parsed message.
#[derive(Debug)]
pub(super) enum Parsed {
    /// Not a response to this query. The right one may still arrive.
    Foreign,
    /// The response did not fit; the query must be repeated over TCP.
    Truncated,
    /// A malformed response, with the reason.
    Malformed(String),
    /// A response to this query.
    Response(Response),
}

/// A response of a name server.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) code: ResponseCode,
    /// The answer section.
    pub(crate) records: Vec<Record>,
    /// The additional section.
    pub(crate) additional: Vec<Record>,
    /// How long the server says that there are no more records, in seconds; `None` if it sent no
    /// SOA record (RFC 2308, section 5).
    pub(crate) negative_ttl: Option<u32>,
}

/// A record of a type that this crate queries, or an alias that leads to it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) owner: String,
    pub(crate) ttl: u32,
    pub(crate) data: RecordData,
}

/// The data of a record.
#[derive(Clone, Debug)]
pub(crate) enum RecordData {
    Address(IpAddr),
    Alias(String),
    Srv(SrvRecord),
}

impl Query {
    /// Builds the query for the records of `record_type` at `name`; `None` if DNS cannot represent
    /// the name.
    ///
    /// With `extended`, the query accepts responses of up to 1232 bytes (RFC 6891), which pass
    /// every path without fragmentation.
    pub(super) fn new(
        name: &str,
        record_type: RecordType,
        id: u16,
        extended: bool,
    ) -> Option<Self> {
        let labels = labels::parse(name)?;
        let name = Name::from_labels(labels.iter().map(|label| &**label)).ok()?;
        let record_type = match record_type {
            RecordType::A => WireType::A,
            RecordType::Aaaa => WireType::AAAA,
            RecordType::Srv => WireType::SRV,
        };
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(QuestionSection::query(name.clone(), record_type));
        if extended {
            let mut edns = Edns::new();
            edns.set_max_payload(RESPONSE_BYTES_MAX);
            message.set_edns(edns);
        }
        Some(Self {
            id,
            name,
            record_type,
            bytes: message.to_vec().ok()?,
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Parses a message that came from the server over UDP, or over TCP, which never truncates.
    pub(super) fn read(&self, bytes: &[u8]) -> Parsed {
        let Some((id, rest)) = bytes.split_first_chunk() else {
            return Parsed::Foreign;
        };
        let flags = rest.first().copied().unwrap_or_default();
        if u16::from_be_bytes(*id) != self.id || flags & IS_RESPONSE == 0 {
            return Parsed::Foreign;
        }
        let message = match Message::from_vec(bytes) {
            Ok(message) => message,
            // A truncated response may end anywhere.
            Err(_) if flags & IS_TRUNCATED != 0 => return Parsed::Truncated,
            Err(error) => return Parsed::Malformed(error.to_string()),
        };
        // Servers that cannot parse a query may leave its question out of the response.
        let matches_query = |question: &QuestionSection| {
            question.name().eq_ignore_root(&self.name)
                && question.query_type() == self.record_type
                && question.query_class() == DNSClass::IN
        };
        let code = ResponseCode(message.metadata.response_code.into());
        let questions = &message.queries;
        let is_for_query = match questions.as_slice() {
            [] => code != ResponseCode::NO_ERROR && code != ResponseCode::NAME_ERROR,
            [question] => matches_query(question),
            _ => false,
        };
        if !is_for_query {
            return Parsed::Foreign;
        }
        if message.metadata.truncation {
            return Parsed::Truncated;
        }
        Parsed::Response(Response {
            code,
            negative_ttl: message.authorities.iter().find_map(negative_ttl),
            records: records(message.answers),
            additional: records(message.additionals),
        })
    }
}

fn records(records: Vec<WireRecord>) -> Vec<Record> {
    records.into_iter().filter_map(record).collect()
}

fn record(record: WireRecord) -> Option<Record> {
    if record.dns_class != DNSClass::IN {
        return None;
    }
    let ttl = valid_ttl(record.ttl);
    let data = match record.data {
        RData::A(address) => RecordData::Address(address.0.into()),
        RData::AAAA(address) => RecordData::Address(address.0.into()),
        RData::CNAME(name) => RecordData::Alias(text(&name.0)),
        RData::SRV(srv) => RecordData::Srv(SrvRecord {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: text(&srv.target),
            ttl,
        }),
        _ => return None,
    };
    Some(Record {
        owner: text(&record.name),
        ttl,
        data,
    })
}

fn negative_ttl(record: &WireRecord) -> Option<u32> {
    match &record.data {
        RData::SOA(soa) => Some(valid_ttl(record.ttl).min(valid_ttl(soa.minimum))),
        _ => None,
    }
}

/// Returns `ttl`, or 0 if its top bit is set (RFC 2181, section 8).
fn valid_ttl(ttl: u32) -> u32 {
    if ttl > TTL_MAX { 0 } else { ttl }
}

fn text(name: &Name) -> String {
    let mut text = labels::to_text(name.iter());
    text.make_ascii_lowercase();
    text
}

/// The size that passes every path without fragmentation (the DNS flag day of 2020).
const RESPONSE_BYTES_MAX: u16 = 1232;

/// RFC 1035, section 4.1.1: QR, the first bit of the flags.
const IS_RESPONSE: u8 = 0b1000_0000;

/// RFC 1035, section 4.1.1: TC.
const IS_TRUNCATED: u8 = 0b0000_0010;

/// RFC 2181, section 8.
const TTL_MAX: u32 = i32::MAX.cast_unsigned();

#[cfg(test)]
mod tests {
    use hickory_proto::op::ResponseCode as WireCode;
    use hickory_proto::rr::rdata::{A, SOA, SRV};

    use super::*;

    fn query() -> Query {
        Query::new("example.test", RecordType::A, 4711, true).unwrap()
    }

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    /// Parses a response to [`query`] that was modified by `change`.
    fn response(change: impl FnOnce(&mut Message)) -> Parsed {
        let mut message = Message::response(4711, OpCode::Query);
        message.add_query(QuestionSection::query(name("Example.TEST."), WireType::A));
        change(&mut message);
        query().read(&message.to_vec().unwrap())
    }

    #[test]
    fn a_query_is_absolute_and_accepts_long_responses() {
        let message = Message::from_vec(query().bytes()).unwrap();
        assert_eq!(message.queries[0].name(), &name("example.test."));
        assert!(message.metadata.recursion_desired);
        assert_eq!(message.max_payload(), 1232);
        let plain = Query::new("example.test", RecordType::A, 4711, false).unwrap();
        assert!(Message::from_vec(plain.bytes()).unwrap().edns.is_none());
    }

    #[test]
    fn there_is_no_query_for_a_name_that_does_not_fit() {
        let label = "a".repeat(63);
        let long = [&label as &str; 4].join(".");
        assert!(Query::new(&long, RecordType::Srv, 0, true).is_none());
    }

    #[test]
    fn only_the_response_to_this_query_is_accepted() {
        assert!(matches!(response(|_| ()), Parsed::Response(_)));
        for (what, change) in [
            ("wrong id", (|m| m.metadata.id = 4712) as fn(&mut Message)),
            ("a query", |m| m.metadata.message_type = MessageType::Query),
            ("another name", |m| {
                m.queries[0] = QuestionSection::query(name("x."), WireType::A);
            }),
            ("another type", |m| {
                m.queries[0].set_query_type(WireType::AAAA);
            }),
            ("another class", |m| {
                m.queries[0].set_query_class(DNSClass::CH);
            }),
            ("no question", |m| m.queries.clear()),
            ("two questions", |m| m.queries.push(m.queries[0].clone())),
        ] {
            assert!(matches!(response(change), Parsed::Foreign), "{what}");
        }
        assert!(matches!(query().read(b""), Parsed::Foreign));
        assert!(matches!(
            query().read(&4711_u16.to_be_bytes()),
            Parsed::Foreign
        ));
        let refused_without_question = response(|message| {
            message.queries.clear();
            message.metadata.response_code = WireCode::FormErr;
        });
        assert!(matches!(refused_without_question, Parsed::Response(_)));
    }

    #[test]
    fn a_truncated_response_requires_tcp_and_a_malformed_one_is_an_error() {
        let truncated = response(|message| message.metadata.truncation = true);
        assert!(matches!(truncated, Parsed::Truncated), "{truncated:?}");

        let mut message = Message::response(4711, OpCode::Query);
        message.add_query(QuestionSection::query(name("example.test."), WireType::A));
        message.add_answer(WireRecord::from_rdata(
            name("example.test."),
            60,
            RData::A(A::new(192, 0, 2, 1)),
        ));
        let whole = message.to_vec().unwrap();
        let malformed = query().read(&whole[..whole.len() - 2]);
        assert!(matches!(malformed, Parsed::Malformed(_)), "{malformed:?}");
        message.metadata.truncation = true;
        let whole = message.to_vec().unwrap();
        let truncated = query().read(&whole[..whole.len() - 2]);
        assert!(matches!(truncated, Parsed::Truncated), "{truncated:?}");
    }

    #[test]
    fn names_in_records_are_lower_case_and_without_the_root_dot() {
        let read = response(|message| {
            let srv = SRV::new(1, 2, 3, name("Host.Example."));
            message.add_answer(WireRecord::from_rdata(name("A.Test."), 60, RData::SRV(srv)));
            let root = SRV::new(0, 0, 0, Name::root());
            let mut record = WireRecord::from_rdata(name("A.Test."), 0x8000_0000, RData::SRV(root));
            message.add_answer(record.clone());
            record.dns_class = DNSClass::CH;
            message.add_answer(record);
            let soa = SOA::new(name("a."), name("b."), 1, 2, 3, 4, 5);
            message.add_authority(WireRecord::from_rdata(name("a."), 60, RData::SOA(soa)));
        });
        let Parsed::Response(read) = read else {
            panic!("{read:?}")
        };
        assert_eq!(read.negative_ttl, Some(5), "the shorter of TTL and minimum");
        let [first, second] = read.records.as_slice() else {
            panic!("{read:?}")
        };
        assert_eq!((first.owner.as_str(), first.ttl), ("a.test", 60));
        let RecordData::Srv(srv) = &first.data else {
            panic!("{first:?}")
        };
        assert_eq!((srv.priority, srv.weight, srv.port), (1, 2, 3));
        assert_eq!(srv.target, "host.example");
        assert_eq!(second.ttl, 0, "a TTL above 2^31 - 1 counts as 0");
        let RecordData::Srv(srv) = &second.data else {
            panic!("{second:?}")
        };
        assert_eq!(srv.target, "");
    }

    /// Whatever a server changes or cuts off, parsing ends, and without a panic.
    #[test]
    fn parsing_a_modified_response_never_panics() {
        let mut message = Message::response(4711, OpCode::Query);
        message.add_query(QuestionSection::query(name("example.test."), WireType::A));
        let srv = SRV::new(1, 2, 3, name("host.example.test."));
        let soa = SOA::new(name("a."), name("b."), 1, 2, 3, 4, 5);
        for data in [
            RData::A(A::new(192, 0, 2, 1)),
            RData::SRV(srv),
            RData::SOA(soa),
        ] {
            message.add_answer(WireRecord::from_rdata(name("example.test."), 60, data));
        }
        let whole = message.to_vec().unwrap();
        for at in 0..whole.len() {
            let _ = query().read(&whole[..at]);
            for byte in [0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff] {
                let mut changed = whole.clone();
                changed[at] = byte;
                let _ = query().read(&changed);
            }
        }
    }
}
