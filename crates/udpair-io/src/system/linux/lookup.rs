//! Host names by getaddrinfo(3).
//!
//! Called directly, because the standard library's lookup keeps no more of the answer's code than a
//! text.

use std::ffi::CString;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::ptr;

use super::address::RawAddress;
use crate::lookup::LookupError;

/// See [`lookup`](crate::lookup()).
pub(crate) fn lookup(host: &str) -> Result<Vec<SocketAddr>, LookupError> {
    let Ok(host) = CString::new(host) else {
        return Err(LookupError::NotFound);
    };
    // SAFETY: the fields are integers and pointers, for which zero is a value.
    let mut hints: libc::addrinfo = unsafe { mem::zeroed() };
    hints.ai_family = libc::AF_UNSPEC;
    hints.ai_socktype = libc::SOCK_DGRAM;
    let mut first = ptr::null_mut();
    // SAFETY: `host` ends in NUL, `hints` and `first` are live, and the service may be null.
    let code =
        unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &raw const hints, &raw mut first) };
    if code != 0 {
        return Err(error(code));
    }
    let list = AddressList(first);
    Ok(list.addresses().collect())
}

/// What a code of getaddrinfo(3) means.
fn error(code: i32) -> LookupError {
    match code {
        libc::EAI_NONAME => LookupError::NotFound,
        libc::EAI_NODATA | EAI_ADDRFAMILY => LookupError::NoData,
        libc::EAI_AGAIN => LookupError::TryAgain,
        libc::EAI_FAIL => LookupError::Failed,
        libc::EAI_FAMILY => LookupError::FamilyNotSupported,
        libc::EAI_SOCKTYPE => LookupError::SocketTypeNotSupported,
        libc::EAI_MEMORY => LookupError::OutOfMemory,
        libc::EAI_SYSTEM => LookupError::System(io::Error::last_os_error()),
        _ => LookupError::System(io::Error::other(format!("getaddrinfo failed with {code}"))),
    }
}

/// What getaddrinfo(3) allocated.
struct AddressList(*mut libc::addrinfo);

impl AddressList {
    fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let mut next = self.0;
        std::iter::from_fn(move || {
            // SAFETY: null, or an entry of the list, which lives as long as `self`.
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
        // SAFETY: the list came from getaddrinfo(3) and nobody refers to it any more.
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
    fn codes_keep_their_meaning() {
        assert!(matches!(error(libc::EAI_NONAME), LookupError::NotFound));
        assert!(matches!(error(libc::EAI_NODATA), LookupError::NoData));
        assert!(matches!(error(EAI_ADDRFAMILY), LookupError::NoData));
        assert!(matches!(error(libc::EAI_AGAIN), LookupError::TryAgain));
        assert!(matches!(error(libc::EAI_FAIL), LookupError::Failed));
        assert!(matches!(
            error(libc::EAI_FAMILY),
            LookupError::FamilyNotSupported
        ));
        assert!(matches!(
            error(libc::EAI_SOCKTYPE),
            LookupError::SocketTypeNotSupported
        ));
        assert!(matches!(error(libc::EAI_MEMORY), LookupError::OutOfMemory));
        assert!(matches!(error(-4711), LookupError::System(_)));
    }
}
