//! System calls as a C program makes them: the baseline for all other peers.

mod busy;
mod gso;
mod mmsg;
mod name;
mod one;
mod wait;

use super::mode::Mode;

pub(super) const MODES: &[Mode] = &[
    one::BLOCKING,
    one::EPOLL,
    mmsg::MODE,
    gso::MODE,
    busy::MODE,
    name::ADDITIONAL,
    name::THREE_QUERIES,
];
