//! What may be done with a socket, and when: one table.
//!
//! Every operation of the model stands here, those of the WinRT spelling included, so that both faces
//! give the same answer. The builder makes some illegal steps unwritable; the table still has them.
//!
//! Pure: it says what an operation leads to and how a refusal reads, and others do it.

use std::fmt::Display;

use crate::error::{Error, ErrorKind};

/// Where a socket is in its life.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum State {
    /// There is no kernel endpoint yet.
    Created,
    /// A bind or connect is under way.
    Opening,
    /// Bound to all addresses of the machine, or to one.
    Bound,
    /// Bound to one adapter.
    BoundAdapter,
    /// Connected to its peer.
    Connected,
    /// Given to the socket broker.
    Transferred,
    /// Closed.
    Closed,
}

/// What somebody wants to do with a socket.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "some can be written only with the WinRT spelling")
)]
pub(crate) enum Operation {
    /// Register a message handler.
    AddHandler,
    /// Unregister one.
    RemoveHandler,
    /// Set an option that is frozen once the socket is open.
    SetFrozenOption,
    /// Set the hop limit.
    SetHopLimit,
    /// Read an option.
    ReadOption,
    /// Read the addresses.
    ReadInformation,
    /// Bind to an address or to all of them.
    Bind,
    /// Bind to an adapter.
    BindAdapter,
    /// Connect, with this local end.
    Connect(LocalPart),
    /// Make an output stream to a host; an unbound socket is bound by the first write.
    OutputTo,
    /// Make an output stream to the remote end of a pair, with its local end.
    OutputToPair(LocalPart),
    /// Take the output stream to the peer.
    Output,
    /// Write to a destination of the caller's.
    WriteTo,
    /// Write to the peer.
    WriteToPeer,
    /// Join a multicast group.
    JoinGroup,
    /// Receive.
    Receive,
    /// End pending operations.
    CancelIo,
    /// Announce a transfer to the broker.
    EnableTransfer,
    /// Give the socket to the broker.
    Transfer {
        /// Whether the transfer was announced before the socket was opened.
        enabled: bool,
    },
    /// Close.
    Close,
}

/// What an operation says of the local end, compared with what the socket is bound to.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct LocalPart {
    /// The address.
    pub(crate) host: BoundMatch,
    /// The port.
    pub(crate) service: BoundMatch,
}

/// How one half of a local end compares with what the socket is bound to.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) enum BoundMatch {
    /// Left empty: the system's choice, or what is bound already.
    #[default]
    Unspecified,
    /// The same as what is bound.
    Same,
    /// Anything else.
    Other,
}

/// What has happened to a socket beside its state.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Past {
    /// An output stream to a host was made: then the socket has many peers, and connects to none.
    pub(crate) has_streams: bool,
    /// It came back from the broker, and handlers may still be added.
    pub(crate) handler_open: bool,
}

/// What the table says.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Verdict {
    /// Allowed; the state stays.
    Allowed,
    /// Allowed; when it succeeds, the state becomes this one.
    Becomes(State),
    /// Allowed once the operation under way has ended.
    Waits,
    /// The right object at the wrong moment.
    IllegalCall,
    /// The socket is closed, or with the broker.
    Closed,
    /// An argument contradicts what the socket is bound to.
    InvalidArgument,
}

/// Returns what `operation` leads to in `state`.
pub(crate) fn verdict(state: State, past: Past, operation: Operation) -> Verdict {
    use Operation as Op;
    use State::{Bound, BoundAdapter, Closed, Connected, Created, Opening, Transferred};
    use Verdict::{Allowed, Becomes, IllegalCall, InvalidArgument, Waits};

    match (operation, state) {
        (Op::Close, Closed) => Allowed,
        (Op::Close, _) => Becomes(Closed),
        (Op::RemoveHandler, Closed) => Allowed,
        (Op::ReadInformation, _) => Allowed,
        (_, Closed | Transferred) => Verdict::Closed,

        (Op::RemoveHandler | Op::SetHopLimit | Op::ReadOption, _) => Allowed,
        (Op::AddHandler, Created) => Allowed,
        (Op::AddHandler, Bound | BoundAdapter | Connected) if past.handler_open => Allowed,
        (Op::SetFrozenOption | Op::EnableTransfer, Created) => Allowed,

        // A stream that was made earlier may be written to while somebody else opens the socket.
        (Op::WriteTo, Opening) => Waits,
        (_, Opening) => IllegalCall,

        (Op::Bind, Created) => Becomes(Bound),
        (Op::BindAdapter, Created) => Becomes(BoundAdapter),

        (Op::Connect(_), _) if past.has_streams => IllegalCall,
        (Op::Connect(_), Created) => Becomes(Connected),
        (Op::Connect(local), Bound | BoundAdapter) => match fits(local, state) {
            true => Becomes(Connected),
            false => InvalidArgument,
        },

        (Op::OutputTo, Created | Bound | BoundAdapter) => Allowed,
        (Op::OutputToPair(_), Created) => Becomes(Bound),
        (Op::OutputToPair(local), Bound | BoundAdapter) => match fits(local, state) {
            true => Allowed,
            false => InvalidArgument,
        },

        (Op::WriteTo, Created) => Becomes(Bound),
        (Op::WriteTo, Bound | BoundAdapter) => Allowed,
        (Op::Output | Op::WriteToPeer, Connected) => Allowed,

        (Op::JoinGroup, Bound | BoundAdapter) => Allowed,
        (Op::Receive | Op::CancelIo, Bound | BoundAdapter | Connected) => Allowed,

        (Op::Transfer { enabled: true }, Bound | BoundAdapter | Connected) => Becomes(Transferred),
        _ => IllegalCall,
    }
}

/// Whether a local end agrees with what is bound; an adapter's socket takes no address at all.
fn fits(local: LocalPart, state: State) -> bool {
    let host_fits = match local.host {
        BoundMatch::Unspecified => true,
        BoundMatch::Same => state != State::BoundAdapter,
        BoundMatch::Other => false,
    };
    host_fits && local.service != BoundMatch::Other
}

/// The error for an operation that was under way when the socket was closed.
pub(crate) fn cancelled(action: impl Display) -> Error {
    Error::new(
        ErrorKind::Cancelled,
        format!("cannot {action}: it was cancelled, or the socket closed"),
    )
}

/// The error for an operation on a closed socket.
pub(crate) fn closed(action: impl Display) -> Error {
    Error::new(
        ErrorKind::Closed,
        format!("cannot {action}: the socket was closed"),
    )
}

/// The error for an operation that the table refuses.
pub(crate) fn refuse(action: impl Display, state: State, verdict: Verdict) -> Error {
    match verdict {
        Verdict::Closed => closed(action),
        Verdict::InvalidArgument => Error::new(
            ErrorKind::InvalidArgument,
            format!("cannot {action}: the local end is not what the socket is bound to"),
        )
        .with_advice("leave the local end empty: it is bound already"),
        _ => {
            let (reason, advice) = match state {
                State::Created => ("is not open yet", "bind it, connect it, or write first"),
                State::Opening => ("is being opened", "await that first"),
                State::Connected => ("is connected to its peer", "use another socket"),
                State::Bound | State::BoundAdapter => {
                    ("is bound, and open to many peers", "use another socket")
                }
                State::Transferred | State::Closed => ("is gone", "use another socket"),
            };
            Error::new(
                ErrorKind::InvalidState,
                format!("cannot {action}: the socket {reason}"),
            )
            .with_advice(advice)
        }
    }
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

    /// Reads one cell: `ok`, `->Bound`, `IMC`, `CLOSED`, `INVAL`, `waits`.
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
    fn every_cell_of_the_table_is_as_the_model_has_it() {
        use BoundMatch::{Other, Same, Unspecified};
        use Operation as Op;
        let table: &[(Operation, &str)] = &[
            (Op::AddHandler, "ok IMC IMC IMC IMC CLOSED CLOSED"),
            (Op::RemoveHandler, "ok ok ok ok ok CLOSED ok"),
            (Op::SetFrozenOption, "ok IMC IMC IMC IMC CLOSED CLOSED"),
            (Op::SetHopLimit, "ok ok ok ok ok CLOSED CLOSED"),
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
            (Op::OutputTo, "ok IMC ok ok IMC CLOSED CLOSED"),
            (
                Op::OutputToPair(NOTHING),
                "->Bound IMC ok ok IMC CLOSED CLOSED",
            ),
            (
                Op::OutputToPair(local(Other, Unspecified)),
                "->Bound IMC INVAL INVAL IMC CLOSED CLOSED",
            ),
            (
                Op::OutputToPair(local(Same, Unspecified)),
                "->Bound IMC ok INVAL IMC CLOSED CLOSED",
            ),
            (
                Op::OutputToPair(local(Unspecified, Other)),
                "->Bound IMC INVAL INVAL IMC CLOSED CLOSED",
            ),
            (
                Op::OutputToPair(local(Unspecified, Same)),
                "->Bound IMC ok ok IMC CLOSED CLOSED",
            ),
            (Op::Output, "IMC IMC IMC IMC ok CLOSED CLOSED"),
            (Op::WriteTo, "->Bound waits ok ok IMC CLOSED CLOSED"),
            (Op::WriteToPeer, "IMC IMC IMC IMC ok CLOSED CLOSED"),
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
                    verdict(state, Past::default(), *operation),
                    cell(text),
                    "{operation:?} when {state:?}"
                );
            }
        }
    }

    /// CON-11: a socket that has given out a stream has many peers, and connects to none.
    #[test]
    fn streams_rule_out_connecting() {
        let past = Past {
            has_streams: true,
            ..Past::default()
        };
        for state in [State::Created, State::Bound, State::BoundAdapter] {
            let operation = Operation::Connect(NOTHING);
            assert_eq!(verdict(state, past, operation), IllegalCall, "{state:?}");
        }
    }

    /// A socket that came back from the broker takes handlers though it is open.
    #[test]
    fn a_reclaimed_socket_takes_handlers() {
        let past = Past {
            handler_open: true,
            ..Past::default()
        };
        for state in [State::Bound, State::BoundAdapter, State::Connected] {
            assert_eq!(
                verdict(state, past, Operation::AddHandler),
                Allowed,
                "{state:?}"
            );
        }
        assert_eq!(
            verdict(State::Opening, past, Operation::AddHandler),
            IllegalCall
        );
    }
}
