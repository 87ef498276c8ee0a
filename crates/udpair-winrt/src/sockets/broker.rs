//! Handing a socket over to a broker, which keeps it while its program does not run.
//!
//! No system has a broker yet: nothing makes a [`SocketActivityInformation`].

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use udpair::data::Guid;
use udpair::{SocketOperation, hresult};

use super::core::DatagramSocket;
use crate::error::{Error, Result};
use crate::numbered::numbered;
use crate::storage_streams::Buffer;

/// What a socket does to a machine that sleeps.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(i32)]
pub enum SocketActivityConnectedStandbyAction {
    /// The machine sleeps on.
    #[default]
    DoNotWake = 0,
    /// A datagram wakes the machine.
    Wake = 1,
}

impl TryFrom<i32> for SocketActivityConnectedStandbyAction {
    type Error = Error;

    /// Returns the action with this numeric value.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: there is none.
    fn try_from(value: i32) -> Result<Self> {
        let all = [Self::DoNotWake, Self::Wake];
        numbered(&all, value, "action")
    }
}

/// The type of a socket that was handed over.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(i32)]
pub enum SocketActivityKind {
    /// Unknown.
    #[default]
    None = 0,
    /// A listener for streams.
    StreamSocketListener = 1,
    /// A socket for datagrams.
    DatagramSocket = 2,
    /// A socket for a stream.
    StreamSocket = 3,
}

impl TryFrom<i32> for SocketActivityKind {
    type Error = Error;

    /// Returns the type with this numeric value.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: there is none.
    fn try_from(value: i32) -> Result<Self> {
        let all = [
            Self::None,
            Self::StreamSocketListener,
            Self::DatagramSocket,
            Self::StreamSocket,
        ];
        numbered(&all, value, "type of sockets")
    }
}

/// Why the task of a socket was started.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(i32)]
pub enum SocketActivityTriggerReason {
    /// Unknown.
    #[default]
    None = 0,
    /// A datagram has arrived.
    SocketActivity = 1,
    /// A connection was accepted. This does not happen to a socket for datagrams.
    ConnectionAccepted = 2,
    /// The time of the transfer is over.
    KeepAliveTimerExpired = 3,
    /// The socket was closed. This does not happen to a socket for datagrams.
    SocketClosed = 4,
}

impl TryFrom<i32> for SocketActivityTriggerReason {
    type Error = Error;

    /// Returns the reason with this numeric value.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: there is none.
    fn try_from(value: i32) -> Result<Self> {
        let all = [
            Self::None,
            Self::SocketActivity,
            Self::ConnectionAccepted,
            Self::KeepAliveTimerExpired,
            Self::SocketClosed,
        ];
        numbered(&all, value, "reason")
    }
}

/// Data that travels with a socket that is handed over.
#[derive(Clone, Debug)]
pub struct SocketActivityContext(Buffer);

impl SocketActivityContext {
    /// Creates a context with these bytes.
    pub fn new(data: Buffer) -> Self {
        Self(data)
    }

    /// Returns the bytes.
    pub fn data(&self) -> Buffer {
        self.0.clone()
    }
}

/// A socket that was handed over. Only a broker makes such objects.
#[derive(Clone)]
pub struct SocketActivityInformation(Infallible);

impl SocketActivityInformation {
    /// Returns the sockets that this program has handed over, by their ids: none without a broker.
    pub fn all_sockets() -> HashMap<String, Self> {
        HashMap::new()
    }

    /// Returns the id that was given at the transfer.
    pub fn id(&self) -> &str {
        match self.0 {}
    }

    /// Returns the id of the task.
    pub fn task_id(&self) -> Guid {
        match self.0 {}
    }

    /// Returns the data that was given at the transfer.
    pub fn context(&self) -> Option<SocketActivityContext> {
        match self.0 {}
    }

    /// Returns the type of the socket.
    pub fn socket_kind(&self) -> SocketActivityKind {
        match self.0 {}
    }

    /// Takes the socket back.
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`: it is not a socket for datagrams.
    pub fn reclaim_datagram_socket(&self) -> Result<DatagramSocket> {
        match self.0 {}
    }

    /// Fails: it is a socket for datagrams.
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`, always.
    pub fn reclaim_stream_socket(&self) -> Result<Infallible> {
        Err(Error::illegal_call("the socket is one for datagrams"))
    }

    /// Fails: it is a socket for datagrams.
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`, always.
    pub fn reclaim_stream_socket_listener(&self) -> Result<Infallible> {
        Err(Error::illegal_call("the socket is one for datagrams"))
    }
}

impl fmt::Debug for SocketActivityInformation {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

/// What the task of a socket is given when it starts. Only a broker makes such objects.
#[derive(Clone, Debug)]
pub struct SocketActivityTriggerDetails(Infallible);

impl SocketActivityTriggerDetails {
    /// Returns why the task was started.
    pub fn reason(&self) -> SocketActivityTriggerReason {
        match self.0 {}
    }

    /// Returns the socket.
    pub fn socket_information(&self) -> SocketActivityInformation {
        match self.0 {}
    }
}

/// Starts a task at the activity of a socket, once there is a broker.
#[derive(Clone, Copy, Debug, Default)]
pub struct SocketActivityTrigger(());

impl SocketActivityTrigger {
    /// Creates a trigger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns whether the trigger can wake the machine: never.
    pub fn is_wake_from_low_power_supported(&self) -> bool {
        false
    }
}

impl DatagramSocket {
    /// Ties the socket to a background task, without waking the machine for it.
    ///
    /// # Errors
    ///
    /// - `E_INVALIDARG`: `task_id` is all zeros.
    /// - `E_ILLEGAL_METHOD_CALL`: the socket is bound or connected already.
    pub fn enable_transfer_ownership(&self, task_id: Guid) -> Result<()> {
        let action = SocketActivityConnectedStandbyAction::DoNotWake;
        self.enable_transfer_ownership_with(task_id, action)
    }

    /// Ties the socket to a background task. The action is kept, but nothing wakes the machine.
    ///
    /// # Errors
    ///
    /// Those of [`enable_transfer_ownership`](Self::enable_transfer_ownership).
    pub fn enable_transfer_ownership_with(
        &self,
        task_id: Guid,
        connected_standby_action: SocketActivityConnectedStandbyAction,
    ) -> Result<()> {
        self.0.check(SocketOperation::EnableTransfer)?;
        if task_id == Guid::default() {
            return Err(Error::invalid_argument("the id of the task is all zeros"));
        }
        // Without a broker nothing can wake the machine.
        let _ = connected_standby_action;
        self.0.enable_transfer();
        Ok(())
    }

    /// Hands the socket over to the socket broker. No system has one yet, so this fails and leaves the
    /// socket usable.
    ///
    /// # Errors
    ///
    /// - `E_ILLEGAL_METHOD_CALL`: the socket is not open, or
    ///   [`enable_transfer_ownership`](Self::enable_transfer_ownership) was not called before.
    /// - `E_INVALIDARG`: `socket_id` is empty.
    /// - `E_NOTIMPL`: there is no broker.
    pub fn transfer_ownership(&self, socket_id: &str) -> Result<()> {
        self.transfer_ownership_with(socket_id, None)
    }

    /// Hands the socket over with data for the task that takes it back; see
    /// [`transfer_ownership`](Self::transfer_ownership).
    ///
    /// # Errors
    ///
    /// Those of [`transfer_ownership`](Self::transfer_ownership).
    pub fn transfer_ownership_with(
        &self,
        socket_id: &str,
        data: Option<SocketActivityContext>,
    ) -> Result<()> {
        self.transfer_ownership_with_keep_alive(socket_id, data, Duration::ZERO)
    }

    /// Hands the socket over with data and a time after which the task is started if nothing has
    /// arrived; see [`transfer_ownership`](Self::transfer_ownership).
    ///
    /// # Errors
    ///
    /// Those of [`transfer_ownership`](Self::transfer_ownership).
    pub fn transfer_ownership_with_keep_alive(
        &self,
        socket_id: &str,
        data: Option<SocketActivityContext>,
        keep_alive_time: Duration,
    ) -> Result<()> {
        self.0.check(SocketOperation::Transfer)?;
        if !self.0.is_transfer_enabled() {
            return Err(Error::illegal_call(
                "cannot transfer the socket: it was not enabled before the socket was opened",
            ));
        }
        if socket_id.is_empty() {
            return Err(Error::invalid_argument("the id of the socket is empty"));
        }
        // There is no broker to take them.
        let _ = (data, keep_alive_time);
        Err(Error::new(
            hresult::E_NOTIMPL,
            "cannot transfer the socket: this system has no socket broker",
        ))
    }
}
