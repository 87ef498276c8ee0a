//! What may be done with a socket, and when: one table.
//!
//! Every operation of the model stands here, those of the WinRT spelling included, so that both faces
//! give the same answer. The builder makes some illegal steps unwritable; the table still has them.
//!
//! Pure: it says what an operation leads to, and others do it.

/// Where a socket is in its life.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum State {
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
pub enum Operation {
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
pub struct LocalPart {
    /// The address.
    pub host: Wish,
    /// The port.
    pub service: Wish,
}

/// One half of a local end.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Wish {
    /// Nothing: the system's choice, or what is bound already.
    #[default]
    None,
    /// The very thing that is bound.
    AsBound,
    /// Something else.
    Other,
}

/// What has happened to a socket beside its state.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Past {
    /// An output stream to a host was made: then the socket has many peers, and connects to none.
    pub has_streams: bool,
    /// It came back from the broker, and handlers may still be added.
    pub handler_open: bool,
}

/// What the table says.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verdict {
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
pub fn verdict(state: State, past: Past, operation: Operation) -> Verdict {
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
        Wish::None => true,
        Wish::AsBound => state != State::BoundAdapter,
        Wish::Other => false,
    };
    host_fits && local.service != Wish::Other
}
