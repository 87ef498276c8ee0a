//! Signals that end a command: Ctrl-C, or a request of the system.

use std::io;

use tokio::task::coop::unconstrained;

/// Why a command ends early.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Interruption {
    /// Ctrl-C.
    Interrupt,
    /// The signal that `kill`, `timeout` and service managers send.
    Terminate,
}

impl Interruption {
    /// Returns the exit code that shells use for the signal.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Receives the signals that end a command.
///
/// No signal is lost after this value was created. Before that, the system's default action
/// applies: it ends the process.
pub(crate) struct Interruptions(system::Signals);

impl Interruptions {
    /// Starts to receive signals.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub(crate) fn listen() -> io::Result<Self> {
        system::Signals::listen().map(Self)
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) -> Interruption {
        // The command runs in the same task and may use up its cooperative budget on every poll.
        // Without `unconstrained` this future would then never see a signal.
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
