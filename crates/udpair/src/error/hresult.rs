//! The HRESULTs that errors carry (winerror.h, winsock2.h of the Windows SDK).
//!
//! The HRESULT of a Win32 or Winsock code `n` is `0x8007_0000 | n`. An HRESULT is a signed number
//! (MODEL ERR-04), the same on every system (ERR-05).
//!
//! ```
//! use udpair::{HostName, hresult};
//!
//! let error = "".parse::<HostName>().unwrap_err();
//! assert_eq!(error.hresult(), hresult::E_INVALIDARG);
//! ```

/// A read goes beyond the end of the data.
pub const E_BOUNDS: i32 = hresult(0x8000_000b);
/// The call is not allowed in the present state of its object.
pub const E_ILLEGAL_METHOD_CALL: i32 = hresult(0x8000_000e);
/// The object was closed before the call.
pub const RO_E_CLOSED: i32 = hresult(0x8000_0013);
/// The handler of an operation was already set.
pub const E_ILLEGAL_DELEGATE_ASSIGNMENT: i32 = hresult(0x8000_0018);
/// The operation is not supported.
pub const E_NOTIMPL: i32 = hresult(0x8000_4001);
/// A failure that has no HRESULT of its own.
pub const E_FAIL: i32 = hresult(0x8000_4005);
/// The system denied the operation.
pub const E_ACCESSDENIED: i32 = win32(5);
/// There is no memory left, or data does not fit into its container.
pub const E_OUTOFMEMORY: i32 = win32(14);
/// An argument is not valid.
pub const E_INVALIDARG: i32 = win32(87);
/// The operation was cancelled, or what it used was closed.
pub const ERROR_OPERATION_ABORTED: i32 = win32(995);
/// Text is not valid in its encoding.
pub const ERROR_NO_UNICODE_TRANSLATION: i32 = win32(1113);
/// Another operation of the reader or writer is pending.
pub const ERROR_INVALID_OPERATION: i32 = win32(4317);
/// The system says that an argument of a system call is not valid.
pub const WSAEINVAL: i32 = win32(10022);
/// No descriptor is left.
pub const WSAEMFILE: i32 = win32(10024);
/// The payload is too long for one datagram.
pub const WSAEMSGSIZE: i32 = win32(10040);
/// The socket type is not supported.
pub const WSAESOCKTNOSUPPORT: i32 = win32(10044);
/// The socket does not support the operation.
pub const WSAEOPNOTSUPP: i32 = win32(10045);
/// The address family is not supported.
pub const WSAEAFNOSUPPORT: i32 = win32(10047);
/// Another socket is bound to the address.
pub const WSAEADDRINUSE: i32 = win32(10048);
/// The address cannot be used as this end of a socket.
pub const WSAEADDRNOTAVAIL: i32 = win32(10049);
/// The network is down.
pub const WSAENETDOWN: i32 = win32(10050);
/// There is no route to the network.
pub const WSAENETUNREACH: i32 = win32(10051);
/// The network dropped the connection.
pub const WSAENETRESET: i32 = win32(10052);
/// Software on this machine aborted the connection.
pub const WSAECONNABORTED: i32 = win32(10053);
/// No socket is bound to the remote port.
pub const WSAECONNRESET: i32 = win32(10054);
/// The system has no buffer left.
pub const WSAENOBUFS: i32 = win32(10055);
/// The peer did not answer in time.
pub const WSAETIMEDOUT: i32 = win32(10060);
/// The host is down.
pub const WSAEHOSTDOWN: i32 = win32(10064);
/// The host cannot be reached.
pub const WSAEHOSTUNREACH: i32 = win32(10065);
/// The service was not found.
pub const WSATYPE_NOT_FOUND: i32 = win32(10109);
/// The host was not found.
pub const WSAHOST_NOT_FOUND: i32 = win32(11001);
/// No name server gave a usable answer.
pub const WSATRY_AGAIN: i32 = win32(11002);
/// A name server refused the query.
pub const WSANO_RECOVERY: i32 = win32(11003);
/// The name has no record of the requested type.
pub const WSANO_DATA: i32 = win32(11004);

/// `HRESULT_FROM_WIN32`.
const fn win32(code: u32) -> i32 {
    hresult(0x8007_0000 | code)
}

const fn hresult(code: u32) -> i32 {
    code.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ERR-04
    #[test]
    fn an_hresult_is_a_signed_number() {
        assert_eq!(WSAHOST_NOT_FOUND, -2_147_013_895);
        assert_eq!(E_INVALIDARG.cast_unsigned(), 0x8007_0057);
    }
}
