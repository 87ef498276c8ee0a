//! Node.js, whose `dgram` is what programs in JavaScript have.

use super::mode::Mode;
use super::script::Script;

pub(super) const MODES: &[Mode] = &[Mode {
    script: Some(Script {
        program: "node",
        source: "node.js",
        text: include_str!("node.js"),
        does: &[
            "send", "receive", "echo", "ping", "fan-out", "idle", "connect",
        ],
    }),
    ..Mode::new("node", "Node.js' dgram and dns modules")
}];
