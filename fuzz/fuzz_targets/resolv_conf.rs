//! The text of a resolver configuration.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    udpair::fuzzing::resolv_conf(&String::from_utf8_lossy(bytes));
});
