//! Node.js, whose `dgram` module is the UDP interface of programs in JavaScript.

use super::mode::Mode;
use super::script::Script;

pub(super) const MODES: &[Mode] = &[Mode {
    script: Some(Script {
        program: "node",
        source: "node.js",
        text: include_str!("node.js"),
        roles: &[
            "send", "receive", "echo", "ping", "fan-out", "idle", "connect",
        ],
    }),
    ..Mode::new("node", "Node.js' dgram and dns modules")
}];
