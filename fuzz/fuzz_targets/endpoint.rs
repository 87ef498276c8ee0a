//! Endpoints as people write them.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    udpair::fuzzing::endpoint(&String::from_utf8_lossy(bytes));
});
