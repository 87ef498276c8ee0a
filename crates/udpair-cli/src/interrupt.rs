//! Being told to end, by a person at the keyboard or by the system.

use std::future;

/// Why a command ends early.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Interruption {
    /// Ctrl-C.
    Interrupt,
    /// What `kill`, `timeout` and service managers send.
    Terminate,
}

impl Interruption {
    /// The exit code by which shells know the signal.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Waits until somebody wants us to end.
pub(crate) async fn interrupted() -> Interruption {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Interruption::Interrupt,
        () = terminated() => Interruption::Terminate,
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        // Then the system ends us without asking, as it always did.
        Err(_) => future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    future::pending().await
}
