//! Being told to end, by a person at the keyboard or by the system.

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
///
/// Heard is who says so after this call, not only after the first time that somebody waits: a command may
/// have much to say before it waits for anything.
pub(crate) fn interrupted() -> impl Future<Output = Interruption> {
    let (interrupt, terminate) = (system::interrupt(), system::terminate());
    async {
        tokio::select! {
            () = interrupt => Interruption::Interrupt,
            () = terminate => Interruption::Terminate,
        }
    }
}

#[cfg(unix)]
mod system {
    use std::future;

    use tokio::signal::unix::{SignalKind, signal};

    pub(super) fn interrupt() -> impl Future<Output = ()> {
        heard(SignalKind::interrupt())
    }

    pub(super) fn terminate() -> impl Future<Output = ()> {
        heard(SignalKind::terminate())
    }

    fn heard(kind: SignalKind) -> impl Future<Output = ()> {
        let signal = signal(kind);
        async {
            match signal {
                Ok(mut signal) => {
                    signal.recv().await;
                }
                // Then the system ends us without asking, as it always did.
                Err(_) => future::pending().await,
            }
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::future;

    pub(super) async fn interrupt() {
        if tokio::signal::ctrl_c().await.is_err() {
            future::pending().await
        }
    }

    pub(super) async fn terminate() {
        future::pending().await
    }
}
