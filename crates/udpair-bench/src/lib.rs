//! What the program `udpair-bench` shares with the benches: single operations of `udpair`, whose
//! instructions are counted and whose time is measured, and the DNS that they need.

#![forbid(unsafe_code)]

pub mod dns;
pub mod pure;
