//! Being told to end, by a person at the keyboard or by the system.

use std::io;

use tokio::task::coop::unconstrained;

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

/// What tells us to end. It is heard from the moment this is made, so that none is lost on a command
/// that has begun; before that the system ends us without asking, as it always did.
pub(crate) struct Interruptions(system::Signals);

impl Interruptions {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub(crate) fn listen() -> io::Result<Self> {
        system::Signals::listen().map(Self)
    }

    /// Waits until somebody wants us to end.
    pub(crate) async fn next(&mut self) -> Interruption {
        // The work beside this may use up the task's share of the thread every time; this needs none.
        unconstrained(self.0.next()).await
    }
}

#[cfg(unix)]
mod system {
    use std::io;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::Interruption;

    pub(super) struct Signals {
        interrupt: Signal,
        terminate: Signal,
    }

    impl Signals {
        pub(super) fn listen() -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }

        pub(super) async fn next(&mut self) -> Interruption {
            tokio::select! {
                _ = self.interrupt.recv() => Interruption::Interrupt,
                _ = self.terminate.recv() => Interruption::Terminate,
            }
        }
    }
}

#[cfg(windows)]
mod system {
    use std::io;

    use tokio::signal::windows::{CtrlC, CtrlClose, ctrl_c, ctrl_close};

    use super::Interruption;

    pub(super) struct Signals {
        interrupt: CtrlC,
        close: CtrlClose,
    }

    impl Signals {
        pub(super) fn listen() -> io::Result<Self> {
            Ok(Self {
                interrupt: ctrl_c()?,
                close: ctrl_close()?,
            })
        }

        pub(super) async fn next(&mut self) -> Interruption {
            tokio::select! {
                _ = self.interrupt.recv() => Interruption::Interrupt,
                _ = self.close.recv() => Interruption::Terminate,
            }
        }
    }
}
