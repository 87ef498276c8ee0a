//! The kernel's messages about links, addresses and routes (rtnetlink(7)).
//!
//! A library reads framing and attributes; this module reads the three fixed headers. Attributes
//! are read one by one and only where they are needed, so a kernel that sends more attributes, or
//! sends other information in a new format, does no harm.
//!
//! Pure: reads bytes that the kernel wrote, and writes the requests. A message with an invalid
//! length ends the list.

use std::net::IpAddr;

use netlink_packet_core::{
    DefaultNla, Emitable, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
    NLMSG_OVERRUN, NetlinkBuffer, NlasIterator,
};

use super::control::u32_at;
use crate::network::DefaultRoute;

/// A kernel table that can be listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Table {
    Links,
    Addresses,
    Routes,
}

/// Returns the request for all entries of a table.
pub(super) fn request(table: Table, sequence: u32) -> Vec<u8> {
    let (kind, header_bytes, attribute) = match table {
        // Statistics are most of what the kernel sends about a link, and are not needed.
        Table::Links => {
            let mask = RTEXT_FILTER_SKIP_STATS.to_ne_bytes().to_vec();
            let mask = DefaultNla::new(IFLA_EXT_MASK, mask);
            (RTM_GETLINK, LINK_HEADER_BYTES, Some(mask))
        }
        Table::Addresses => (RTM_GETADDR, ADDRESS_HEADER_BYTES, None),
        Table::Routes => (RTM_GETROUTE, ROUTE_HEADER_BYTES, None),
    };
    let attribute_at = NETLINK_HEADER_BYTES + header_bytes;
    let length = attribute_at + attribute.as_ref().map_or(0, Emitable::buffer_len);
    let mut bytes = vec![0; length];
    let mut message = NetlinkBuffer::new(&mut bytes);
    message.set_length(u32::try_from(length).expect("three headers"));
    message.set_message_type(kind);
    message.set_flags(NLM_F_REQUEST | NLM_F_DUMP);
    message.set_sequence_number(sequence);
    if let Some(attribute) = attribute {
        attribute.emit(&mut bytes[attribute_at..]);
    }
    bytes
}

/// Returns the request for the route to an address.
pub(super) fn route_request(ip: IpAddr, sequence: u32) -> Vec<u8> {
    let (family, bits, octets) = match ip {
        IpAddr::V4(ip) => (AF_INET, 32, ip.octets().to_vec()),
        IpAddr::V6(ip) => (AF_INET6, 128, ip.octets().to_vec()),
    };
    let destination = DefaultNla::new(RTA_DST, octets);
    let attribute_at = NETLINK_HEADER_BYTES + ROUTE_HEADER_BYTES;
    let length = attribute_at + destination.buffer_len();
    let mut bytes = vec![0; length];
    let mut message = NetlinkBuffer::new(&mut bytes);
    message.set_length(u32::try_from(length).expect("two headers and an address"));
    message.set_message_type(RTM_GETROUTE);
    message.set_flags(NLM_F_REQUEST);
    message.set_sequence_number(sequence);
    bytes[NETLINK_HEADER_BYTES..][..2].copy_from_slice(&[family, bits]);
    destination.emit(&mut bytes[attribute_at..]);
    bytes
}

/// One message from the kernel.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Message {
    /// The number of the request that it answers; 0 for a notification.
    pub(super) sequence: u32,
    /// Whether the table changed while it was listed, so that entries may be missing.
    pub(super) is_interrupted: bool,
    pub(super) content: Content,
}

/// The content of a message.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Content {
    Link(Link),
    /// The index of a removed link, or of a link that is a port of a bridge.
    LinkRemoved(u32),
    Address(LinkAddress),
    /// The index of the link that lost an address.
    AddressRemoved(u32),
    /// Default routes of the main table; several if one route has several next hops.
    DefaultRoutes(Vec<DefaultRoute>),
    DefaultRoutesRemoved,
    /// A route to addresses of this machine.
    LocalRoute,
    /// The list is complete.
    Done,
    /// The error number of a failed request; 0 for a request that succeeded.
    Error(i32),
    Overrun,
    /// A message that is not relevant here.
    Other,
}

/// A link: the kernel's term for an adapter.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Link {
    pub(super) index: u32,
    /// `ARPHRD_…`, include/uapi/linux/if_arp.h.
    pub(super) hardware_type: u16,
    /// `IFF_…`, netdevice(7).
    pub(super) flags: u32,
    pub(super) name: String,
    pub(super) mtu: Option<u32>,
    /// The permanent hardware address, or otherwise the current one; empty if there is neither.
    pub(super) hardware_address: Vec<u8>,
    /// The kind of a link that exists only in software: `veth`, `bridge`, `wwan`
    /// (`IFLA_INFO_KIND`).
    pub(super) info_kind: Option<String>,
}

/// An address of a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct LinkAddress {
    pub(super) link: u32,
    pub(super) ip: IpAddr,
    pub(super) prefix_length: u8,
    /// The lowest eight of its flags: `IFA_F_…`, include/uapi/linux/if_addr.h.
    pub(super) flags: u32,
}

/// Returns the messages that were received in one read.
pub(super) fn messages(bytes: &[u8]) -> impl Iterator<Item = Message> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(rest).ok()?;
        let length = message.length() as usize;
        let read = Message {
            sequence: message.sequence_number(),
            is_interrupted: message.flags() & NLM_F_DUMP_INTR != 0,
            content: content(message.message_type(), &rest[NETLINK_HEADER_BYTES..length]),
        };
        let next = length.next_multiple_of(MESSAGE_ALIGNMENT);
        rest = rest.get(next..).unwrap_or_default();
        Some(read)
    })
}

fn content(kind: u16, bytes: &[u8]) -> Content {
    let read = match kind {
        RTM_NEWLINK => link(bytes),
        RTM_DELLINK => u32_at(bytes, 4).map(Content::LinkRemoved),
        RTM_NEWADDR => address(bytes).map(Content::Address),
        RTM_DELADDR => u32_at(bytes, 4).map(Content::AddressRemoved),
        RTM_NEWROUTE if bytes.get(ROUTE_TYPE_AT) == Some(&RTN_LOCAL) => Some(Content::LocalRoute),
        RTM_NEWROUTE => default_routes(bytes).map(Content::DefaultRoutes),
        RTM_DELROUTE => default_routes(bytes).map(|_| Content::DefaultRoutesRemoved),
        NLMSG_DONE => Some(Content::Done),
        // The kernel's own numbers are negative.
        NLMSG_ERROR => {
            u32_at(bytes, 0).map(|code| Content::Error(code.cast_signed().saturating_neg()))
        }
        NLMSG_OVERRUN => Some(Content::Overrun),
        _ => None,
    };
    read.unwrap_or(Content::Other)
}

/// Reads a `struct ifinfomsg` and its attributes.
fn link(bytes: &[u8]) -> Option<Content> {
    let index = u32_at(bytes, 4)?;
    // A bridge reports its ports in separate messages, which lack most attributes.
    if *bytes.first()? != AF_UNSPEC {
        return Some(Content::LinkRemoved(index));
    }
    let mut link = Link {
        index,
        hardware_type: u16_at(bytes, 2)?,
        flags: u32_at(bytes, 8)?,
        ..Link::default()
    };
    let mut permanent = None;
    for (kind, value) in attributes(bytes.get(LINK_HEADER_BYTES..)?) {
        match kind {
            IFLA_IFNAME => link.name = text(value),
            IFLA_MTU => link.mtu = u32_at(value, 0),
            IFLA_ADDRESS => link.hardware_address = value.to_vec(),
            IFLA_PERM_ADDRESS => permanent = Some(value.to_vec()),
            IFLA_LINKINFO => {
                let info_kind = attributes(value).find(|(kind, _)| *kind == IFLA_INFO_KIND);
                link.info_kind = info_kind.map(|(_, value)| text(value));
            }
            _ => {}
        }
    }
    if let Some(permanent) = permanent {
        link.hardware_address = permanent;
    }
    (!link.name.is_empty()).then_some(Content::Link(link))
}

/// Reads a `struct ifaddrmsg` and its attributes.
fn address(bytes: &[u8]) -> Option<LinkAddress> {
    let (mut local, mut other) = (None, None);
    for (kind, value) in attributes(bytes.get(ADDRESS_HEADER_BYTES..)?) {
        match kind {
            IFA_LOCAL => local = ip(value),
            // On a point-to-point link this is the remote address, and `IFA_LOCAL` is the local
            // one.
            IFA_ADDRESS => other = ip(value),
            _ => {}
        }
    }
    Some(LinkAddress {
        link: u32_at(bytes, 4)?,
        ip: local.or(other)?,
        prefix_length: *bytes.get(1)?,
        flags: u32::from(*bytes.get(2)?),
    })
}

/// Reads a `struct rtmsg` and its attributes; `None` if it is not a default route of the main
/// table.
fn default_routes(bytes: &[u8]) -> Option<Vec<DefaultRoute>> {
    let header = bytes.get(..ROUTE_HEADER_BYTES)?;
    let (family, prefix_length, table, kind) = (header[0], header[1], header[4], header[7]);
    let is_ipv6 = match family {
        AF_INET => false,
        AF_INET6 => true,
        _ => return None,
    };
    let is_cached = u32_at(header, 8)? & RTM_F_CLONED != 0;
    if prefix_length != 0 || table != RT_TABLE_MAIN || kind != RTN_UNICAST || is_cached {
        return None;
    }
    let attributes_at = &bytes[ROUTE_HEADER_BYTES..];
    let metric = attributes(attributes_at).find(|(kind, _)| *kind == RTA_PRIORITY);
    let metric = metric.and_then(|(_, value)| u32_at(value, 0)).unwrap_or(0);
    let mut routes = Vec::new();
    let (adapter, gateway) = hop(attributes_at);
    if let Some(adapter) = adapter {
        routes.push(DefaultRoute::new(adapter, is_ipv6, metric, gateway));
    }
    let hops = attributes(attributes_at).find(|(kind, _)| *kind == RTA_MULTIPATH);
    let mut rest = hops.map_or(&[] as &[u8], |(_, value)| value);
    // Each hop is a `struct rtnexthop` with attributes.
    while let (Some(length), Some(adapter)) = (u16_at(rest, 0), u32_at(rest, 4)) {
        let length = usize::from(length);
        let Some(attributes) = rest.get(HOP_HEADER_BYTES..length) else {
            break;
        };
        let (_, gateway) = hop(attributes);
        routes.push(DefaultRoute::new(adapter, is_ipv6, metric, gateway));
        rest = rest
            .get(length.next_multiple_of(MESSAGE_ALIGNMENT)..)
            .unwrap_or_default();
    }
    Some(routes)
}

/// Returns the adapter and the router of a hop.
fn hop(bytes: &[u8]) -> (Option<u32>, Option<IpAddr>) {
    let (mut adapter, mut gateway) = (None, None);
    for (kind, value) in attributes(bytes) {
        match kind {
            RTA_OIF => adapter = u32_at(value, 0),
            RTA_GATEWAY => gateway = ip(value),
            // A router of the other family. The value begins with that family.
            RTA_VIA => gateway = value.get(2..).and_then(ip),
            _ => {}
        }
    }
    (adapter, gateway)
}

/// Returns the attributes up to the first invalid one, each with its type.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    NlasIterator::new(bytes)
        .map_while(Result::ok)
        .map(|attribute| {
            let length = usize::from(attribute.length());
            let bytes: &[u8] = attribute.into_inner();
            (attribute.kind(), &bytes[ATTRIBUTE_HEADER_BYTES..length])
        })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let (bytes, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

/// Reads an address of either family.
fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// Reads a text that may end in NUL.
fn text(bytes: &[u8]) -> String {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// `struct nlmsghdr`, include/uapi/linux/netlink.h.
const NETLINK_HEADER_BYTES: usize = 16;
/// `struct nlattr`, include/uapi/linux/netlink.h.
const ATTRIBUTE_HEADER_BYTES: usize = 4;
/// `NLMSG_ALIGNTO`, include/uapi/linux/netlink.h.
const MESSAGE_ALIGNMENT: usize = 4;

// Message types and headers: include/uapi/linux/rtnetlink.h, if_addr.h.
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_GETROUTE: u16 = 26;
const LINK_HEADER_BYTES: usize = 16;
const ADDRESS_HEADER_BYTES: usize = 8;
const ROUTE_HEADER_BYTES: usize = 12;
const HOP_HEADER_BYTES: usize = 8;

// Attributes of a link: include/uapi/linux/if_link.h.
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINKINFO: u16 = 18;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_PERM_ADDRESS: u16 = 54;
const IFLA_INFO_KIND: u16 = 1;
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;

// Attributes of an address: include/uapi/linux/if_addr.h.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

// Attributes of a route: include/uapi/linux/rtnetlink.h.
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_MULTIPATH: u16 = 9;
const RTA_VIA: u16 = 18;
const RT_TABLE_MAIN: u8 = 254;
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
/// `rtm_type` in `struct rtmsg`.
const ROUTE_TYPE_AT: usize = 7;
const RTM_F_CLONED: u32 = 0x200;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
    use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
    use netlink_packet_route::link::{
        InfoKind, LinkAttribute, LinkInfo, LinkLayerType, LinkMessage,
    };
    use netlink_packet_route::route::{
        RouteAddress, RouteAttribute, RouteMessage, RouteNextHop, RouteType,
    };
    use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

    use super::*;

    /// Serializes a message with a library that implements the format independently.
    fn written(message: RouteNetlinkMessage) -> Vec<u8> {
        let mut message = NetlinkMessage::from(message);
        message.header.sequence_number = 7;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        bytes
    }

    fn read(bytes: &[u8]) -> Vec<Content> {
        messages(bytes).map(|message| message.content).collect()
    }

    fn link_message() -> LinkMessage {
        let mut message = LinkMessage::default();
        message.header.index = 4;
        message.header.link_layer_type = LinkLayerType::Ether;
        message.header.flags = netlink_packet_route::link::LinkFlags::Up;
        message.attributes = vec![
            LinkAttribute::IfName("eth0".into()),
            LinkAttribute::Mtu(1400),
            LinkAttribute::Address(vec![2, 0, 0, 0, 0, 1]),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth)]),
            // From a kernel that is newer than this code.
            LinkAttribute::Other(DefaultNla::new(0x3ffe, vec![1, 2, 3])),
        ];
        message
    }

    fn link() -> Link {
        Link {
            index: 4,
            hardware_type: 1,
            flags: 1,
            name: "eth0".into(),
            mtu: Some(1400),
            hardware_address: vec![2, 0, 0, 0, 0, 1],
            info_kind: Some("veth".into()),
        }
    }

    fn address_message(index: u32, attributes: Vec<AddressAttribute>) -> AddressMessage {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        message.header.index = index;
        message.header.prefix_len = 24;
        message.header.flags = AddressHeaderFlags::Tentative;
        message.attributes = attributes;
        message
    }

    fn route_message(attributes: Vec<RouteAttribute>) -> RouteMessage {
        let mut message = RouteMessage::default();
        message.header.address_family = AddressFamily::Inet;
        message.header.table = RT_TABLE_MAIN;
        message.header.kind = RouteType::Unicast;
        message.attributes = attributes;
        message
    }

    #[test]
    fn links_are_read_with_their_properties() {
        let message = link_message();
        let new = written(RouteNetlinkMessage::NewLink(message.clone()));
        assert_eq!(read(&new), [Content::Link(link())]);
        let removed = written(RouteNetlinkMessage::DelLink(message.clone()));
        assert_eq!(read(&removed), [Content::LinkRemoved(4)]);

        // The message of a bridge about its port is incomplete.
        let mut port = message;
        port.header.interface_family = AddressFamily::Bridge;
        let port = written(RouteNetlinkMessage::NewLink(port));
        assert_eq!(read(&port), [Content::LinkRemoved(4)]);
    }

    /// NET-06: setting a hardware address does not change the identity of an adapter.
    #[test]
    fn the_permanent_hardware_address_of_a_link_is_used() {
        for at in [0, 3] {
            let mut message = link_message();
            let permanent = LinkAttribute::PermAddress(vec![2, 0, 0, 0, 0, 9]);
            message.attributes.insert(at, permanent);
            let bytes = written(RouteNetlinkMessage::NewLink(message));
            let expected = Link {
                hardware_address: vec![2, 0, 0, 0, 0, 9],
                ..link()
            };
            assert_eq!(read(&bytes), [Content::Link(expected)], "{at}");
        }
    }

    #[test]
    fn the_local_address_of_a_point_to_point_link_is_read() {
        let (local, remote) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        for (attributes, expected) in [
            (vec![AddressAttribute::Address(local.into())], Some(local)),
            (
                vec![
                    AddressAttribute::Address(remote.into()),
                    AddressAttribute::Local(local.into()),
                ],
                Some(local),
            ),
            (vec![], None),
        ] {
            let message = address_message(4, attributes);
            let bytes = written(RouteNetlinkMessage::NewAddress(message.clone()));
            let expected = expected.map_or(Content::Other, |ip| {
                Content::Address(LinkAddress {
                    link: 4,
                    ip: ip.into(),
                    prefix_length: 24,
                    flags: 0x40,
                })
            });
            assert_eq!(read(&bytes), [expected], "{message:?}");
            let removed = written(RouteNetlinkMessage::DelAddress(message));
            assert_eq!(read(&removed), [Content::AddressRemoved(4)]);
        }
    }

    /// NET-11: which routes are default routes.
    #[test]
    fn default_routes_are_distinguished_from_other_routes() {
        let gateway = Ipv4Addr::new(192, 0, 2, 1);
        let plain = route_message(vec![
            RouteAttribute::Oif(4),
            RouteAttribute::Gateway(RouteAddress::Inet(gateway)),
            RouteAttribute::Priority(100),
        ]);
        let route = DefaultRoute::new(4, false, 100, Some(gateway.into()));
        let bytes = written(RouteNetlinkMessage::NewRoute(plain.clone()));
        assert_eq!(read(&bytes), [Content::DefaultRoutes(vec![route])]);
        let removed = written(RouteNetlinkMessage::DelRoute(plain.clone()));
        assert_eq!(read(&removed), [Content::DefaultRoutesRemoved]);

        let others: [fn(&mut RouteMessage); 5] = [
            |message| message.header.destination_prefix_length = 8,
            |message| message.header.table = 255,
            |message| message.header.kind = RouteType::BlackHole,
            |message| message.header.address_family = AddressFamily::Mpls,
            |message| {
                message.header.flags = netlink_packet_route::route::RouteFlags::Cloned;
            },
        ];
        for (number, make_other) in others.into_iter().enumerate() {
            let mut other = plain.clone();
            make_other(&mut other);
            for message in [
                RouteNetlinkMessage::NewRoute(other.clone()),
                RouteNetlinkMessage::DelRoute(other.clone()),
            ] {
                assert_eq!(read(&written(message)), [Content::Other], "{number}");
            }
        }
    }

    /// NET-11
    #[test]
    fn a_route_with_several_next_hops_is_several_routes() {
        let gateway = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        let hops = [4, 5].map(|index| {
            let mut hop = RouteNextHop::default();
            hop.interface_index = index;
            hop.attributes = vec![RouteAttribute::Gateway(RouteAddress::Inet6(gateway))];
            hop
        });
        let mut message = route_message(vec![
            RouteAttribute::Priority(1024),
            RouteAttribute::MultiPath(hops.to_vec()),
        ]);
        message.header.address_family = AddressFamily::Inet6;
        let routes = [4, 5].map(|adapter| {
            let gateway = Some(gateway.into());
            DefaultRoute::new(adapter, true, 1024, gateway)
        });
        let bytes = written(RouteNetlinkMessage::NewRoute(message));
        assert_eq!(read(&bytes), [Content::DefaultRoutes(routes.to_vec())]);
    }

    #[test]
    fn a_route_to_this_machine_is_recognized() {
        for (kind, expected) in [
            (RouteType::Local, Content::LocalRoute),
            (RouteType::Anycast, Content::Other),
            (RouteType::Broadcast, Content::Other),
        ] {
            let mut message = route_message(vec![RouteAttribute::Oif(1)]);
            message.header.kind = kind;
            let bytes = written(RouteNetlinkMessage::NewRoute(message));
            assert_eq!(read(&bytes), [expected], "{kind:?}");
        }
    }

    #[test]
    fn another_library_reads_the_same_request_for_a_route() {
        for ip in ["192.0.2.1", "2001:db8::1"] {
            let ip: IpAddr = ip.parse().unwrap();
            let bytes = route_request(ip, 9);
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&bytes).unwrap();
            assert_eq!(message.header.sequence_number, 9);
            assert_eq!(message.header.flags, NLM_F_REQUEST);
            let NetlinkPayload::InnerMessage(RouteNetlinkMessage::GetRoute(inner)) =
                message.payload
            else {
                panic!("{message:?}");
            };
            assert_eq!(
                inner.header.destination_prefix_length,
                if ip.is_ipv4() { 32 } else { 128 }
            );
            let destination = RouteAttribute::Destination(ip.into());
            assert_eq!(inner.attributes, [destination], "{ip}");
        }
    }

    #[test]
    fn another_library_reads_the_same_request() {
        for (table, expected) in [
            (
                Table::Links,
                RouteNetlinkMessage::GetLink({
                    let mut message = LinkMessage::default();
                    message.attributes = vec![LinkAttribute::ExtMask(vec![
                        netlink_packet_route::link::LinkExtentMask::SkipStats,
                    ])];
                    message
                }),
            ),
            (
                Table::Addresses,
                RouteNetlinkMessage::GetAddress(AddressMessage::default()),
            ),
            (
                Table::Routes,
                RouteNetlinkMessage::GetRoute(RouteMessage::default()),
            ),
        ] {
            let bytes = request(table, 9);
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&bytes).unwrap();
            assert_eq!(message.header.sequence_number, 9);
            assert_eq!(message.header.flags, NLM_F_REQUEST | NLM_F_DUMP);
            assert_eq!(message.header.length as usize, bytes.len());
            let NetlinkPayload::InnerMessage(inner) = message.payload else {
                panic!("{message:?}");
            };
            assert_eq!(format!("{inner:?}"), format!("{expected:?}"));
        }
    }

    #[test]
    fn ends_and_errors_are_read() {
        let message = |kind: u16, flags: u16, payload: &[u8]| {
            let mut bytes = vec![0; NETLINK_HEADER_BYTES];
            bytes.extend_from_slice(payload);
            let length = u32::try_from(bytes.len()).unwrap();
            let mut header = NetlinkBuffer::new(&mut bytes);
            header.set_length(length);
            header.set_message_type(kind);
            header.set_flags(flags);
            header.set_sequence_number(3);
            bytes
        };
        for (kind, payload, expected) in [
            (NLMSG_DONE, &[0_u8; 4] as &[u8], Content::Done),
            (NLMSG_DONE, &[], Content::Done),
            (NLMSG_ERROR, &(-105_i32).to_ne_bytes(), Content::Error(105)),
            (
                NLMSG_ERROR,
                &i32::MIN.to_ne_bytes(),
                Content::Error(i32::MAX),
            ),
            (NLMSG_ERROR, &[1], Content::Other),
            (NLMSG_OVERRUN, &[], Content::Overrun),
            (12345, &[], Content::Other),
        ] {
            let bytes = message(kind, NLM_F_DUMP_INTR, payload);
            let read: Vec<_> = messages(&bytes).collect();
            assert_eq!(read.len(), 1, "{kind}");
            assert_eq!(read[0].content, expected, "{kind}");
            assert!(read[0].is_interrupted);
            assert_eq!(read[0].sequence, 3);
        }
    }

    /// Truncated or changed bytes are read as some message or as none.
    #[test]
    fn no_bytes_make_the_reader_fail() {
        let gateway = RouteAttribute::Gateway(RouteAddress::Inet(Ipv4Addr::LOCALHOST));
        let hop = {
            let mut hop = RouteNextHop::default();
            hop.attributes = vec![gateway.clone()];
            hop
        };
        let whole = [
            RouteNetlinkMessage::NewLink(link_message()),
            RouteNetlinkMessage::NewAddress(address_message(
                1,
                vec![AddressAttribute::Local(Ipv4Addr::LOCALHOST.into())],
            )),
            RouteNetlinkMessage::NewRoute(route_message(vec![
                gateway,
                RouteAttribute::MultiPath(vec![hop]),
            ])),
        ]
        .map(written)
        .concat();
        assert_eq!(read(&whole).len(), 3);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).len() < 3, "{length}");
        }
        // Every byte is replaced by values that elsewhere are lengths, types and signs.
        for at in 0..whole.len() {
            for value in [0, 1, 3, 4, 5, 16, 127, 128, 255] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                assert!(read(&bytes).len() <= 16, "{at} {value}");
            }
        }
    }
}
