//! Netlink messages about links, addresses and routes.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    udpair_io::fuzzing::netlink_messages(bytes);
});
