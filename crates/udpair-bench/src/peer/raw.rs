//! System calls, as a C program makes them: the mark to measure against.

mod busy;
mod gso;
mod mmsg;
mod name;
mod one;
mod wait;

use std::ops::ControlFlow;

use super::Mode;

pub(super) const MODES: &[Mode] = &[
    one::BLOCKING,
    one::EPOLL,
    mmsg::MODE,
    gso::MODE,
    busy::MODE,
    name::ADDITIONAL,
    name::THREE_QUERIES,
];

/// Loops until `step` breaks or fails.
fn until_end(mut step: impl FnMut() -> crate::Result<ControlFlow<()>>) -> crate::Result<()> {
    while step()?.is_continue() {}
    Ok(())
}
