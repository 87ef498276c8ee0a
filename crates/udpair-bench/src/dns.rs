//! The part of DNS that the name workload needs: queries, and responses from a table.
//!
//! The table has SRV records, and the A and AAAA records of their target. A response with SRV
//! records has the address records in its additional section, as those of real servers do
//! (RFC 1035, RFC 2782).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The host that all peers connect to.
pub const HOST: &str = "bench.test";

/// The service that all peers connect to. It is in no services file.
pub const SERVICE: &str = "bench";

/// The name of the one SRV record of that service.
pub const SRV_NAME: &str = "_bench._udp.bench.test";

/// A service with several SRV records.
pub const SERVICE_WITH_MANY_RECORDS: &str = "many";

/// The number of SRV records of [`SERVICE_WITH_MANY_RECORDS`].
const MANY_RECORDS: u16 = 8;

/// The name of those SRV records.
const SRV_NAME_WITH_MANY_RECORDS: &str = "_many._udp.bench.test";

/// The target of every SRV record.
pub const TARGET: &str = "peer.bench.test";

const PORT: u16 = 7_777;
const ADDRESSES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// Returns whether a remote address is one that the table has for the service.
pub fn is_answer(remote: SocketAddr) -> bool {
    remote.port() == PORT && ADDRESSES.contains(&remote.ip())
}

/// The supported types of records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u16)]
pub enum Type {
    /// An IPv4 address.
    A = 1,
    /// An IPv6 address.
    Aaaa = 28,
    /// A host and port that provide a service.
    Srv = 33,
}

/// Returns a query.
pub fn query(id: u16, name: &str, record: Type) -> Vec<u8> {
    let mut message = Vec::with_capacity(MESSAGE_BYTES_MAX);
    // Recursion desired; one entry in the question section.
    for word in [id, 0x0100, 1, 0, 0, 0] {
        message.extend(word.to_be_bytes());
    }
    put_name(&mut message, name);
    message.extend((record as u16).to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    message
}

/// The contents of a response.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Found {
    /// The port of the last SRV record.
    pub port: Option<u16>,
    /// The last IPv4 address; without any, the first IPv6 address.
    pub address: Option<IpAddr>,
}

/// Parses a response to the query `id`; `None` if the message is not one.
pub fn read(message: &[u8], id: u16) -> Option<Found> {
    let mut reader = Reader { message, at: 0 };
    let head: [u16; 6] = [(); 6].map(|()| reader.word().unwrap_or_default());
    let [found_id, flags, questions, answers, authorities, additional] = head;
    // A response, without an error.
    if found_id != id || flags & 0x8000 == 0 || flags & 0x000f != 0 {
        return None;
    }
    for _ in 0..questions {
        reader.skip_name()?;
        reader.take(4)?;
    }
    let mut found = Found::default();
    for _ in 0..answers + authorities + additional {
        reader.skip_name()?;
        let record = reader.word()?;
        reader.take(6)?;
        let length = reader.word()?;
        let data = reader.take(length.into())?;
        if record == Type::Srv as u16 {
            let port = data.get(4..6)?;
            found.port = Some(u16::from_be_bytes(port.try_into().ok()?));
        } else if record == Type::A as u16 {
            found.address = Some(<[u8; 4]>::try_from(data).ok()?.into());
        } else if record == Type::Aaaa as u16 {
            found
                .address
                .get_or_insert(<[u8; 16]>::try_from(data).ok()?.into());
        }
    }
    Some(found)
}

/// Returns the response to a query; `None` if the message is not a query.
pub fn respond(query: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader {
        message: query,
        at: HEADER_BYTES,
    };
    reader.skip_name()?;
    let name = &query[HEADER_BYTES..reader.at];
    let record = reader.word()?;
    reader.take(2)?;

    let mut answers = Vec::new();
    let mut additional = Vec::new();
    let is_named = |known: &str| {
        let mut encoded = Vec::new();
        put_name(&mut encoded, known);
        encoded.eq_ignore_ascii_case(name)
    };
    let is_service = is_named(SRV_NAME) || is_named(SRV_NAME_WITH_MANY_RECORDS);
    let is_known = is_service || is_named(TARGET) || is_named(HOST);
    if is_service && record == Type::Srv as u16 {
        let count = if is_named(SRV_NAME) { 1 } else { MANY_RECORDS };
        answers.extend((0..count).map(srv_record));
        additional.extend(ADDRESSES.map(address_record));
    } else if is_named(TARGET) {
        let wanted = ADDRESSES.into_iter().filter(|address| {
            let address_type = match address {
                IpAddr::V4(_) => Type::A,
                IpAddr::V6(_) => Type::Aaaa,
            };
            record == address_type as u16
        });
        answers.extend(wanted.map(address_record));
    }

    let mut message = Vec::with_capacity(MESSAGE_BYTES_MAX);
    message.extend(&query[..2]);
    // A response, authoritative, recursion desired and available; the name exists or not.
    let flags: u16 = if is_known { 0x8580 } else { 0x8583 };
    let counts = [1, answers.len() as u16, 0, additional.len() as u16];
    message.extend(flags.to_be_bytes());
    message.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    message.extend(&query[HEADER_BYTES..reader.at]);
    message.extend(answers.into_iter().chain(additional).flatten());
    Some(message)
}

/// Returns one SRV record of a service. The records of a service differ in weight and port.
fn srv_record(number: u16) -> Vec<u8> {
    let mut data = Vec::new();
    // Priority, weight, port.
    for word in [0, number, PORT + number] {
        data.extend(word.to_be_bytes());
    }
    put_name(&mut data, TARGET);
    record(QUERIED_NAME, Type::Srv, &data)
}

fn address_record(address: IpAddr) -> Vec<u8> {
    let mut owner = Vec::new();
    put_name(&mut owner, TARGET);
    match address {
        IpAddr::V4(address) => record(&owner, Type::A, &address.octets()),
        IpAddr::V6(address) => record(&owner, Type::Aaaa, &address.octets()),
    }
}

fn record(owner: &[u8], record: Type, data: &[u8]) -> Vec<u8> {
    let mut bytes = owner.to_vec();
    bytes.extend((record as u16).to_be_bytes());
    bytes.extend(CLASS_IN.to_be_bytes());
    bytes.extend(TTL.to_be_bytes());
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

fn put_name(message: &mut Vec<u8>, name: &str) {
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.push(0);
}

/// A message, and the position up to which it was read.
struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.message.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn word(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn skip_name(&mut self) -> Option<()> {
        loop {
            let length = self.take(1)?[0];
            match length {
                0 => return Some(()),
                // A pointer ends a name.
                0xc0.. => return self.take(1).map(|_| ()),
                _ => self.take(length.into())?,
            };
        }
    }
}

/// The length of the header. A shorter datagram is not a DNS message.
pub const HEADER_BYTES: usize = 12;

/// A pointer to the name in the question section (RFC 1035, section 4.1.4).
const QUERIED_NAME: &[u8] = &[0xc0, 12];
/// The longest message over UDP without EDNS.
pub const MESSAGE_BYTES_MAX: usize = 512;
const CLASS_IN: u16 = 1;
const TTL: u32 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_response_has_port_and_address() {
        let response = respond(&query(7, SRV_NAME, Type::Srv)).unwrap();
        let found = read(&response, 7).unwrap();
        assert_eq!(found.port, Some(PORT));
        assert_eq!(found.address, Some(ADDRESSES[0]));
        assert_eq!(read(&response, 8), None);
    }

    #[test]
    fn many_records_fit_into_one_message() {
        let query = query(7, SRV_NAME_WITH_MANY_RECORDS, Type::Srv);
        let response = respond(&query).unwrap();
        assert!(response.len() <= MESSAGE_BYTES_MAX, "{}", response.len());
        assert_eq!(
            read(&response, 7).unwrap().port,
            Some(PORT + MANY_RECORDS - 1)
        );
    }

    #[test]
    fn addresses_can_be_queried() {
        for (record, address) in [(Type::A, ADDRESSES[0]), (Type::Aaaa, ADDRESSES[1])] {
            let response = respond(&query(1, TARGET, record)).unwrap();
            assert_eq!(read(&response, 1).unwrap().address, Some(address));
        }
    }

    #[test]
    fn other_names_do_not_exist() {
        let response = respond(&query(1, "other.test", Type::A)).unwrap();
        assert_eq!(response[3] & 0x0f, 3);
        assert_eq!(read(&response, 1), None);
    }
}
