//! Host name resolution with getaddrinfo(3).
//!
//! The function is called directly, because the standard library's lookup keeps only the text of
//! the error code.

use std::ffi::CString;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::ptr;

use socket2::{Domain, Protocol, Type};

use super::address::RawAddress;
use super::errno::cause;
use super::option::open;
use crate::cause::Cause;
use crate::lookup::LookupError;
use crate::socket::Family;

/// Resolves a host name; see [`lookup`](crate::lookup()).
pub(crate) fn lookup(host: &str, family: Family) -> Result<Vec<SocketAddr>, LookupError> {
    let Ok(host) = CString::new(host) else {
        return Err(LookupError::NotFound);
    };
    // SAFETY: the fields are integers and pointers, for which zero is a valid value.
    let mut hints: libc::addrinfo = unsafe { mem::zeroed() };
    hints.ai_family = match family {
        Family::Ipv4 => libc::AF_INET,
        Family::Ipv6 => libc::AF_INET6,
        Family::Dual => libc::AF_UNSPEC,
    };
    hints.ai_socktype = libc::SOCK_DGRAM;
    let mut first = ptr::null_mut();
    // SAFETY: `host` ends in NUL, `hints` and `first` outlive the call, and the service may be
    // null.
    let code =
        unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &raw const hints, &raw mut first) };
    if code != 0 {
        let system_error = io::Error::last_os_error();
        return Err(match own_shortage(code) {
            Some(shortage) => LookupError::System(shortage),
            None => error(code, system_error),
        });
    }
    let list = AddressList(first);
    Ok(list.addresses().collect())
}

/// Returns the error if the process has no descriptor or memory left. getaddrinfo(3) then reports
/// that no server answered, that no source has the name, or an error of the system without its
/// number.
fn own_shortage(code: i32) -> Option<io::Error> {
    if code == libc::EAI_MEMORY {
        return None;
    }
    // The resolver overwrites the error number, so the shortage is looked for again.
    let probe = open(Domain::IPV4, Type::DGRAM, Protocol::UDP);
    probe.err().filter(|error| {
        let code = error.raw_os_error().unwrap_or_default();
        matches!(cause(code), Cause::TooManyFiles | Cause::OutOfMemory)
    })
}

/// Returns the meaning of an error code of getaddrinfo(3), which has set `system_error`.
fn error(code: i32, system_error: io::Error) -> LookupError {
    match code {
        libc::EAI_NONAME => LookupError::NotFound,
        libc::EAI_NODATA | EAI_ADDRFAMILY => LookupError::NoData,
        libc::EAI_AGAIN => LookupError::TryAgain,
        libc::EAI_FAIL => LookupError::Failed,
        libc::EAI_FAMILY => LookupError::FamilyNotSupported,
        libc::EAI_SOCKTYPE => LookupError::SocketTypeNotSupported,
        libc::EAI_MEMORY => LookupError::OutOfMemory,
        libc::EAI_SYSTEM if system_error.raw_os_error() == Some(0) => {
            LookupError::System(io::Error::other("it does not say which call failed"))
        }
        libc::EAI_SYSTEM => LookupError::System(system_error),
        _ => LookupError::System(io::Error::other(format!("getaddrinfo failed with {code}"))),
    }
}

/// The list that getaddrinfo(3) allocated.
struct AddressList(*mut libc::addrinfo);

impl AddressList {
    fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let mut next = self.0;
        std::iter::from_fn(move || {
            // SAFETY: `next` is null or an entry of the list, which lives as long as `self`.
            let entry = unsafe { next.as_ref() }?;
            next = entry.ai_next;
            // SAFETY: getaddrinfo(3) gives every entry an address of `ai_addrlen` bytes.
            let bytes = unsafe {
                std::slice::from_raw_parts(entry.ai_addr.cast::<u8>(), entry.ai_addrlen as usize)
            };
            Some(RawAddress::from_bytes(bytes))
        })
        .flatten()
    }
}

impl Drop for AddressList {
    fn drop(&mut self) {
        // SAFETY: getaddrinfo(3) allocated the list, and no reference to it is left.
        unsafe { libc::freeaddrinfo(self.0) };
    }
}

/// `EAI_ADDRFAMILY`, glibc's netdb.h.
const EAI_ADDRFAMILY: i32 = -9;

#[cfg(test)]
mod tests {
    use super::*;

    /// ADR-03
    #[test]
    fn each_error_code_keeps_its_meaning() {
        let meaning = |code| error(code, io::Error::from_raw_os_error(libc::EIO));
        assert!(matches!(meaning(libc::EAI_NONAME), LookupError::NotFound));
        assert!(matches!(meaning(libc::EAI_NODATA), LookupError::NoData));
        assert!(matches!(meaning(EAI_ADDRFAMILY), LookupError::NoData));
        assert!(matches!(meaning(libc::EAI_AGAIN), LookupError::TryAgain));
        assert!(matches!(meaning(libc::EAI_FAIL), LookupError::Failed));
        assert!(matches!(
            meaning(libc::EAI_FAMILY),
            LookupError::FamilyNotSupported
        ));
        assert!(matches!(
            meaning(libc::EAI_SOCKTYPE),
            LookupError::SocketTypeNotSupported
        ));
        assert!(matches!(
            meaning(libc::EAI_MEMORY),
            LookupError::OutOfMemory
        ));
        assert!(matches!(
            meaning(libc::EAI_SYSTEM),
            LookupError::System(error) if error.raw_os_error() == Some(libc::EIO)
        ));
        assert!(matches!(meaning(-4711), LookupError::System(_)));
        // The number may be lost on the way out of the resolver.
        let lost = error(libc::EAI_SYSTEM, io::Error::from_raw_os_error(0));
        assert!(matches!(lost, LookupError::System(error) if error.raw_os_error().is_none()));
    }
}
