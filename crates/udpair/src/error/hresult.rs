//! The HRESULTs of this crate's errors (winerror.h, winsock2.h of the Windows SDK).
//!
//! The HRESULT of a Winsock code `n` is `0x8007_0000 | n`. An HRESULT is a signed number (MODEL
//! ERR-04).

pub(crate) const E_ILLEGAL_METHOD_CALL: i32 = hresult(0x8000_000e);
pub(crate) const RO_E_CLOSED: i32 = hresult(0x8000_0013);
pub(crate) const E_NOTIMPL: i32 = hresult(0x8000_4001);
pub(crate) const E_FAIL: i32 = hresult(0x8000_4005);
pub(crate) const E_ACCESSDENIED: i32 = win32(5);
pub(crate) const E_OUTOFMEMORY: i32 = win32(14);
pub(crate) const E_INVALIDARG: i32 = win32(87);
pub(crate) const OPERATION_ABORTED: i32 = win32(995);
pub(crate) const WSAEINVAL: i32 = win32(10022);
pub(crate) const WSAEMFILE: i32 = win32(10024);
pub(crate) const WSAEMSGSIZE: i32 = win32(10040);
pub(crate) const WSAESOCKTNOSUPPORT: i32 = win32(10044);
pub(crate) const WSAEOPNOTSUPP: i32 = win32(10045);
pub(crate) const WSAEAFNOSUPPORT: i32 = win32(10047);
pub(crate) const WSAEADDRINUSE: i32 = win32(10048);
pub(crate) const WSAEADDRNOTAVAIL: i32 = win32(10049);
pub(crate) const WSAENETDOWN: i32 = win32(10050);
pub(crate) const WSAENETUNREACH: i32 = win32(10051);
pub(crate) const WSAENETRESET: i32 = win32(10052);
pub(crate) const WSAECONNABORTED: i32 = win32(10053);
pub(crate) const WSAECONNRESET: i32 = win32(10054);
pub(crate) const WSAENOBUFS: i32 = win32(10055);
pub(crate) const WSAETIMEDOUT: i32 = win32(10060);
pub(crate) const WSAEHOSTDOWN: i32 = win32(10064);
pub(crate) const WSAEHOSTUNREACH: i32 = win32(10065);
pub(crate) const WSATYPE_NOT_FOUND: i32 = win32(10109);
pub(crate) const WSAHOST_NOT_FOUND: i32 = win32(11001);
pub(crate) const WSATRY_AGAIN: i32 = win32(11002);
pub(crate) const WSANO_RECOVERY: i32 = win32(11003);
pub(crate) const WSANO_DATA: i32 = win32(11004);

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
