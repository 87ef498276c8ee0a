//! What the program `udpair-bench` shares with benches: pieces of `udpair` to be counted and timed one by
//! one, and the DNS they need.

#![forbid(unsafe_code)]

pub mod dns;
pub mod pure;
