//! Adapters by getifaddrs(3).

use std::ffi::{CStr, CString};
use std::io;
use std::net::IpAddr;
use std::ptr;

use super::address::RawAddress;
use crate::adapter::{Adapter, AdapterAddress};

/// See [`system`](crate::system).
pub(crate) fn adapter_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` ends in NUL and lives until after the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// See [`adapters`](crate::adapters).
pub(crate) fn adapters() -> io::Result<Vec<Adapter>> {
    let list = AddressList::read()?;
    let mut adapters: Vec<Adapter> = Vec::new();
    for entry in list.entries() {
        // SAFETY: getifaddrs(3) gives every entry a name that ends in NUL and lives as long as `list`.
        let label = unsafe { CStr::from_ptr(entry.ifa_name) }.to_string_lossy();
        // An address may have a label of its own, which begins with the adapter's name (`eth0:1`).
        let name = label.split(':').next().unwrap_or(&label);
        let at = adapters
            .iter()
            .position(|adapter| adapter.name == name)
            .or_else(|| {
                adapters.push(adapter(name, entry.ifa_flags)?);
                Some(adapters.len() - 1)
            });
        // An adapter that vanished while we read has no index and is left out.
        let Some(at) = at else { continue };
        // SAFETY: both pointers are null or lead to an address that lives as long as `list`.
        let (address, mask) = unsafe { (read(entry.ifa_addr), read(entry.ifa_netmask)) };
        if let Some(ip) = address {
            adapters[at].addresses.push(AdapterAddress {
                ip,
                prefix_length: mask.map(prefix_length),
            });
        }
    }
    Ok(adapters)
}

fn adapter(name: &str, flags: libc::c_uint) -> Option<Adapter> {
    let has = |flag: libc::c_int| flags & flag.cast_unsigned() != 0;
    Some(Adapter {
        name: name.to_owned(),
        index: adapter_index(name)?,
        is_up: has(libc::IFF_UP),
        is_loopback: has(libc::IFF_LOOPBACK),
        is_multicast: has(libc::IFF_MULTICAST),
        is_broadcast: has(libc::IFF_BROADCAST),
        addresses: Vec::new(),
    })
}

/// How many leading bits of `mask` are set.
fn prefix_length(mask: IpAddr) -> u8 {
    let ones = match mask {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    u8::try_from(ones).unwrap_or(u8::MAX)
}

/// Reads the IP address at `address`, which is null or of any family.
///
/// # Safety
///
/// `address` is null, or leads to a socket address of the length that its family has.
unsafe fn read(address: *const libc::sockaddr) -> Option<IpAddr> {
    if address.is_null() {
        return None;
    }
    // SAFETY: not null, so it leads to a socket address, which begins with its family.
    let length = match i32::from(unsafe { (*address).sa_family }) {
        libc::AF_INET => size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
        _ => return None,
    };
    // SAFETY: the family says that so many bytes are there.
    let bytes = unsafe { std::slice::from_raw_parts(address.cast::<u8>(), length) };
    RawAddress::from_bytes(bytes).map(|address| address.ip())
}

/// What getifaddrs(3) allocated.
struct AddressList(*mut libc::ifaddrs);

impl AddressList {
    fn read() -> io::Result<Self> {
        let mut first = ptr::null_mut();
        // SAFETY: `first` is writable; on success it leads to a list that freeifaddrs(3) takes back.
        if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(first))
    }

    fn entries(&self) -> impl Iterator<Item = &libc::ifaddrs> {
        let mut next = self.0;
        std::iter::from_fn(move || {
            // SAFETY: null, or an entry of the list, which lives as long as `self`.
            let entry = unsafe { next.as_ref() }?;
            next = entry.ifa_next;
            Some(entry)
        })
    }
}

impl Drop for AddressList {
    fn drop(&mut self) {
        // SAFETY: the list came from getifaddrs(3) and nobody refers to it any more.
        unsafe { libc::freeifaddrs(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn the_loopback_adapter_is_found_with_its_address() {
        let adapters = adapters().unwrap();
        let loopback = adapters.iter().find(|adapter| adapter.is_loopback);
        let loopback = loopback.expect("every machine that runs tests has one");
        assert_eq!(adapter_index(&loopback.name), Some(loopback.index));
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let address = loopback.addresses.iter().find(|address| address.ip == ip);
        assert_eq!(address.unwrap().prefix_length, Some(8));
    }

    #[test]
    fn an_unknown_adapter_has_no_index() {
        assert_eq!(adapter_index("no-such-adapter"), None);
        assert_eq!(adapter_index("nul\0byte"), None);
    }

    #[test]
    fn prefix_lengths_count_leading_ones() {
        assert_eq!(prefix_length(Ipv4Addr::new(255, 255, 240, 0).into()), 20);
        assert_eq!(prefix_length(Ipv6Addr::UNSPECIFIED.into()), 0);
    }
}
