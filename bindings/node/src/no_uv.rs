//! What `uv.rs` has, for systems on which it cannot watch descriptors: no loop.

use std::convert::Infallible;
use std::io;

use napi::Env;
use udpair_winrt::udpair::Descriptor;

/// The event loop of an environment: there is none here.
#[derive(Clone)]
pub(crate) struct Loop(Infallible);

impl Loop {
    pub(crate) fn of(_env: &Env) -> Option<Self> {
        None
    }

    pub(crate) fn at_end(&self, _action: impl FnOnce() + 'static) {
        match self.0 {}
    }
}

/// A descriptor that a loop watches: there is none here.
pub(crate) struct Poll(Infallible);

impl Poll {
    pub(crate) fn new(
        lives_in: &Loop,
        _descriptor: Descriptor,
        _on_ready: impl Fn() + 'static,
    ) -> io::Result<Self> {
        match lives_in.0 {}
    }

    pub(crate) fn resume(&self) {
        match self.0 {}
    }

    pub(crate) fn pause(&self) {
        match self.0 {}
    }

    pub(crate) fn set_keeps_running(&self, _keeps: bool) {
        match self.0 {}
    }
}
