//! Coalesced datagrams, and what a batch does with them.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    udpair_io::fuzzing::gro_splitting(bytes);
});
