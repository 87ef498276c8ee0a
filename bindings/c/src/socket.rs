//! Sockets, their options, and their addresses.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::{Arc, Weak};

use udpair_winrt::udpair::{self, RecvBatch, background};
use udpair_winrt::{
    self as winrt, Buffer as ModelBuffer, DatagramSocket, EventToken, HostNameSortOptions, IBuffer,
    MessageReceivedEventArgs, Received, Reception, Result, SocketActivityConnectedStandbyAction,
    SocketActivityContext, SocketQualityOfService, after_events,
};

use crate::buffer::Buffer;
use crate::callback::{Callback, DestroyFn};
use crate::connectivity::{Adapter, Guid};
use crate::error::{HResult, contained, guard, null, put, required};
use crate::handle::{Any, Handle, Object, give, shared, unique};
use crate::list::List;
use crate::message::{Datagram, MessageEvent};
use crate::names::{EndpointPair, HostName};
use crate::operation::{Operation, Value, acted, started};
use crate::options::{numbered, token_of};
use crate::owned::OwnedText;
use crate::resolver::Resolver;
use crate::streams::OutputStream;
use crate::text::Text;

/// A socket for datagrams. It is closed when the last reference to it is released.
pub struct Socket(DatagramSocket);

impl Handle for Socket {
    fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// The options of a socket, which do not keep it open.
pub struct Control(winrt::DatagramSocketControl);

impl Handle for Control {}

/// The addresses and ports of a socket, which do not keep it open.
pub struct Information(winrt::DatagramSocketInformation);

impl Handle for Information {}

/// Called for each message of a socket. Both objects are the library's: a caller that keeps one
/// retains it. The calls of a socket come one after the other, on threads of the library, and may
/// block and call anything.
pub type ReceivedFn = Option<
    extern "C" fn(context: *mut c_void, socket: *const Socket, message: *const MessageEvent),
>;

/// Called for the messages that have arrived, which are valid during the call. The calls of a socket
/// come one after the other, on threads of the library, and may block and call anything.
pub type BatchFn =
    Option<extern "C" fn(context: *mut c_void, datagrams: *const Datagram, count: usize)>;

fn inner(socket: Option<&Socket>) -> Result<&DatagramSocket> {
    Ok(&required(socket, "the socket")?.0)
}

fn host(host: Option<&HostName>) -> Result<&winrt::HostName> {
    Ok(&required(host, "the host name")?.0)
}

fn control(control: Option<&Control>) -> Result<&winrt::DatagramSocketControl> {
    Ok(&required(control, "the control")?.0)
}

fn information(information: Option<&Information>) -> Result<&winrt::DatagramSocketInformation> {
    Ok(&required(information, "the information")?.0)
}

/// Makes a socket that is not open yet, which is the caller's. Names are looked up by `resolver`, or
/// by the system if it is NULL. Any thread.
///
/// Errors: E_INVALIDARG if `out` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_new(
    resolver: Option<&Resolver>,
    out: Option<&mut *mut Socket>,
) -> HResult {
    guard(|| {
        let socket = match resolver {
            None => DatagramSocket::new(),
            Some(resolver) => {
                let builder = udpair::DatagramSocket::builder().resolver(&resolver.0);
                DatagramSocket::with_builder(&builder)?
            }
        };
        put(out, give(Socket(socket)))
    })
}

/// Writes the options of a socket, which are the caller's. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_control(
    socket: Option<&Socket>,
    out: Option<&mut *mut Control>,
) -> HResult {
    guard(|| put(out, give(Control(inner(socket)?.control()))))
}

/// Writes the addresses and ports of a socket, which are the caller's. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_information(
    socket: Option<&Socket>,
    out: Option<&mut *mut Information>,
) -> HResult {
    guard(|| put(out, give(Information(inner(socket)?.information()))))
}

/// Binds a socket to a local host and service: without a host to all addresses, with an empty service
/// to a port that the system chooses. The operation is the caller's. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is open; E_INVALIDARG; RO_E_CLOSED. The operation has the
/// others.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_bind_endpoint(
    socket: Option<&Socket>,
    local_host_name: Option<&HostName>,
    local_service_name: Text,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        let host = local_host_name.map(|host| &host.0);
        let service = local_service_name.get()?;
        acted(out, inner(socket)?.bind_endpoint(host, service))
    })
}

/// Binds a socket to a service on one adapter, or on all addresses if it is NULL. The operation is the
/// caller's. Any thread.
///
/// Errors: those of udpair_socket_bind_endpoint.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_bind_service_name(
    socket: Option<&Socket>,
    local_service_name: Text,
    adapter: Option<&Adapter>,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        let (socket, service) = (inner(socket)?, local_service_name.get()?);
        let bind = match adapter {
            Some(adapter) => socket.bind_service_name_on(service, &adapter.0),
            None => socket.bind_service_name(service),
        };
        acted(out, bind)
    })
}

/// Connects a socket to a remote host and service. The operation is the caller's. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is connected or being opened; E_INVALIDARG; RO_E_CLOSED.
/// The operation has the others.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_connect(
    socket: Option<&Socket>,
    remote_host_name: Option<&HostName>,
    remote_service_name: Text,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        let service = remote_service_name.get()?;
        acted(
            out,
            inner(socket)?.connect(host(remote_host_name)?, service),
        )
    })
}

/// Connects a socket by an endpoint pair: binds it to the local end, and lets only datagrams of the
/// remote end in. The operation is the caller's. Any thread.
///
/// Errors: those of udpair_socket_connect.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_connect_pair(
    socket: Option<&Socket>,
    endpoint_pair: Option<&EndpointPair>,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        let pair = required(endpoint_pair, "the endpoint pair")?;
        acted(out, inner(socket)?.connect_pair(&pair.0))
    })
}

/// Writes the stream to the peer, which is the caller's: the same one each time. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_output_stream(
    socket: Option<&Socket>,
    out: Option<&mut *mut OutputStream>,
) -> HResult {
    guard(|| put(out, give(OutputStream(inner(socket)?.output_stream()?))))
}

fn stream_value(stream: winrt::OutputStream) -> Value {
    Value::Object(Some(Any::new(OutputStream(stream))))
}

/// Makes a stream to a remote host and service: the result is a udpair_output_stream. The operation is
/// the caller's. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL while the socket is being opened; E_INVALIDARG; RO_E_CLOSED. The
/// operation has the others.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_output_stream_to(
    socket: Option<&Socket>,
    remote_host_name: Option<&HostName>,
    remote_service_name: Text,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        let (host, service) = (host(remote_host_name)?, remote_service_name.get()?);
        started(
            out,
            inner(socket)?.output_stream_to(host, service),
            stream_value,
        )
    })
}

/// Makes a stream to the remote end of a pair, and binds the socket to its local end: the result is a
/// udpair_output_stream. The operation is the caller's. Any thread.
///
/// Errors: those of udpair_socket_output_stream_to.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_output_stream_to_pair(
    socket: Option<&Socket>,
    endpoint_pair: Option<&EndpointPair>,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        let pair = required(endpoint_pair, "the endpoint pair")?;
        let stream = inner(socket)?.output_stream_to_pair(&pair.0);
        started(out, stream, stream_value)
    })
}

/// Joins a multicast group. This waits while a name is looked up. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is not bound, or is connected; E_INVALIDARG if it is
/// the address of no group; RO_E_CLOSED; the system's own.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_join_multicast_group(
    socket: Option<&Socket>,
    host_name: Option<&HostName>,
) -> HResult {
    guard(|| inner(socket)?.join_multicast_group(host(host_name)?))
}

/// Ends all operations of a socket that are under way, and stops receiving. The operation is the
/// caller's, and ends when they all have. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is not open; RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_cancel_io(
    socket: Option<&Socket>,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| acted(out, inner(socket)?.cancel_io()))
}

/// Closes a socket. Operations that are under way fail with ERROR_OPERATION_ABORTED, no callback for
/// messages starts after this, and the port is free. Any thread, callbacks too.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_close(socket: Option<&Socket>) {
    contained(|| socket.into_iter().for_each(|socket| socket.0.close()));
}

/// Calls a function for each message of a socket, until the token that is written is given to
/// udpair_socket_remove_message_received. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is open already; RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_add_message_received(
    socket: *const Socket,
    received: ReceivedFn,
    context: *mut c_void,
    destroy: DestroyFn,
    token: Option<&mut i64>,
) -> HResult {
    let callback = Callback::new(received, context, destroy);
    guard(|| {
        let function = callback.function.ok_or_else(|| null("the function"))?;
        let object = shared(socket).ok_or_else(|| null("the socket"))?;
        let known = Arc::downgrade(&object);
        let added = object
            .value
            .0
            .on_message_received(move |socket, arguments| {
                let sender = sender(&known, socket);
                lend(arguments, |message| {
                    function(callback.context(), sender.as_ptr(), message);
                });
                SENDER.set(Some(sender));
            })?;
        put(token, EventToken::value(added))
    })
}

/// Returns the object by which the program knows a socket; a new one if it has released that.
///
/// It is the same one for the events that come together: to look it up takes longer than most handlers.
fn sender(known: &Weak<Object<Socket>>, socket: &DatagramSocket) -> Arc<Object<Socket>> {
    match SENDER.take() {
        Some(sender) if sender.value.0 == *socket => sender,
        _ => {
            after_events(|| drop(SENDER.take()));
            known
                .upgrade()
                .unwrap_or_else(|| Object::new(Socket(socket.clone())))
        }
    }
}

thread_local! {
    /// The socket whose events this thread raises.
    static SENDER: Cell<Option<Arc<Object<Socket>>>> = const { Cell::new(None) };
}

thread_local! {
    /// An object for a message that no program has kept.
    static SPARE: Cell<Option<Arc<Object<MessageEvent>>>> = const { Cell::new(None) };
}

/// Calls `action` with a message as an object, which is used again if the action does not keep it.
fn lend(arguments: MessageReceivedEventArgs, action: impl FnOnce(*const MessageEvent)) {
    let mut message = SPARE
        .take()
        .unwrap_or_else(|| Object::new(MessageEvent::new()));
    match unique(&mut message) {
        Some(unused) => unused.replace(Some(arguments)),
        None => unreachable!("only objects that nobody has are kept"),
    }
    action(message.as_ptr());
    if let Some(unused) = unique(&mut message) {
        // The payload goes now, and the object stays.
        unused.replace(None);
        SPARE.set(Some(message));
    }
}

/// Removes a function that was added: it gets no message that comes after this. An unknown token is
/// ignored. Any thread, callbacks too.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_remove_message_received(socket: Option<&Socket>, token: i64) {
    contained(|| {
        if let (Some(socket), Some(token)) = (socket, token_of(token)) {
            socket.0.remove_message_received(token);
        }
    });
}

/// Receives by one function that is called for all messages that have arrived, in place of those that
/// were added, which are not called. A call that has begun when the socket is closed is finished. Any
/// thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is open already; RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_receive_batches(
    socket: Option<&Socket>,
    received: BatchFn,
    context: *mut c_void,
    destroy: DestroyFn,
) -> HResult {
    let callback = Callback::new(received, context, destroy);
    guard(|| {
        let function = callback.function.ok_or_else(|| null("the function"))?;
        inner(socket)?.receive_by(move |reception| {
            let deliver = move |datagrams: &[Datagram]| {
                function(callback.context(), datagrams.as_ptr(), datagrams.len());
            };
            // Without a thread nothing can be received; the socket still sends.
            let _ = background::spawn(receive(reception, deliver));
        })
    })
}

/// Receives until the socket is closed, or its operations are cancelled.
async fn receive(reception: Reception, deliver: impl Fn(&[Datagram]) + Send + Sync) {
    let mut failures = 0;
    loop {
        match step(&reception, &deliver) {
            Ok(Received::Nothing) if reception.readable().await.is_ok() => {}
            Ok(Received::Nothing | Received::Ended) => return,
            Ok(_) => failures = 0,
            Err(_) if failures == FAILURES_MAX => return,
            Err(_) => failures += 1,
        }
    }
}

/// Delivers what has arrived, and returns what that was.
fn step(reception: &Reception, deliver: &impl Fn(&[Datagram])) -> Result<Received> {
    // Kept by the thread: a socket that waits takes no memory for them.
    let (mut batch, mut datagrams) = KEPT.take().unwrap_or_else(|| {
        let batch = RecvBatch::new(MESSAGES_MAX);
        (batch, Datagrams(Vec::new()))
    });
    let received = reception.try_next(&mut batch);
    match &received {
        Ok(Received::Datagrams) => {
            Datagram::list(&batch, &mut datagrams.0);
            background::call(None, || deliver(&datagrams.0));
        }
        Ok(Received::Event(arguments)) => {
            let datagram = [Datagram::of(arguments)];
            background::call(None, || deliver(&datagram));
        }
        _ => {}
    }
    batch.clear();
    datagrams.0.clear();
    KEPT.set(Some((batch, datagrams)));
    received
}

/// Space for the datagrams of a batch. It is empty while it is kept.
struct Datagrams(Vec<Datagram>);

thread_local! {
    static KEPT: Cell<Option<(RecvBatch, Datagrams)>> = const { Cell::new(None) };
}

/// How many messages of the kernel one call takes at most.
const MESSAGES_MAX: usize = 32;

/// After how many failures in a row reception ends: the system does not let this socket receive.
const FAILURES_MAX: u32 = 1000;

/// Lists the endpoint pairs by which a remote host and service can be reached, the best first: the
/// result is a udpair_list of udpair_endpoint_pair. `resolver` is NULL for the system's; `sort_options`
/// is 0 for a quick connection and 2 for a long one. The operation is the caller's. Any thread.
///
/// Errors: E_INVALIDARG. The operation has the others.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_endpoint_pairs(
    resolver: Option<&Resolver>,
    remote_host_name: Option<&HostName>,
    remote_service_name: Text,
    sort_options: u32,
    out: Option<&mut *mut Operation>,
) -> HResult {
    guard(|| {
        let (host, service) = (host(remote_host_name)?, remote_service_name.get()?);
        let options = HostNameSortOptions::try_from(sort_options)?;
        let pairs = match resolver {
            None => DatagramSocket::endpoint_pairs_with(host, service, options),
            Some(resolver) => {
                DatagramSocket::endpoint_pairs_by(&resolver.0, host, service, options)
            }
        };
        started(out, pairs, |pairs| {
            let pairs = pairs.into_iter().map(EndpointPair);
            Value::Object(Some(Any::new(List::of(pairs))))
        })
    })
}

/// Ties a socket to a background task. `action` is 0, or 1 to wake the machine. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is open; E_INVALIDARG if the id is all zeros;
/// RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_enable_transfer_ownership(
    socket: Option<&Socket>,
    task_id: Guid,
    action: i32,
) -> HResult {
    guard(|| {
        let action: SocketActivityConnectedStandbyAction = numbered(action)?;
        inner(socket)?.enable_transfer_ownership_with(task_id.into(), action)
    })
}

/// Hands a socket over to the socket broker. No system has one yet. `data` may be NULL;
/// `keep_alive_ticks` are units of 100 nanoseconds. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is not open, or was not enabled before; E_INVALIDARG if
/// the id is empty; RO_E_CLOSED; E_NOTIMPL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_socket_transfer_ownership(
    socket: Option<&Socket>,
    socket_id: Text,
    data: Option<&Buffer>,
    keep_alive_ticks: u64,
) -> HResult {
    guard(|| {
        let data = data.map(|data| {
            let bytes = data.to_bytes();
            SocketActivityContext::new(ModelBuffer::from(bytes))
        });
        let nanoseconds = keep_alive_ticks.saturating_mul(100);
        let keep_alive = std::time::Duration::from_nanos(nanoseconds);
        inner(socket)?.transfer_ownership_with_keep_alive(socket_id.get()?, data, keep_alive)
    })
}

/// Writes whether fragmentation is off. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_control_dont_fragment(
    control: Option<&Control>,
    out: Option<&mut bool>,
) -> HResult {
    guard(|| put(out, self::control(control)?.dont_fragment()?))
}

/// Sets whether fragmentation is off. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is open; RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_control_set_dont_fragment(
    control: Option<&Control>,
    value: bool,
) -> HResult {
    guard(|| self::control(control)?.set_dont_fragment(value))
}

/// Writes the size of the receive buffer in bytes. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_control_inbound_buffer_size_in_bytes(
    control: Option<&Control>,
    out: Option<&mut u32>,
) -> HResult {
    guard(|| put(out, self::control(control)?.inbound_buffer_size_in_bytes()?))
}

/// Sets the size of the receive buffer in bytes. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is open; E_INVALIDARG for 0 or more than 2,147,483,647;
/// RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_control_set_inbound_buffer_size_in_bytes(
    control: Option<&Control>,
    value: u32,
) -> HResult {
    guard(|| self::control(control)?.set_inbound_buffer_size_in_bytes(value))
}

/// Writes whether the socket receives only multicasts and broadcasts, and shares its port. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_control_multicast_only(
    control: Option<&Control>,
    out: Option<&mut bool>,
) -> HResult {
    guard(|| put(out, self::control(control)?.multicast_only()?))
}

/// Sets whether the socket receives only multicasts and broadcasts, and shares its port. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is open; RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_control_set_multicast_only(
    control: Option<&Control>,
    value: bool,
) -> HResult {
    guard(|| self::control(control)?.set_multicast_only(value))
}

/// Writes the hop limit of datagrams to one host. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_control_outbound_unicast_hop_limit(
    control: Option<&Control>,
    out: Option<&mut u8>,
) -> HResult {
    guard(|| put(out, self::control(control)?.outbound_unicast_hop_limit()?))
}

/// Sets the hop limit of datagrams that are sent to one host from now on. Any thread.
///
/// Errors: E_INVALIDARG for 0; RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_control_set_outbound_unicast_hop_limit(
    control: Option<&Control>,
    value: u8,
) -> HResult {
    guard(|| self::control(control)?.set_outbound_unicast_hop_limit(value))
}

/// Writes how the system treats the socket's datagrams: 0 normally, 1 with priority. Any thread.
///
/// Errors: RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_control_quality_of_service(
    control: Option<&Control>,
    out: Option<&mut i32>,
) -> HResult {
    guard(|| put(out, self::control(control)?.quality_of_service()? as i32))
}

/// Sets how the system treats the socket's datagrams. Any thread.
///
/// Errors: E_ILLEGAL_METHOD_CALL if the socket is open; E_INVALIDARG for an unknown number;
/// RO_E_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_control_set_quality_of_service(
    control: Option<&Control>,
    value: i32,
) -> HResult {
    guard(|| {
        let value: SocketQualityOfService = numbered(value)?;
        self::control(control)?.set_quality_of_service(value)
    })
}

/// Writes the local address, which is the caller's; NULL if the socket is not open. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_information_local_address(
    information: Option<&Information>,
    out: Option<&mut *mut HostName>,
) -> HResult {
    guard(|| {
        put(
            out,
            HostName::give(self::information(information)?.local_address()),
        )
    })
}

/// Writes the local port in decimal digits, which the caller frees; empty if the socket is not open.
/// Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_information_local_port(
    information: Option<&Information>,
    out: Option<&mut OwnedText>,
) -> HResult {
    guard(|| {
        put(
            out,
            OwnedText::new(&self::information(information)?.local_port()),
        )
    })
}

/// Writes the address of the peer, which is the caller's; NULL unless the socket is connected. Any
/// thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_information_remote_address(
    information: Option<&Information>,
    out: Option<&mut *mut HostName>,
) -> HResult {
    guard(|| {
        put(
            out,
            HostName::give(self::information(information)?.remote_address()),
        )
    })
}

/// Writes the port of the peer in decimal digits, which the caller frees; empty unless the socket is
/// connected. Any thread.
///
/// Errors: E_INVALIDARG if an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn udpair_information_remote_port(
    information: Option<&Information>,
    out: Option<&mut OwnedText>,
) -> HResult {
    guard(|| {
        put(
            out,
            OwnedText::new(&self::information(information)?.remote_port()),
        )
    })
}
