//! The lifecycle of a socket: one table of the operations that are allowed in each state.
//!
//! The table has every operation of the model, including those that exist only in the WinRT API, so
//! that both APIs give the same answer. The builder makes some illegal steps impossible to write;
//! the table still has them.
//!
//! Pure: this module decides what an operation leads to and which error a refused one returns.
//! Other modules perform the operations.

use std::fmt::Display;

use crate::error::{Error, ErrorKind};

/// The state of a socket.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum State {
    /// Not open yet: the kernel has no socket for it.
    Created,
    /// A bind or connect is in progress.
    Opening,
    /// Bound to all addresses of the machine, or to one of them.
    Bound,
    /// Bound to one adapter.
    BoundAdapter,
    /// Connected to its peer.
    Connected,
    /// Transferred to the socket broker.
    Transferred,
    /// Closed.
    Closed,
}

/// An operation on a socket.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "some operations exist only in the WinRT API")
)]
pub(crate) enum Operation {
    /// Register a message handler.
    AddHandler,
    /// Unregister a message handler.
    RemoveHandler,
    /// Set an option that is frozen once the socket is open.
    SetFrozenOption,
    /// Set an option that can be set at any time.
    SetOption,
    /// Read an option.
    ReadOption,
    /// Read the addresses.
    ReadInformation,
    /// Bind to one address or to all addresses.
    Bind,
    /// Bind to an adapter.
    BindAdapter,
    /// Connect, with this local end.
    Connect(LocalPart),
    /// Create an output stream to a host. An unbound socket is bound by the first write.
    OutputTo,
    /// Create an output stream to the remote end of a pair, with its local end.
    OutputToPair(LocalPart),
    /// Get the output stream to the peer.
    Output,
    /// Write to a destination that the caller chooses.
    WriteTo,
    /// Write to the peer.
    WriteToPeer,
    /// Join a multicast group.
    JoinGroup,
    /// Receive a datagram.
    Receive,
    /// Cancel pending operations.
    CancelIo,
    /// Announce a transfer to the broker.
    EnableTransfer,
    /// Transfer the socket to the broker.
    Transfer {
        /// Whether the transfer was announced before the socket was opened.
        enabled: bool,
    },
    /// Close the socket.
    Close,
}

/// The local end of an operation, compared with what the socket is bound to.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct LocalPart {
    /// The comparison of the addresses.
    pub(crate) host: BoundMatch,
    /// The comparison of the ports.
    pub(crate) service: BoundMatch,
}

/// The comparison of one half of a local end with what the socket is bound to.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) enum BoundMatch {
    /// Left empty: the system's choice, or what the socket is already bound to.
    #[default]
    Unspecified,
    /// The same as what the socket is bound to.
    Same,
    /// Different from what the socket is bound to.
    Other,
}

/// Past events of a socket that its state does not show.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct History {
    /// Whether an output stream to a host was created. The socket then has many peers, and cannot
    /// be connected to one.
    pub(crate) has_streams: bool,
    /// Whether the socket came back from the broker, so that handlers may still be added.
    pub(crate) handler_open: bool,
}

/// An entry of the table: what an operation leads to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Verdict {
    /// Allowed; the state does not change.
    Allowed,
    /// Allowed; when the operation succeeds, the socket has this state.
    Becomes(State),
    /// Allowed once the operation in progress has ended.
    Waits,
    /// Not allowed in this state.
    IllegalCall,
    /// The socket is closed, or transferred to the broker.
    Closed,
    /// An argument contradicts what the socket is bound to.
    InvalidArgument,
}

/// Returns what `operation` leads to in `state`.
pub(crate) fn verdict(state: State, history: History, operation: Operation) -> Verdict {
    use Operation as Op;
    use State::{Bound, BoundAdapter, Closed, Connected, Created, Opening, Transferred};
    use Verdict::{Allowed, Becomes, IllegalCall, InvalidArgument, Waits};

    match (operation, state) {
        (Op::Close, Closed) => Allowed,
        (Op::Close, _) => Becomes(Closed),
        (Op::RemoveHandler, Closed) => Allowed,
        (Op::ReadInformation, _) => Allowed,
        (_, Closed | Transferred) => Verdict::Closed,

        (Op::RemoveHandler | Op::SetOption | Op::ReadOption | Op::Output, _) => Allowed,
        (Op::AddHandler, Created) => Allowed,
        (Op::AddHandler, Bound | BoundAdapter | Connected) if history.handler_open => Allowed,
        (Op::SetFrozenOption | Op::EnableTransfer, Created) => Allowed,

        // An earlier stream may be written to while another task opens the socket.
        (Op::WriteTo | Op::WriteToPeer, Opening) => Waits,
        (_, Opening) => IllegalCall,

        (Op::Bind, Created) => Becomes(Bound),
        (Op::BindAdapter, Created) => Becomes(BoundAdapter),

        (Op::Connect(_), _) if history.has_streams => IllegalCall,
        (Op::Connect(_), Created) => Becomes(Connected),
        (Op::Connect(local), Bound | BoundAdapter) => match fits(local, state) {
            true => Becomes(Connected),
            false => InvalidArgument,
        },

        // A connected socket may also send to others. It still receives only from its peer.
        (Op::OutputTo, Created | Bound | BoundAdapter | Connected) => Allowed,
        (Op::OutputToPair(_), Created) => Becomes(Bound),
        (Op::OutputToPair(local), Bound | BoundAdapter | Connected) => match fits(local, state) {
            true => Allowed,
            false => InvalidArgument,
        },

        (Op::WriteTo, Created) => Becomes(Bound),
        (Op::WriteTo, Bound | BoundAdapter | Connected) => Allowed,
        (Op::WriteToPeer, Connected) => Allowed,

        (Op::JoinGroup, Bound | BoundAdapter) => Allowed,
        (Op::Receive | Op::CancelIo, Bound | BoundAdapter | Connected) => Allowed,

        (Op::Transfer { enabled: true }, Bound | BoundAdapter | Connected) => Becomes(Transferred),
        _ => IllegalCall,
    }
}

/// Returns whether a local end agrees with what the socket is bound to. A socket that is bound to
/// an adapter accepts no address.
fn fits(local: LocalPart, state: State) -> bool {
    let host_fits = match local.host {
        BoundMatch::Unspecified => true,
        BoundMatch::Same => state != State::BoundAdapter,
        BoundMatch::Other => false,
    };
    host_fits && local.service != BoundMatch::Other
}

/// Returns the error for an operation that was cancelled, or was in progress when the socket was
/// closed.
pub(crate) fn cancelled(action: impl Display) -> Error {
    Error::new(
        ErrorKind::Cancelled,
        format!("cannot {action}: the operation was cancelled, or the socket was closed"),
    )
}

/// Returns the error for an operation on a closed socket.
pub(crate) fn closed(action: impl Display) -> Error {
    Error::new(
        ErrorKind::Closed,
        format!("cannot {action}: the socket was closed"),
    )
}

/// Returns the error for an operation that the table refuses, with the call that serves instead.
pub(crate) fn refuse(
    action: impl Display,
    state: State,
    operation: Operation,
    verdict: Verdict,
) -> Error {
    use Operation as Op;
    use State::{Bound, BoundAdapter, Closed, Connected, Created, Opening, Transferred};

    match verdict {
        Verdict::Closed => return closed(action),
        Verdict::InvalidArgument => {
            return Error::new(
                ErrorKind::InvalidArgument,
                format!("cannot {action}: the local end is not what the socket is bound to"),
            )
            .with_advice("leave the local end empty, because the socket is already bound");
        }
        _ => {}
    }
    let (reason, advice) = match (state, operation) {
        (Created, Op::WriteToPeer) => (
            "is not open yet",
            "connect it first, or use `send_to` or `output_to`",
        ),
        (Created, _) => (
            "is not open yet",
            "bind it, connect it, or send to an address first",
        ),
        (Opening, _) => ("is being opened", "wait until it is open"),
        (Connected, Op::Connect(_)) => (
            "is connected to its peer",
            "use another socket for another peer, or `send_to` or `output_to` to send only",
        ),
        (Connected, Op::JoinGroup) => (
            "is connected, and would receive only what its peer sends to the group",
            "join with a bound socket",
        ),
        (Connected, _) => ("is connected to its peer", "use another socket"),
        (Bound | BoundAdapter, Op::Connect(_)) => (
            "has sent to other destinations, so that it has no single peer",
            "connect it before it sends, or use another socket",
        ),
        (Bound | BoundAdapter, Op::WriteToPeer) => (
            "is bound, and has no peer",
            "use `send_to` or `output_to`, or connect the socket",
        ),
        (Bound | BoundAdapter, _) => ("is bound already", "use another socket"),
        (Transferred | Closed, _) => ("was closed or transferred", "use another socket"),
    };
    Error::new(
        ErrorKind::InvalidState,
        format!("cannot {action}: the socket {reason}"),
    )
    .with_advice(advice)
}

#[cfg(test)]
mod tests {
    use super::Verdict::{self, Allowed, Becomes, IllegalCall, InvalidArgument, Waits};
    use super::*;

    const STATES: [State; 7] = [
        State::Created,
        State::Opening,
        State::Bound,
        State::BoundAdapter,
        State::Connected,
        State::Transferred,
        State::Closed,
    ];

    const NOTHING: LocalPart = LocalPart {
        host: BoundMatch::Unspecified,
        service: BoundMatch::Unspecified,
    };

    fn local(host: BoundMatch, service: BoundMatch) -> LocalPart {
        LocalPart { host, service }
    }

    /// Parses one cell: `ok`, `->Bound`, `IMC`, `CLOSED`, `INVAL`, `waits`.
    fn cell(text: &str) -> Verdict {
        match text {
            "ok" => Allowed,
            "->Bound" => Becomes(State::Bound),
            "->BoundAdapter" => Becomes(State::BoundAdapter),
            "->Connected" => Becomes(State::Connected),
            "->Transferred" => Becomes(State::Transferred),
            "->Closed" => Becomes(State::Closed),
            "waits" => Waits,
            "IMC" => IllegalCall,
            "INVAL" => InvalidArgument,
            "CLOSED" => Verdict::Closed,
            _ => panic!("no such cell: {text}"),
        }
    }

    /// GEN-01, BND-14, CON-05, CON-11, CTL-13, OUT-08, OUT-10, CLS-03, CAN-05: the
    /// table of the model, cell by cell. Columns: Created, Opening, Bound, BoundAdapter, Connected,
    /// Transferred, Closed.
    #[test]
    fn every_cell_of_the_table_agrees_with_the_model() {
        use BoundMatch::{Other, Same, Unspecified};
        use Operation as Op;
        let table: &[(Operation, &str)] = &[
            (Op::AddHandler, "ok IMC IMC IMC IMC CLOSED CLOSED"),
            (Op::RemoveHandler, "ok ok ok ok ok CLOSED ok"),
            (Op::SetFrozenOption, "ok IMC IMC IMC IMC CLOSED CLOSED"),
            (Op::SetOption, "ok ok ok ok ok CLOSED CLOSED"),
            (Op::ReadOption, "ok ok ok ok ok CLOSED CLOSED"),
            (Op::ReadInformation, "ok ok ok ok ok ok ok"),
            (Op::Bind, "->Bound IMC IMC IMC IMC CLOSED CLOSED"),
            (
                Op::BindAdapter,
                "->BoundAdapter IMC IMC IMC IMC CLOSED CLOSED",
            ),
            (
                Op::Connect(NOTHING),
                "->Connected IMC ->Connected ->Connected IMC CLOSED CLOSED",
            ),
            (
                Op::Connect(local(Other, Unspecified)),
                "->Connected IMC INVAL INVAL IMC CLOSED CLOSED",
            ),
            (
                Op::Connect(local(Same, Unspecified)),
                "->Connected IMC ->Connected INVAL IMC CLOSED CLOSED",
            ),
            (
                Op::Connect(local(Unspecified, Other)),
                "->Connected IMC INVAL INVAL IMC CLOSED CLOSED",
            ),
            (
                Op::Connect(local(Unspecified, Same)),
                "->Connected IMC ->Connected ->Connected IMC CLOSED CLOSED",
            ),
            (
                Op::Connect(local(Same, Other)),
                "->Connected IMC INVAL INVAL IMC CLOSED CLOSED",
            ),
            (Op::OutputTo, "ok IMC ok ok ok CLOSED CLOSED"),
            (
                Op::OutputToPair(NOTHING),
                "->Bound IMC ok ok ok CLOSED CLOSED",
            ),
            (
                Op::OutputToPair(local(Other, Unspecified)),
                "->Bound IMC INVAL INVAL INVAL CLOSED CLOSED",
            ),
            (
                Op::OutputToPair(local(Same, Unspecified)),
                "->Bound IMC ok INVAL ok CLOSED CLOSED",
            ),
            (
                Op::OutputToPair(local(Unspecified, Other)),
                "->Bound IMC INVAL INVAL INVAL CLOSED CLOSED",
            ),
            (
                Op::OutputToPair(local(Unspecified, Same)),
                "->Bound IMC ok ok ok CLOSED CLOSED",
            ),
            (Op::Output, "ok ok ok ok ok CLOSED CLOSED"),
            (Op::WriteTo, "->Bound waits ok ok ok CLOSED CLOSED"),
            (Op::WriteToPeer, "IMC waits IMC IMC ok CLOSED CLOSED"),
            (Op::JoinGroup, "IMC IMC ok ok IMC CLOSED CLOSED"),
            (Op::Receive, "IMC IMC ok ok ok CLOSED CLOSED"),
            (Op::CancelIo, "IMC IMC ok ok ok CLOSED CLOSED"),
            (Op::EnableTransfer, "ok IMC IMC IMC IMC CLOSED CLOSED"),
            (
                Op::Transfer { enabled: true },
                "IMC IMC ->Transferred ->Transferred ->Transferred CLOSED CLOSED",
            ),
            (
                Op::Transfer { enabled: false },
                "IMC IMC IMC IMC IMC CLOSED CLOSED",
            ),
            (
                Op::Close,
                "->Closed ->Closed ->Closed ->Closed ->Closed ->Closed ok",
            ),
        ];
        for (operation, row) in table {
            let cells: Vec<_> = row.split(' ').collect();
            assert_eq!(cells.len(), STATES.len(), "{operation:?}");
            for (state, text) in STATES.into_iter().zip(cells) {
                assert_eq!(
                    verdict(state, History::default(), *operation),
                    cell(text),
                    "{operation:?} when {state:?}"
                );
            }
        }
    }

    /// CON-11: a socket that has streams to hosts has many peers, and cannot be connected to one.
    #[test]
    fn a_socket_with_streams_cannot_be_connected() {
        let history = History {
            has_streams: true,
            ..History::default()
        };
        for state in [State::Created, State::Bound, State::BoundAdapter] {
            let operation = Operation::Connect(NOTHING);
            assert_eq!(verdict(state, history, operation), IllegalCall, "{state:?}");
        }
    }

    /// A socket that came back from the broker accepts handlers although it is open.
    #[test]
    fn a_reclaimed_socket_accepts_handlers() {
        let history = History {
            handler_open: true,
            ..History::default()
        };
        for state in [State::Bound, State::BoundAdapter, State::Connected] {
            assert_eq!(
                verdict(state, history, Operation::AddHandler),
                Allowed,
                "{state:?}"
            );
        }
        assert_eq!(
            verdict(State::Opening, history, Operation::AddHandler),
            IllegalCall
        );
    }
}
