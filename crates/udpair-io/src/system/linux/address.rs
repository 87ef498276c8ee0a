//! Socket addresses in the kernel's representation (ip(7), ipv6(7)).

use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::socket::plain;

/// An IPv4 or IPv6 socket address in the kernel's representation.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) union RawAddress {
    family: libc::sa_family_t,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl RawAddress {
    /// How many bytes the kernel may write into a [`RawAddress`].
    pub(super) const BYTES: libc::socklen_t = mem::size_of::<Self>() as libc::socklen_t;

    /// Returns an address without a family.
    pub(super) fn unspecified() -> Self {
        // SAFETY: every field is an integer or an array of integers, for which zero is a valid
        // value.
        unsafe { mem::zeroed() }
    }

    /// Returns `address` in the kernel's representation, with its length in bytes.
    pub(super) fn encode(address: SocketAddr) -> (Self, libc::socklen_t) {
        match address {
            SocketAddr::V4(address) => {
                let v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: address.port().to_be(),
                    sin_addr: libc::in_addr {
                        s_addr: u32::from_ne_bytes(address.ip().octets()),
                    },
                    sin_zero: [0; 8],
                };
                (Self { v4 }, mem::size_of_val(&v4) as libc::socklen_t)
            }
            SocketAddr::V6(address) => {
                let v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: address.port().to_be(),
                    sin6_flowinfo: address.flowinfo(),
                    sin6_addr: libc::in6_addr {
                        s6_addr: address.ip().octets(),
                    },
                    sin6_scope_id: address.scope_id(),
                };
                (Self { v6 }, mem::size_of_val(&v6) as libc::socklen_t)
            }
        }
    }

    /// Returns the address as a plain address, which is never IPv4-mapped; `None` for another
    /// family.
    pub(super) fn decode(&self) -> Option<SocketAddr> {
        // SAFETY: all variants begin with the family, and every bit pattern is a valid value of it.
        let family = unsafe { self.family };
        match i32::from(family) {
            libc::AF_INET => {
                // SAFETY: any bytes are a valid sockaddr_in, and the family says that this is one.
                let v4 = unsafe { self.v4 };
                let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 => {
                // SAFETY: any bytes are a valid sockaddr_in6, and the family says that this is one.
                let v6 = unsafe { self.v6 };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                Some(plain(
                    SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id).into(),
                ))
            }
            _ => None,
        }
    }

    /// Reads an address from the bytes of a `sockaddr` in a control message.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<SocketAddr> {
        let mut address = Self::unspecified();
        let length = bytes.len().min(mem::size_of::<Self>());
        if length < mem::size_of::<libc::sockaddr_in>() {
            return None;
        }
        // SAFETY: `length` bytes are within both, and a union of plain integers may hold any bytes.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), (&raw mut address).cast::<u8>(), length);
        }
        address.decode()
    }
}

/// Reads an IPv4 address from a control message's four bytes.
pub(super) fn ipv4(bytes: &[u8]) -> Option<IpAddr> {
    let octets: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    Some(Ipv4Addr::from(octets).into())
}

/// Reads an IPv6 address from a control message's sixteen bytes. An IPv4-mapped address becomes an
/// IPv4 address.
pub(super) fn ipv6(bytes: &[u8]) -> Option<IpAddr> {
    let octets: [u8; 16] = bytes.get(..16)?.try_into().ok()?;
    Some(IpAddr::from(octets).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_after_encoding_and_decoding() {
        for text in ["192.0.2.1:53", "[2001:db8::1]:65535", "[fe80::1%3]:1"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(
                RawAddress::encode(address).0.decode(),
                Some(address),
                "{text}"
            );
        }
    }

    #[test]
    fn an_ipv4_mapped_address_is_decoded_as_an_ipv4_address() {
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:53".parse().unwrap();
        let plain: SocketAddr = "192.0.2.1:53".parse().unwrap();
        assert_eq!(RawAddress::encode(mapped).0.decode(), Some(plain));
    }

    #[test]
    fn bytes_too_short_for_an_address_are_none() {
        assert_eq!(RawAddress::from_bytes(&[2, 0, 0]), None);
        assert_eq!(RawAddress::from_bytes(&[0; 28]), None);
    }
}
