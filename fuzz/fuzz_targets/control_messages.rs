//! Control messages, as the kernel writes them.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    udpair_io::fuzzing::control_messages(bytes);
});
