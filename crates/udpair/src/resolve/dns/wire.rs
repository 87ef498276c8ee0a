//! DNS messages (RFC 1035, section 4). This is the only module that uses the DNS library.
//!
//! The library writes the queries and reads the names. It does not read whole responses, because it
//! refuses one for a single record that it cannot read. Here the answer section must be right; what
//! follows it only helps, and is used as far as it can be read.
//!
//! Pure: bytes in, records out. Names are returned in lower-case A-labels without a trailing dot;
//! the root is empty.

use std::net::IpAddr;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query as QuestionSection};
use hickory_proto::rr::{DNSClass, Name, RecordType as WireType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

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
    /// Whether the server may say that there are no records: it is an authority for the name, it
    /// queries others, or it has sent the SOA record of the zone. Any other server only refers to
    /// servers that know.
    pub(crate) may_deny: bool,
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
        let is_truncated = flags & IS_TRUNCATED != 0;
        let mut reader = Reader { bytes, at: 0 };
        let Ok(header) = reader.header() else {
            return if is_truncated {
                Parsed::Truncated
            } else {
                Parsed::Malformed("it ends within its header".into())
            };
        };
        let is_error =
            header.code != ResponseCode::NO_ERROR && header.code != ResponseCode::NAME_ERROR;
        let is_for_query = match header.questions {
            // Servers that cannot parse a query may leave its question out of the response.
            0 => Ok(is_error),
            1 => reader
                .question()
                .map(|question| self.is_question(&question)),
            _ => Ok(false),
        };
        match is_for_query {
            Ok(true) => {}
            Ok(false) => return Parsed::Foreign,
            // A truncated response may end anywhere.
            Err(_) if is_truncated => return Parsed::Truncated,
            // Some servers send only a header, which counts the question all the same.
            Err(_) if is_error => return Parsed::Response(Response::with_code(header.code)),
            Err(reason) => return Parsed::Malformed(reason),
        }
        if is_truncated {
            return Parsed::Truncated;
        }
        match self.sections(&header, reader) {
            Ok(response) => Parsed::Response(response),
            Err(_) if is_error => Parsed::Response(Response::with_code(header.code)),
            Err(reason) => Parsed::Malformed(reason),
        }
    }

    fn is_question(&self, question: &QuestionSection) -> bool {
        question.name().eq_ignore_root(&self.name)
            && question.query_type() == self.record_type
            && question.query_class() == DNSClass::IN
    }

    /// Reads the records of a response.
    ///
    /// # Errors
    ///
    /// The answer section is cut off, or a record in it that matters cannot be read.
    fn sections(&self, header: &Header, mut reader: Reader<'_>) -> Result<Response, String> {
        let mut response = Response::with_code(header.code);
        response.may_deny = header.may_deny;
        for _ in 0..header.answers {
            let entry = reader.entry()?;
            match entry.record() {
                Ok(record) => response.records.extend(record),
                Err(reason) if entry.kind == self.record_type => return Err(reason),
                Err(reason) if entry.kind == WireType::CNAME => return Err(reason),
                // A record of another type.
                Err(_) => {}
            }
        }
        // Sections whose counts are wrong run into each other, so they are read as one.
        for _ in 0..header.others {
            let Ok(entry) = reader.entry() else { break };
            match entry.kind {
                WireType::SOA => {
                    if let Some(ttl) = entry.negative_ttl() {
                        response.negative_ttl.get_or_insert(ttl);
                        response.may_deny = true;
                    }
                }
                WireType::OPT => response.code = entry.extended_code(header.code),
                _ => response.additional.extend(entry.record().ok().flatten()),
            }
        }
        Ok(response)
    }
}

impl Response {
    /// Returns a response with this code and no records.
    fn with_code(code: ResponseCode) -> Self {
        Self {
            code,
            records: Vec::new(),
            additional: Vec::new(),
            negative_ttl: None,
            may_deny: false,
        }
    }

    /// Returns the alias of `name` in the answer section; `None` if it has none.
    pub(super) fn alias_of(&self, name: &str) -> Option<&str> {
        self.records.iter().find_map(|record| match &record.data {
            RecordData::Alias(alias) if record.owner == name => Some(alias.as_str()),
            _ => None,
        })
    }

    /// Returns whether the answer section has records of this type at `owner`.
    pub(super) fn has_records(&self, owner: &str, record_type: RecordType) -> bool {
        self.records.iter().any(|record| {
            record.owner == owner
                && match (&record.data, record_type) {
                    (RecordData::Address(ip), RecordType::A) => ip.is_ipv4(),
                    (RecordData::Address(ip), RecordType::Aaaa) => ip.is_ipv6(),
                    (RecordData::Srv(_), RecordType::Srv) => true,
                    _ => false,
                }
        })
    }
}

/// The header of a response (RFC 1035, section 4.1.1).
struct Header {
    code: ResponseCode,
    may_deny: bool,
    questions: u16,
    answers: u16,
    /// The number of records after the answer section.
    others: u32,
}

/// A record whose data has not been read yet (RFC 1035, section 4.1.3).
struct Entry<'a> {
    owner: Name,
    kind: WireType,
    class: u16,
    ttl: u32,
    /// At the begin of the data. Names in the data may point to names before it.
    data: Reader<'a>,
    data_length: usize,
}

impl Entry<'_> {
    /// Returns the record; `None` if its type or class does not matter here.
    fn record(&self) -> Result<Option<Record>, String> {
        if self.class != DNSClass::IN.into() {
            return Ok(None);
        }
        let ttl = valid_ttl(self.ttl);
        let mut data = self.data;
        let parsed = match self.kind {
            WireType::A => RecordData::Address(IpAddr::from(data.array::<4>()?)),
            WireType::AAAA => RecordData::Address(IpAddr::from(data.array::<16>()?)),
            WireType::CNAME => RecordData::Alias(text(&data.name()?)),
            WireType::SRV => RecordData::Srv(SrvRecord {
                priority: data.word()?,
                weight: data.word()?,
                port: data.word()?,
                target: text(&data.name()?),
                ttl,
            }),
            _ => return Ok(None),
        };
        if data.at != self.data.at + self.data_length {
            return Err(format!("a record of type {} has a wrong length", self.kind));
        }
        Ok(Some(Record {
            owner: text(&self.owner),
            ttl,
            data: parsed,
        }))
    }

    /// Returns how long there are no records, according to this SOA record; `None` if it is
    /// malformed.
    fn negative_ttl(&self) -> Option<u32> {
        // Two names, and five numbers of which the last is the minimum.
        let minimum = self.data_length.checked_sub(4).filter(|at| *at >= 18)?;
        let mut data = self.data;
        data.at += minimum;
        let minimum = u32::from_be_bytes(data.array().ok()?);
        Some(valid_ttl(self.ttl).min(valid_ttl(minimum)))
    }

    /// Returns the response code of which `code` is the lower part and this OPT record has the
    /// upper part (RFC 6891, section 6.1.3).
    fn extended_code(&self, code: ResponseCode) -> ResponseCode {
        let [upper, ..] = self.ttl.to_be_bytes();
        ResponseCode(u16::from(upper) << 4 | code.0)
    }
}

/// A message, and the position up to which it was read.
#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn header(&mut self) -> Result<Header, String> {
        self.word()?;
        let [upper, lower] = self.array()?;
        Ok(Header {
            code: ResponseCode(u16::from(lower & CODE)),
            may_deny: upper & IS_AUTHORITATIVE != 0 || lower & OFFERS_RECURSION != 0,
            questions: self.word()?,
            answers: self.word()?,
            others: u32::from(self.word()?) + u32::from(self.word()?),
        })
    }

    fn question(&mut self) -> Result<QuestionSection, String> {
        let mut question = QuestionSection::query(self.name()?, self.word()?.into());
        question.set_query_class(self.word()?.into());
        Ok(question)
    }

    fn entry(&mut self) -> Result<Entry<'a>, String> {
        let owner = self.name()?;
        let kind = self.word()?.into();
        let class = self.word()?;
        let ttl = u32::from_be_bytes(self.array()?);
        let data_length = self.word()?.into();
        let data = *self;
        self.take(data_length)?;
        Ok(Entry {
            owner,
            kind,
            class,
            ttl,
            data,
            data_length,
        })
    }

    fn name(&mut self) -> Result<Name, String> {
        let at = u16::try_from(self.at).map_err(|_| ENDS_EARLY)?;
        let mut decoder = BinDecoder::new(self.bytes).clone(at);
        let name = Name::read(&mut decoder).map_err(|error| error.to_string())?;
        self.at = decoder.index();
        Ok(name)
    }

    fn word(&mut self) -> Result<u16, String> {
        self.array().map(u16::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| ENDS_EARLY.into())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let end = self.at + length;
        let taken = self.bytes.get(self.at..end).ok_or(ENDS_EARLY)?;
        self.at = end;
        Ok(taken)
    }
}

/// Returns `ttl`, or 0 if its top bit is set (RFC 2181, section 8).
fn valid_ttl(ttl: u32) -> u32 {
    if ttl > TTL_MAX { 0 } else { ttl }
}

fn text(name: &Name) -> String {
    let mut text = labels::to_text(name.iter(), name.len());
    text.make_ascii_lowercase();
    text
}

/// The size that passes every path without fragmentation (the DNS flag day of 2020).
const RESPONSE_BYTES_MAX: u16 = 1232;

/// RFC 1035, section 4.1.1: QR, the first bit of the flags.
const IS_RESPONSE: u8 = 0b1000_0000;

/// RFC 1035, section 4.1.1: AA.
const IS_AUTHORITATIVE: u8 = 0b0000_0100;

/// RFC 1035, section 4.1.1: TC.
const IS_TRUNCATED: u8 = 0b0000_0010;

/// RFC 1035, section 4.1.1: RA, the first bit of the second byte of the flags.
const OFFERS_RECURSION: u8 = 0b1000_0000;

/// RFC 1035, section 4.1.1: RCODE, in the second byte of the flags.
const CODE: u8 = 0b0000_1111;

const ENDS_EARLY: &str = "it ends within a record";

/// RFC 2181, section 8.
const TTL_MAX: u32 = i32::MAX.cast_unsigned();

#[cfg(test)]
mod tests {
    use hickory_proto::op::ResponseCode as WireCode;
    use hickory_proto::rr::rdata::{A, SOA, SRV};
    use hickory_proto::rr::{RData, Record as WireRecord};

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
