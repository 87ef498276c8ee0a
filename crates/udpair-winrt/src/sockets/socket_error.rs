//! `SocketError`: what an HRESULT means.

use udpair::SocketErrorStatus;

use crate::error::HResult;

/// `Windows.Networking.Sockets.SocketError`.
///
/// ```
/// use udpair_winrt::{SocketError, SocketErrorStatus, hresult};
///
/// let status = SocketError::status(hresult::WSAEADDRINUSE);
/// assert_eq!(status, SocketErrorStatus::AddressAlreadyInUse);
/// assert_eq!(SocketError::status(0), SocketErrorStatus::Unknown);
/// ```
#[derive(Debug)]
pub enum SocketError {}

impl SocketError {
    /// Returns the status that an HRESULT stands for; `Unknown` for every other number (ERR-01).
    pub fn status(hresult: HResult) -> SocketErrorStatus {
        SocketErrorStatus::from_hresult(hresult)
    }
}
