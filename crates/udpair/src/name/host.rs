//! `HostName`: a domain name or an address, distinguished only by its syntax.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::str::FromStr;

use udpair_io::{adapter_index, tools};

use super::bluetooth;
use super::domain::{self, Domain};
use crate::error::{Error, ErrorKind};

/// The name or address of a host.
///
/// A `HostName` is created from text by [`FromStr`] or from an address by [`From`]. Creating one
/// looks up nothing. Equality, order and hash follow [`canonical_name`](Self::canonical_name).
///
/// | text | type |
/// |---|---|
/// | `contoso.com`, `Bücher.example`, `printer`, `_sip.example.` | [`DomainName`](HostNameType::DomainName) |
/// | `192.0.2.1`: four numbers from 0 to 255 without leading zeros; `239.1.2.3%eth0` | [`Ipv4`](HostNameType::Ipv4) |
/// | `2001:db8::1`, `[2001:db8::1]`, `fe80::1%eth0`, `fe80::1%2` | [`Ipv6`](HostNameType::Ipv6) |
/// | `12:34:56:78:9A:BC`, `(12:34:56:78:9A:BC)` | [`Bluetooth`](HostNameType::Bluetooth) |
///
/// A zone that is the name of an adapter (`%eth0`) stays a name: it is equal to the same name only,
/// and stands for whichever adapter has that name when the host name is used. An IPv4 address can
/// have a zone if it is that of a multicast group: the group is meant on that adapter only.
///
/// A text that is not an address but that other resolvers might parse as a number (`256.1.1.1`,
/// `127.1`, `0x7f.1`) is rejected. So are ports, URLs, white space, and labels that violate the
/// rules of DNS (RFC 1035) or of internationalized names (UTS 46).
///
/// Without the feature `idna`, a name that is not ASCII is rejected, and A-labels (`xn--`) are kept
/// and displayed as they are written.
///
/// # Examples
///
/// ```
/// # use udpair::HostName;
/// let name: HostName = "WWW.Contoso.com.".parse()?;
/// assert_eq!(name.canonical_name(), "www.contoso.com");
/// assert_eq!(name.display_name(), "WWW.Contoso.com");
/// # #[cfg(feature = "idna")]
/// assert_eq!("Bücher.example".parse::<HostName>()?.canonical_name(), "xn--bcher-kva.example");
/// assert!("256.1.1.1".parse::<HostName>().is_err());
/// # Ok::<(), udpair::Error>(())
/// ```
///
/// # Model
///
/// `Windows.Networking.HostName` (HOST-01 to HOST-17).
#[derive(Clone)]
pub struct HostName {
    /// The text from which it was created; `None` if that equals its canonical name.
    raw: Option<Box<str>>,
    value: Value,
}

/// The type of a [`HostName`], determined by its syntax.
///
/// # Model
///
/// `Windows.Networking.HostNameType`. The numeric values are fixed (HOST-03).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum HostNameType {
    /// A domain name, or a name that only the hosts file lists.
    DomainName = 0,
    /// An IPv4 address.
    Ipv4 = 1,
    /// An IPv6 address, with or without a zone.
    Ipv6 = 2,
    /// A Bluetooth address. It is a valid host name, but every socket operation rejects it.
    Bluetooth = 3,
}

#[derive(Clone, Debug)]
enum Value {
    Domain(Domain),
    /// Only the address of a group has a zone.
    Ipv4(Ipv4Addr, Zone),
    Ipv6(Ipv6Addr, Zone),
    Bluetooth([u8; 6]),
}

/// The zone of an address (RFC 4007).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Zone {
    None,
    /// The index of an adapter.
    Index(u32),
    /// The name of an adapter. Which index it has is looked up at each use: an adapter that is
    /// removed and added again has another one.
    Name(Box<str>),
}

impl HostName {
    /// Returns the type of the name.
    pub fn kind(&self) -> HostNameType {
        match self.value {
            Value::Domain(_) => HostNameType::DomainName,
            Value::Ipv4(..) => HostNameType::Ipv4,
            Value::Ipv6(..) => HostNameType::Ipv6,
            Value::Bluetooth(_) => HostNameType::Bluetooth,
        }
    }

    /// Returns the text from which the name was created, unchanged (HOST-04).
    pub fn raw_name(&self) -> Cow<'_, str> {
        match &self.raw {
            Some(raw) => Cow::Borrowed(raw),
            None => self.canonical_name(),
        }
    }

    /// Returns the canonical form: the same text for every spelling of a name (HOST-12).
    ///
    /// - A domain name is in lower-case A-labels, without a trailing dot.
    /// - An IPv4 address is in dotted decimal, with the zone of a group.
    /// - An IPv6 address is in the form of RFC 5952, without brackets. Its zone stays what it was
    ///   written as, a number or the name of an adapter.
    pub fn canonical_name(&self) -> Cow<'_, str> {
        match &self.value {
            Value::Domain(domain) => Cow::Borrowed(&domain.canonical),
            Value::Ipv4(ip, Zone::None) => Cow::Owned(ip.to_string()),
            Value::Ipv4(ip, zone) => Cow::Owned(format!("{ip}{zone}")),
            Value::Ipv6(ip, Zone::None) => Cow::Owned(ip.to_string()),
            Value::Ipv6(ip, zone) => Cow::Owned(format!("{ip}{zone}")),
            Value::Bluetooth(octets) => Cow::Owned(bluetooth::canonical(*octets)),
        }
    }

    /// Returns the form for display: a domain name in Unicode with the case as typed, everything
    /// else as by [`canonical_name`](Self::canonical_name) (HOST-13).
    pub fn display_name(&self) -> Cow<'_, str> {
        match &self.value {
            Value::Domain(domain) => Cow::Borrowed(&domain.display),
            _ => self.canonical_name(),
        }
    }

    /// Returns the IP address; `None` for a domain name or a Bluetooth address.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.value {
            Value::Ipv4(ip, _) => Some(ip.into()),
            Value::Ipv6(ip, _) => Some(ip.into()),
            Value::Domain(_) | Value::Bluetooth(_) => None,
        }
    }

    /// Returns whether the name stands for the loopback addresses of this machine: `localhost` and
    /// every name below it (RFC 6761, section 6.3; HOST-19).
    pub fn is_localhost(&self) -> bool {
        let Value::Domain(domain) = &self.value else {
            return false;
        };
        matches!(domain.canonical.rsplit('.').next(), Some("localhost"))
    }

    /// Returns whether the name was written with a trailing dot. If so, no search list applies (RFC
    /// 1034, section 3.1; HOST-07).
    pub(crate) fn is_absolute(&self) -> bool {
        matches!(&self.value, Value::Domain(domain) if domain.is_absolute)
    }

    /// Returns the lower-case A-labels of a domain name; `None` for an address.
    pub(crate) fn domain(&self) -> Option<&str> {
        match &self.value {
            Value::Domain(domain) => Some(&domain.canonical),
            _ => None,
        }
    }

    /// Returns the socket address of an IP address with `port`; `None` for any other name.
    ///
    /// An IPv4-mapped IPv6 address becomes an IPv4 address. A zone is used only if the address
    /// needs one (HOST-10); a socket address has no place for the zone of any other group. If the zone is the name of an adapter, the system is queried for the
    /// index that the adapter has now.
    ///
    /// # Errors
    ///
    /// [`AddressNotAvailable`](ErrorKind::AddressNotAvailable): the zone is not the name of an
    /// adapter.
    pub fn socket_addr(&self, port: u16) -> Option<Result<SocketAddr, Error>> {
        self.socket_addr_by(port, &adapter_index)
    }

    /// Does what [`socket_addr`](Self::socket_addr) does, with another source of adapter indices.
    pub(crate) fn socket_addr_by(
        &self,
        port: u16,
        adapter_index: &dyn Fn(&str) -> Option<u32>,
    ) -> Option<Result<SocketAddr, Error>> {
        match &self.value {
            Value::Ipv4(ip, _) => Some(Ok(SocketAddr::new((*ip).into(), port))),
            Value::Ipv6(ip, zone) => Some(match ip.to_ipv4_mapped() {
                Some(ip) => Ok(SocketAddr::new(ip.into(), port)),
                None => self
                    .scope_id(*ip, zone, adapter_index)
                    .map(|scope_id| SocketAddrV6::new(*ip, port, 0, scope_id).into()),
            }),
            Value::Domain(_) | Value::Bluetooth(_) => None,
        }
    }

    fn scope_id(
        &self,
        ip: Ipv6Addr,
        zone: &Zone,
        adapter_index: &dyn Fn(&str) -> Option<u32>,
    ) -> Result<u32, Error> {
        if !needs_zone(ip) {
            return Ok(0);
        }
        let index = self.zone_index(ip.into(), zone, adapter_index);
        index.unwrap_or(Ok(0))
    }

    /// Returns the index of the adapter that the zone of a multicast group names, whatever the
    /// group's family and scope; `None` for a group without a zone, and for any other name.
    ///
    /// # Errors
    ///
    /// [`AddressNotAvailable`](ErrorKind::AddressNotAvailable): the zone is not the name of an
    /// adapter.
    pub(crate) fn group_zone_by(
        &self,
        adapter_index: &dyn Fn(&str) -> Option<u32>,
    ) -> Option<Result<u32, Error>> {
        let (ip, zone): (IpAddr, _) = match &self.value {
            Value::Ipv4(ip, zone) => ((*ip).into(), zone),
            Value::Ipv6(ip, zone) => ((*ip).into(), zone),
            Value::Domain(_) | Value::Bluetooth(_) => return None,
        };
        match ip.to_canonical().is_multicast() {
            true => self.zone_index(ip, zone, adapter_index),
            false => None,
        }
    }

    /// Returns the index of the adapter that a zone names; `None` if there is no zone.
    fn zone_index(
        &self,
        ip: IpAddr,
        zone: &Zone,
        adapter_index: &dyn Fn(&str) -> Option<u32>,
    ) -> Option<Result<u32, Error>> {
        match zone {
            Zone::None => None,
            Zone::Index(index) => Some(Ok(*index)),
            Zone::Name(name) => {
                let found = adapter_index(name);
                Some(found.ok_or_else(|| self.no_such_adapter(ip, name)))
            }
        }
    }

    fn no_such_adapter(&self, ip: IpAddr, name: &str) -> Error {
        let error = Error::new(
            ErrorKind::AddressNotAvailable,
            format!("cannot use {self}: there is no adapter \"{name}\""),
        );
        match name.strip_prefix(PERCENT_IN_URLS) {
            Some(zone) if !zone.is_empty() => error.with_advice(format!(
                "`%25` is for URLs: write {ip}%{zone} (`{}` lists the adapters)",
                tools().adapters
            )),
            _ => error.with_advice(format!("`{}` lists the adapters", tools().adapters)),
        }
    }

    fn parse(text: &str) -> Result<Value, &'static str> {
        if text.is_empty() {
            return Err("it is empty");
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("it contains white space or a control character");
        }
        if let Some(octets) = bluetooth::parse(text) {
            return Ok(Value::Bluetooth(octets));
        }
        if let Some(rest) = text.strip_prefix('[') {
            let Some(inner) = rest.strip_suffix(']') else {
                return Err(
                    "a [ at the start needs a ] at the end; the service is given separately",
                );
            };
            return parse_ipv6(inner).ok_or("there is no IPv6 address between the brackets");
        }
        if text.contains([':', '%']) {
            if let Some(group) = parse_ipv4_group(text) {
                return group;
            }
            return parse_ipv6(text).ok_or(
                "a colon or percent sign belongs to IPv6 addresses; the service is given \
                 separately",
            );
        }
        if let Ok(ip) = text.parse() {
            return Ok(Value::Ipv4(ip, Zone::None));
        }
        domain::parse(text).map(Value::Domain)
    }
}

/// Parses the address of an IPv4 group with a zone; `None` if there is no IPv4 address before a
/// percent sign.
fn parse_ipv4_group(text: &str) -> Option<Result<Value, &'static str>> {
    let (ip, zone) = text.split_once('%')?;
    let ip: Ipv4Addr = ip.parse().ok()?;
    if !ip.is_multicast() {
        return Some(Err(
            "of the IPv4 addresses, only those of multicast groups have a zone",
        ));
    }
    let zone = parse_zone(zone).ok_or("there is no adapter after the percent sign");
    Some(zone.map(|zone| Value::Ipv4(ip, zone)))
}

/// Parses an IPv6 address with or without a zone.
fn parse_ipv6(text: &str) -> Option<Value> {
    let (ip, zone) = match text.split_once('%') {
        Some((ip, zone)) => (ip, parse_zone(zone)?),
        None => (text, Zone::None),
    };
    Some(Value::Ipv6(ip.parse().ok()?, zone))
}

fn parse_zone(text: &str) -> Option<Zone> {
    if text.is_empty() || text.contains(['%', '/', '[', ']']) {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // RFC 4007, section 11.2: zone 0 is the default zone.
        return match text.parse().ok()? {
            0 => Some(Zone::None),
            index => Some(Zone::Index(index)),
        };
    }
    Some(Zone::Name(text.into()))
}

/// Returns whether `ip` may stand for a different host on each adapter (RFC 4007, section 4).
pub(crate) fn needs_zone(ip: Ipv6Addr) -> bool {
    let multicast_scope = ip.octets()[1] & 0xf;
    ip.is_unicast_link_local()
        || (ip.is_multicast() && matches!(multicast_scope, INTERFACE_LOCAL | LINK_LOCAL))
}

impl FromStr for HostName {
    type Err = Error;

    /// Parses `text` as a host name.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): `text` is not a host name. The message says
    /// why.
    fn from_str(text: &str) -> Result<Self, Error> {
        let value = Self::parse(text).map_err(|reason| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("host name {text:?} is not valid: {reason}"),
            )
        })?;
        let mut name = Self { raw: None, value };
        if name.canonical_name() != text {
            name.raw = Some(text.into());
        }
        Ok(name)
    }
}

impl From<IpAddr> for HostName {
    fn from(ip: IpAddr) -> Self {
        SocketAddr::new(ip, 0).into()
    }
}

/// Converts the host of a socket address, including its zone, without an allocation.
impl From<SocketAddr> for HostName {
    fn from(address: SocketAddr) -> Self {
        let value = match address {
            SocketAddr::V4(address) => Value::Ipv4(*address.ip(), Zone::None),
            SocketAddr::V6(address) => Value::Ipv6(
                *address.ip(),
                match address.scope_id() {
                    0 => Zone::None,
                    index => Zone::Index(index),
                },
            ),
        };
        Self { raw: None, value }
    }
}

/// Displays the zone as it follows an address, with its percent sign.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Index(index) => write!(f, "%{index}"),
            Self::Name(name) => write!(f, "%{name}"),
        }
    }
}

/// Displays [`display_name`](HostName::display_name).
impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.display_name())
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostName").field(&self.raw_name()).finish()
    }
}

impl PartialEq for HostName {
    fn eq(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Domain(a), Value::Domain(b)) => a.canonical == b.canonical,
            (Value::Ipv4(a, zone_a), Value::Ipv4(b, zone_b)) => a == b && zone_a == zone_b,
            (Value::Ipv6(a, zone_a), Value::Ipv6(b, zone_b)) => a == b && zone_a == zone_b,
            (Value::Bluetooth(a), Value::Bluetooth(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for HostName {}

impl Hash for HostName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical_name().hash(state);
    }
}

impl PartialOrd for HostName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HostName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical_name().cmp(&other.canonical_name())
    }
}

/// Returns the error for a Bluetooth address, to which no datagram can be sent.
pub(crate) fn bluetooth_refused(action: &str, host: &HostName) -> Error {
    Error::new(
        ErrorKind::FamilyNotSupported,
        format!("cannot {action} {host}: datagrams cannot be sent to Bluetooth addresses"),
    )
}

/// How a URL writes the percent sign before a zone, without the sign itself (RFC 6874, section 2).
const PERCENT_IN_URLS: &str = "25";

/// Multicast scopes (RFC 4291, section 2.7).
const INTERFACE_LOCAL: u8 = 1;
const LINK_LOCAL: u8 = 2;

#[cfg(test)]
mod tests {
    use super::HostNameType::*;
    use super::*;

    fn name(text: &str) -> HostName {
        text.parse()
            .unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    /// HOST-01, HOST-03, HOST-06, HOST-08, HOST-09, HOST-11
    #[test]
    fn the_type_follows_from_the_syntax() {
        for (text, kind) in [
            ("contoso.com", DomainName),
            ("contoso.com.", DomainName),
            ("printer", DomainName),
            ("my_pc", DomainName),
            ("_stun._udp.contoso.com", DomainName),
            ("a-b.c--d.e", DomainName),
            ("r3---sn-x.example", DomainName),
            ("1.2.3.example", DomainName),
            #[cfg(feature = "idna")]
            ("bücher.example", DomainName),
            ("xn--bcher-kva.example", DomainName),
            ("127.0.0.1", Ipv4),
            ("255.255.255.255", Ipv4),
            ("::1", Ipv6),
            ("[::1]", Ipv6),
            ("2001:DB8::1", Ipv6),
            ("::ffff:192.0.2.1", Ipv6),
            ("fe80::1%7", Ipv6),
            ("fe80::1%no-such-adapter", Ipv6),
            ("2001:db8::1%7", Ipv6),
            ("239.1.2.3%eth0", Ipv4),
            ("224.0.0.251%7", Ipv4),
            ("12:34:56:78:9a:BC", Bluetooth),
            ("(12:34:56:78:9A:BC)", Bluetooth),
        ] {
            assert_eq!(name(text).kind(), kind, "{text}");
        }
    }

    /// HOST-02, HOST-05, HOST-06, HOST-08, HOST-09, HOST-14
    #[test]
    fn a_text_that_is_not_a_host_name_is_an_invalid_argument() {
        let long_label = "a".repeat(64);
        let long_name = [&"a".repeat(63) as &str; 4].join(".");
        for text in [
            "",
            " ",
            "a b",
            " contoso.com",
            "contoso.com ",
            "a\tb",
            "a\0b",
            "a\u{7f}b",
            "host:1",
            "contoso.com:80",
            "127.0.0.1:80",
            "[::1]:80",
            "[::1",
            "::1]",
            "[contoso.com]",
            "http://contoso.com",
            "contoso.com/",
            "a\\b",
            "user@contoso.com",
            "a?b",
            "a#b",
            "50%",
            "%eth0",
            "fe80::1%",
            "192.0.2.1%eth0",
            "255.255.255.255%eth0",
            "239.1.2.3%",
            "239.1.2.3%eth0%1",
            "239.1.2%eth0",
            "[239.1.2.3%eth0]",
            "a..b",
            ".a",
            ".",
            "..",
            "contoso.com..",
            "-a.example",
            "a-.example",
            "a*b",
            "a,b",
            "256.1.1.1",
            "127.1",
            "127.0.0",
            "1.2.3.4.5",
            "0x7f.1",
            "1.2.3.0x4",
            "1.2.3.04",
            "1.2.3",
            "1",
            "0x",
            "1.2.3.4.",
            "１２７.0.0.1",
            #[cfg(feature = "idna")]
            "xn--a",
            #[cfg(feature = "idna")]
            "xn--zzzzzzz99999",
            "a\u{200d}b.example",
            "\u{5d0}a.example",
            "\u{378}.example",
            "1:2",
            ":::",
            "1::2::3",
            "12345::",
            "fe80::1%4294967296",
            "12:34:56:78:9A:BG",
            "(12:34:56:78:9A:BC",
            "12:34:56:78:9A:BC:DE",
            &long_label,
            &long_name,
        ] {
            let error = text.parse::<HostName>().expect_err(text);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
        let longest = format!(
            "{}.{}",
            [&"a".repeat(63) as &str; 3].join("."),
            "a".repeat(61)
        );
        assert_eq!(longest.len(), 253);
        name(&longest);
        name(&format!("{longest}."));
    }

    /// HOST-04, HOST-07, HOST-12, HOST-13
    #[test]
    fn a_name_has_a_raw_a_canonical_and_a_display_form() {
        for (raw, canonical, display) in [
            ("WWW.Contoso.com.", "www.contoso.com", "WWW.Contoso.com"),
            #[cfg(feature = "idna")]
            ("Bücher.Example.", "xn--bcher-kva.example", "Bücher.Example"),
            #[cfg(feature = "idna")]
            (
                "xn--bcher-kva.example",
                "xn--bcher-kva.example",
                "bücher.example",
            ),
            #[cfg(feature = "idna")]
            (
                "XN--BCHER-KVA.Example",
                "xn--bcher-kva.example",
                "bücher.Example",
            ),
            #[cfg(feature = "idna")]
            ("faß.example", "xn--fa-hia.example", "faß.example"),
            #[cfg(feature = "idna")]
            ("例え。テスト", "xn--r8jz45g.xn--zckzah", "例え.テスト"),
            #[cfg(feature = "idna")]
            ("例え。", "xn--r8jz45g", "例え"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
            ("[2001:DB8:0:0::1]", "2001:db8::1", "2001:db8::1"),
            ("::FFFF:192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            (
                "fe80::1%no-such-adapter",
                "fe80::1%no-such-adapter",
                "fe80::1%no-such-adapter",
            ),
            ("fe80::1%0", "fe80::1", "fe80::1"),
            ("239.1.2.3%eth0", "239.1.2.3%eth0", "239.1.2.3%eth0"),
            ("239.1.2.3%007", "239.1.2.3%7", "239.1.2.3%7"),
            (
                "(12:34:56:78:9a:bc)",
                "12:34:56:78:9A:BC",
                "12:34:56:78:9A:BC",
            ),
        ] {
            let name = name(raw);
            assert_eq!(name.raw_name(), raw);
            assert_eq!(name.canonical_name(), canonical, "{raw}");
            assert_eq!(name.display_name(), display, "{raw}");
            assert_eq!(name.to_string(), display, "{raw}");
        }
    }

    /// HOST-10, HOST-12, HOST-13, HOST-17: tested with the loopback adapter, which every machine
    /// has.
    #[test]
    fn a_zone_stays_what_it_was_written_as_until_it_is_used() {
        let adapters = udpair_io::adapters().unwrap();
        let loopback = adapters.iter().find(|adapter| adapter.is_loopback).unwrap();
        let by_name = name(&format!("fe80::1%{}", loopback.name));
        let by_index = name(&format!("fe80::1%{}", loopback.index));
        assert_eq!(by_name.to_string(), format!("fe80::1%{}", loopback.name));
        assert_eq!(by_name.canonical_name(), by_name.to_string());
        assert_ne!(by_name, by_index);
        assert_eq!(
            by_name.socket_addr(5).unwrap().unwrap(),
            by_index.socket_addr(5).unwrap().unwrap()
        );

        let error = name("fe80::1%no-such-adapter")
            .socket_addr(1)
            .unwrap()
            .unwrap_err();
        assert_eq!(
            error.status(),
            crate::SocketErrorStatus::CannotAssignRequestedAddress
        );
        let unused = name("2001:db8::1%no-such-adapter")
            .socket_addr(1)
            .unwrap()
            .unwrap();
        assert_eq!(unused, "[2001:db8::1]:1".parse().unwrap());
    }

    /// HOST-10: an adapter that was removed and added again has another index, and is still meant.
    #[test]
    fn the_index_of_a_zone_is_looked_up_at_each_use() {
        let host = name("fe80::1%eth9");
        let scope_id = |index: Option<u32>| {
            let found = host.socket_addr_by(5, &|name| index.filter(|_| name == "eth9"));
            match found.unwrap() {
                Ok(SocketAddr::V6(address)) => Ok(address.scope_id()),
                Ok(address) => panic!("{address}"),
                Err(error) => Err(error.kind()),
            }
        };
        assert_eq!(scope_id(Some(4)), Ok(4));
        assert_eq!(scope_id(None), Err(ErrorKind::AddressNotAvailable));
        assert_eq!(scope_id(Some(7)), Ok(7));
        // A number is an index, whatever the adapters are called.
        let by_index = name("fe80::1%4").socket_addr_by(5, &|_| panic!("a number is not a name"));
        assert_eq!(by_index.unwrap().unwrap(), "[fe80::1%4]:5".parse().unwrap());
    }

    /// HOST-10, MCG-02
    #[test]
    fn the_zone_of_a_group_of_any_scope_is_known() {
        for (text, expected) in [
            ("239.1.2.3%eth9", Some(Ok(4))),
            ("239.1.2.3%7", Some(Ok(7))),
            ("ff15::1%eth9", Some(Ok(4))),
            ("ff02::1%eth9", Some(Ok(4))),
            ("::ffff:239.1.2.3%eth9", Some(Ok(4))),
            ("239.1.2.3%eth8", Some(Err(ErrorKind::AddressNotAvailable))),
            ("ff15::1%eth8", Some(Err(ErrorKind::AddressNotAvailable))),
            ("239.1.2.3", None),
            ("ff15::1", None),
            ("2001:db8::1%eth9", None),
            ("contoso.com", None),
        ] {
            let zone = name(text).group_zone_by(&|name| (name == "eth9").then_some(4));
            let zone = zone.map(|zone| zone.map_err(|error| error.kind()));
            assert_eq!(zone, expected, "{text}");
        }
    }

    /// HOST-10
    #[test]
    fn a_zone_written_as_in_a_url_gets_advice() {
        for (text, advice) in [
            ("fe80::1%25eth9", "write fe80::1%eth9"),
            ("[fe80::1%25eth9]", "write fe80::1%eth9"),
            ("ff02::fb%25wlan.5", "write ff02::fb%wlan.5"),
        ] {
            let error = name(text).socket_addr(1).unwrap().unwrap_err();
            let found = error.advice().unwrap();
            assert!(
                found.contains("`%25` is for URLs") && found.contains(advice),
                "{found}"
            );
        }
        let error = name("fe80::1%2eth").socket_addr(1).unwrap().unwrap_err();
        assert!(!error.advice().unwrap().contains("URL"), "{error:?}");
    }

    /// HOST-15, HOST-17
    #[test]
    fn names_are_equal_when_their_canonical_names_are() {
        for (a, b, equal) in [
            ("WWW.Contoso.com", "www.contoso.com.", true),
            ("2001:DB8:0:0::1", "[2001:db8::1]", true),
            #[cfg(feature = "idna")]
            ("bücher.example", "XN--BCHER-KVA.example.", true),
            ("127.0.0.1", "localhost", false),
            ("fe80::1%1", "fe80::1%2", false),
            ("FE80::1%no-such", "[fe80:0::1%no-such]", true),
            ("fe80::1%no-such", "fe80::1%NO-SUCH", false),
            ("fe80::1%lo", "fe80::1%1", false),
            ("fe80::1%007", "fe80::1%7", true),
            ("239.1.2.3%0", "239.1.2.3", true),
            ("239.1.2.3%1", "239.1.2.3", false),
            ("::ffff:127.0.0.1", "127.0.0.1", false),
        ] {
            let (a, b) = (name(a), name(b));
            assert_eq!(a == b, equal, "{a} {b}");
            assert_eq!(a.cmp(&b) == Ordering::Equal, equal, "{a} {b}");
            let same_hash = std::collections::HashSet::from([a.clone()]).contains(&b);
            assert_eq!(same_hash, equal, "{a} {b}");
        }
        assert!(name("a.example") < name("B.example"));
    }

    /// HOST-19
    #[test]
    fn localhost_and_all_names_below_it_are_this_machine() {
        for (text, is_localhost) in [
            ("localhost", true),
            ("LocalHost.", true),
            ("db.localhost", true),
            ("localhost.example", false),
            ("mylocalhost", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(name(text).is_localhost(), is_localhost, "{text}");
        }
    }

    /// HOST-17, HOST-21
    #[test]
    fn an_address_survives_a_round_trip_through_a_host_name() {
        for text in ["192.0.2.1:5", "[2001:db8::1]:5", "[fe80::1%3]:5"] {
            let address: SocketAddr = text.parse().unwrap();
            let back = HostName::from(address).socket_addr(5).unwrap().unwrap();
            assert_eq!(back, address);
        }
        let mapped = name("::ffff:192.0.2.1").socket_addr(5).unwrap().unwrap();
        assert_eq!(mapped, "192.0.2.1:5".parse().unwrap());
    }
}
