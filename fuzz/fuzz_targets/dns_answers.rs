//! The answers of a name server to all queries of one resolution.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/udpair/tests/it/support/made_up_answers.rs"]
mod made_up_answers;

static SERVER: LazyLock<made_up_answers::Server> = LazyLock::new(made_up_answers::Server::start);

fuzz_target!(|bytes: &[u8]| {
    SERVER.resolve(bytes);
});
