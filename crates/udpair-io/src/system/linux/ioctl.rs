//! Properties of network devices, and their IPv4 addresses (netdevice(7)).

use std::ffi::CStr;
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, Socket, Type};

use super::address::RawAddress;
use super::option::open;

/// A socket for requests about the devices of its namespace.
#[derive(Debug)]
pub(super) struct Ioctl(Socket);

impl Ioctl {
    /// Opens a socket in the namespace of the calling thread.
    pub(super) fn open() -> io::Result<Self> {
        let open = |domain| open(domain, Type::DGRAM, Protocol::UDP);
        open(Domain::IPV4).or_else(|_| open(Domain::IPV6)).map(Self)
    }

    /// Returns the flags of a device (`IFF_…`).
    pub(super) fn flags(&self, name: &str) -> io::Result<u32> {
        let answer = self.ask(libc::SIOCGIFFLAGS as _, &request(name)?)?;
        // SAFETY: the kernel wrote this field, and every bit pattern is valid.
        let flags = unsafe { answer.ifr_ifru.ifru_flags };
        Ok(u32::from(flags.cast_unsigned()))
    }

    /// Returns the largest packet that a device carries.
    pub(super) fn mtu(&self, name: &str) -> io::Result<u32> {
        let answer = self.ask(libc::SIOCGIFMTU as _, &request(name)?)?;
        // SAFETY: as above.
        let mtu = unsafe { answer.ifr_ifru.ifru_mtu };
        u32::try_from(mtu).map_err(io::Error::other)
    }

    /// Returns the type of a device's hardware (`ARPHRD_…`) and its address.
    pub(super) fn hardware(&self, name: &str) -> io::Result<(u16, Vec<u8>)> {
        let answer = self.ask(libc::SIOCGIFHWADDR as _, &request(name)?)?;
        // SAFETY: as above.
        let address = unsafe { answer.ifr_ifru.ifru_hwaddr };
        let bytes = address.sa_data.map(|byte| byte as u8);
        // The length is not reported; that of Ethernet is the usual one.
        let is_ethernet = address.sa_family == ETHERNET;
        let bytes = if is_ethernet { &bytes[..6] } else { &[] };
        Ok((address.sa_family, bytes.to_vec()))
    }

    /// Returns all IPv4 addresses, each with the name of its device and its mask.
    pub(super) fn addresses(&self) -> io::Result<Vec<(String, Ipv4Addr, Ipv4Addr)>> {
        let mut entries = vec![empty_request(); ENTRIES_MAX];
        let bytes = mem::size_of_val(&entries[..]);
        let mut list = libc::ifconf {
            ifc_len: i32::try_from(bytes).map_err(io::Error::other)?,
            ifc_ifcu: libc::__c_anonymous_ifc_ifcu {
                ifcu_req: entries.as_mut_ptr(),
            },
        };
        // SAFETY: `list` leads to `entries`, with its length in bytes, and both outlive the call.
        let result =
            unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SIOCGIFCONF as _, &raw mut list) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        let written = usize::try_from(list.ifc_len).unwrap_or(0);
        entries.truncate(written / size_of::<libc::ifreq>());
        let found = entries.iter().filter_map(|entry| {
            // With the address, the kernel looks for this one among those of the device.
            let mask = self.ask(libc::SIOCGIFNETMASK as _, entry).ok()?;
            let (ip, mask) = (ipv4(entry)?, ipv4(&mask)?);
            Some((device(entry)?, ip, mask))
        });
        Ok(found.collect())
    }

    /// Makes a request, and returns it with the answer.
    fn ask(&self, kind: libc::c_ulong, request: &libc::ifreq) -> io::Result<libc::ifreq> {
        let mut answer = *request;
        // SAFETY: the kernel reads and writes one `ifreq`, which outlives the call.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), kind as _, &raw mut answer) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(answer)
    }
}

fn empty_request() -> libc::ifreq {
    // SAFETY: every field is an integer, a pointer or an array of integers, for which zero is a
    // valid value.
    unsafe { mem::zeroed() }
}

/// Returns a request about a device.
fn request(name: &str) -> io::Result<libc::ifreq> {
    let mut request = empty_request();
    // One byte less: the name ends in NUL.
    let most = request.ifr_name.len() - 1;
    if name.len() > most {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = byte as libc::c_char;
    }
    Ok(request)
}

/// Returns the name of the device of an entry. An address may have a label: `eth0:1`.
fn device(entry: &libc::ifreq) -> Option<String> {
    let bytes = entry.ifr_name.map(|byte| byte as u8);
    let name = CStr::from_bytes_until_nul(&bytes).ok()?.to_str().ok()?;
    Some(name.split(':').next().unwrap_or(name).to_owned())
}

fn ipv4(entry: &libc::ifreq) -> Option<Ipv4Addr> {
    // SAFETY: the kernel wrote this field, and every bit pattern is valid.
    let address = unsafe { entry.ifr_ifru.ifru_addr };
    let bytes: Vec<u8> = address
        .sa_family
        .to_ne_bytes()
        .into_iter()
        .chain(address.sa_data.map(|byte| byte as u8))
        .collect();
    match RawAddress::from_bytes(&bytes)?.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

/// `ARPHRD_ETHER`, include/uapi/linux/if_arp.h.
const ETHERNET: u16 = 1;

/// More addresses than any machine has on which this is used.
const ENTRIES_MAX: usize = 4096;
