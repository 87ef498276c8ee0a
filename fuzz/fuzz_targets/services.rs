//! The text of a services file.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    udpair::fuzzing::services(&String::from_utf8_lossy(bytes));
});
