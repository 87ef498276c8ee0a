//! The text of a hosts file.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    udpair::fuzzing::hosts(&String::from_utf8_lossy(bytes));
});
