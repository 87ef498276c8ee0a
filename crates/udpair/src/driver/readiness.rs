//! A descriptor that the runtime watches.
//!
//! This file and its folder are the only ones of this crate that ask for the operating system. Each
//! system has a body with the same names: a [`Readiness`] remembers that something became readable until
//! that is taken back, and a wait for it takes it back by itself. So a caller that waits, and then
//! receives until nothing is left, misses nothing: what arrives in between counts as new.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::Readiness;
#[cfg(windows)]
pub(crate) use windows::Readiness;
