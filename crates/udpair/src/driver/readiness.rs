//! A descriptor that the runtime watches.
//!
//! In this crate, only this file and its folder depend on the operating system. The module of each
//! system has the same items. A [`Readiness`] remembers that its source became readable until that
//! state is cleared, and waiting for it clears the state. So a caller that waits, and then receives
//! until nothing is left, misses nothing: a datagram that arrives in between makes the source
//! readable again.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::Readiness;
#[cfg(windows)]
pub(crate) use windows::Readiness;
