//! The socket of the object model, and its reception.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use napi::Env;
use napi::bindgen_prelude::{Function, Uint8Array};
use napi_derive::napi;
use udpair_winrt::{
    DatagramSocket, EventToken, Guid, HostNameSortOptions, Reception,
    SocketActivityConnectedStandbyAction, SocketActivityContext, SocketError,
    SocketQualityOfService,
};

use crate::failure::{OrThrow, thrown};
use crate::js::Callback;
use crate::names::{self, NativeEndpointPair, NativeHostName};
use crate::network::NativeNetworkAdapter;
use crate::operations::{Started, started};
use crate::options::{ResolverOptions, SocketOptions, invalid};
use crate::output::NativeOutput;
use crate::receiver::Receiver;
use crate::runtime::Runtime;

/// A socket.
#[napi]
pub struct NativeSocket {
    pub(crate) socket: DatagramSocket,
    /// What the model leaves here when the socket opens.
    opened: Arc<Mutex<Option<Reception>>>,
    receiver: RefCell<Option<Rc<Receiver>>>,
}

#[napi]
impl NativeSocket {
    #[napi(constructor)]
    pub fn new(env: Env, options: Option<SocketOptions>) -> napi::Result<Self> {
        let socket = match options {
            Some(options) => {
                let builder = options.builder().or_throw(&env)?;
                DatagramSocket::with_builder(&builder).or_throw(&env)?
            }
            None => DatagramSocket::new(),
        };
        let opened = Arc::new(Mutex::new(None));
        let slot = opened.clone();
        let left = socket.receive_by(move |reception| {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(reception);
        });
        left.or_throw(&env)?;
        Ok(Self {
            socket,
            opened,
            receiver: RefCell::default(),
        })
    }

    /// Begins to receive if the socket has been opened. JavaScript calls this at the end of each
    /// operation that may have opened it. Returns whether it began.
    #[napi]
    pub fn begin(
        &self,
        env: Env,
        runtime: &Runtime,
        on_records: Function<'_>,
    ) -> napi::Result<bool> {
        let opened = self
            .opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(reception) = opened else {
            return Ok(false);
        };
        let Some(callback) = Callback::new(&env, &on_records) else {
            return Ok(false);
        };
        let receiver = Receiver::begin(runtime.state(), reception, callback).or_throw(&env)?;
        *self.receiver.borrow_mut() = Some(receiver);
        Ok(true)
    }

    #[napi]
    pub fn pause(&self) {
        self.with_receiver(Receiver::pause);
    }

    #[napi]
    pub fn resume(&self) {
        self.with_receiver(Receiver::resume);
    }

    #[napi]
    pub fn set_keeps_running(&self, keeps: bool) {
        self.with_receiver(|receiver| receiver.set_keeps_running(keeps));
    }

    #[napi]
    pub fn set_discards(&self, discards: bool) {
        self.with_receiver(|receiver| receiver.set_discards(discards));
    }

    fn with_receiver(&self, action: impl FnOnce(&Receiver)) {
        let receiver = self.receiver.borrow().clone();
        if let Some(receiver) = receiver {
            action(&receiver);
        }
    }

    /// Registers a handler, which JavaScript calls itself; returns its token.
    #[napi]
    pub fn add_handler(&self, env: Env) -> napi::Result<i64> {
        let token = self.socket.on_message_received(|_, _| ()).or_throw(&env)?;
        Ok(token.value())
    }

    #[napi]
    pub fn remove_handler(&self, token: i64) {
        if let Some(token) = EventToken::from_value(token) {
            self.socket.remove_message_received(token);
        }
    }

    #[napi]
    pub fn bind_endpoint<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        host: Option<&NativeHostName>,
        service: String,
    ) -> napi::Result<Started<'env>> {
        let operation = self
            .socket
            .bind_endpoint(host.map(|host| &host.0), &service);
        started(env, runtime.state(), operation, |()| ())
    }

    #[napi]
    pub fn bind_service_name<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        service: String,
    ) -> napi::Result<Started<'env>> {
        let operation = self.socket.bind_service_name(&service);
        started(env, runtime.state(), operation, |()| ())
    }

    #[napi]
    pub fn bind_service_name_on<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        service: String,
        adapter: &NativeNetworkAdapter,
    ) -> napi::Result<Started<'env>> {
        let operation = self.socket.bind_service_name_on(&service, &adapter.0);
        started(env, runtime.state(), operation, |()| ())
    }

    #[napi]
    pub fn connect<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        host: &NativeHostName,
        service: String,
    ) -> napi::Result<Started<'env>> {
        let operation = self.socket.connect(&host.0, &service);
        started(env, runtime.state(), operation, |()| ())
    }

    #[napi]
    pub fn connect_pair<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        pair: &NativeEndpointPair,
    ) -> napi::Result<Started<'env>> {
        let operation = self.socket.connect_pair(&pair.0);
        started(env, runtime.state(), operation, |()| ())
    }

    #[napi]
    pub fn output_stream(&self, env: Env) -> napi::Result<NativeOutput> {
        self.socket.output_stream().map(NativeOutput).or_throw(&env)
    }

    #[napi]
    pub fn output_stream_to<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        host: &NativeHostName,
        service: String,
    ) -> napi::Result<Started<'env>> {
        let operation = self.socket.output_stream_to(&host.0, &service);
        started(env, runtime.state(), operation, NativeOutput)
    }

    #[napi]
    pub fn output_stream_to_pair<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        pair: &NativeEndpointPair,
    ) -> napi::Result<Started<'env>> {
        let operation = self.socket.output_stream_to_pair(&pair.0);
        started(env, runtime.state(), operation, NativeOutput)
    }

    #[napi]
    pub fn join_multicast_group(&self, env: Env, host: &NativeHostName) -> napi::Result<()> {
        self.socket.join_multicast_group(&host.0).or_throw(&env)
    }

    #[napi]
    pub fn cancel_io<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
    ) -> napi::Result<Started<'env>> {
        let operation = self.socket.cancel_io();
        started(env, runtime.state(), operation, |()| ())
    }

    /// Closes the socket: its port is free when this returns.
    #[napi]
    pub fn close(&self) {
        self.socket.close();
        self.opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let receiver = self.receiver.borrow_mut().take();
        if let Some(receiver) = receiver {
            receiver.stop();
        }
    }

    #[napi]
    pub fn enable_transfer_ownership(
        &self,
        env: Env,
        task: String,
        action: Option<i32>,
    ) -> napi::Result<()> {
        let task = guid(&task).or_throw(&env)?;
        let done = match action {
            None => self.socket.enable_transfer_ownership(task),
            Some(action) => SocketActivityConnectedStandbyAction::try_from(action)
                .and_then(|action| self.socket.enable_transfer_ownership_with(task, action)),
        };
        done.or_throw(&env)
    }

    #[napi]
    pub fn transfer_ownership(
        &self,
        env: Env,
        id: String,
        data: Option<Uint8Array>,
        keep_alive: f64,
    ) -> napi::Result<()> {
        let context = data.map(|data| SocketActivityContext::new(data.to_vec().into()));
        let time = std::time::Duration::try_from_secs_f64(keep_alive / 1000.0)
            .map_err(|_| thrown(&env, &invalid("a time to keep the socket is not negative")))?;
        self.socket
            .transfer_ownership_with_keep_alive(&id, context, time)
            .or_throw(&env)
    }

    #[napi]
    pub fn dont_fragment(&self, env: Env) -> napi::Result<bool> {
        self.socket.control().dont_fragment().or_throw(&env)
    }

    #[napi]
    pub fn set_dont_fragment(&self, env: Env, value: bool) -> napi::Result<()> {
        self.socket
            .control()
            .set_dont_fragment(value)
            .or_throw(&env)
    }

    #[napi]
    pub fn inbound_buffer_size(&self, env: Env) -> napi::Result<u32> {
        self.socket
            .control()
            .inbound_buffer_size_in_bytes()
            .or_throw(&env)
    }

    #[napi]
    pub fn set_inbound_buffer_size(&self, env: Env, value: f64) -> napi::Result<()> {
        let control = self.socket.control();
        // What is no size is refused like 0, after the state of the socket.
        let value = whole(value, f64::from(u32::MAX)).map_or(0, |value| value as u32);
        control
            .set_inbound_buffer_size_in_bytes(value)
            .or_throw(&env)
    }

    #[napi]
    pub fn multicast_only(&self, env: Env) -> napi::Result<bool> {
        self.socket.control().multicast_only().or_throw(&env)
    }

    #[napi]
    pub fn set_multicast_only(&self, env: Env, value: bool) -> napi::Result<()> {
        self.socket
            .control()
            .set_multicast_only(value)
            .or_throw(&env)
    }

    #[napi]
    pub fn hop_limit(&self, env: Env) -> napi::Result<u32> {
        let limit = self.socket.control().outbound_unicast_hop_limit();
        limit.map(u32::from).or_throw(&env)
    }

    #[napi]
    pub fn set_hop_limit(&self, env: Env, value: f64) -> napi::Result<()> {
        let control = self.socket.control();
        let value = whole(value, 255.0).map_or(0, |value| value as u8);
        control.set_outbound_unicast_hop_limit(value).or_throw(&env)
    }

    #[napi]
    pub fn quality_of_service(&self, env: Env) -> napi::Result<i32> {
        let quality = self.socket.control().quality_of_service().or_throw(&env)?;
        Ok(quality as i32)
    }

    #[napi]
    pub fn set_quality_of_service(&self, env: Env, value: i32) -> napi::Result<()> {
        let control = self.socket.control();
        // The state of the socket counts before the value.
        let current = control.quality_of_service().or_throw(&env)?;
        let quality = SocketQualityOfService::try_from(value);
        if quality.is_err() {
            control.set_quality_of_service(current).or_throw(&env)?;
        }
        control
            .set_quality_of_service(quality.or_throw(&env)?)
            .or_throw(&env)
    }

    #[napi]
    pub fn local_address(&self) -> Option<NativeHostName> {
        self.socket
            .information()
            .local_address()
            .map(NativeHostName)
    }

    #[napi]
    pub fn local_port(&self) -> String {
        self.socket.information().local_port()
    }

    #[napi]
    pub fn remote_address(&self) -> Option<NativeHostName> {
        self.socket
            .information()
            .remote_address()
            .map(NativeHostName)
    }

    #[napi]
    pub fn remote_port(&self) -> String {
        self.socket.information().remote_port()
    }
}

#[napi]
pub fn endpoint_pairs<'env>(
    env: &'env Env,
    runtime: &Runtime,
    host: &NativeHostName,
    service: String,
    options: u32,
    resolver: Option<ResolverOptions>,
) -> napi::Result<Started<'env>> {
    let options = HostNameSortOptions::try_from(options).or_throw(env)?;
    let operation = match resolver {
        Some(resolver) => {
            let resolver = resolver.build().or_throw(env)?;
            DatagramSocket::endpoint_pairs_by(&resolver, &host.0, &service, options)
        }
        None => DatagramSocket::endpoint_pairs_with(&host.0, &service, options),
    };
    started(env, runtime.state(), operation, names::pairs)
}

/// `SocketError.GetStatus`.
#[napi]
pub fn socket_error_status(number: i32) -> u32 {
    u32::from(SocketError::status(number) as u8)
}

/// Returns a number that is whole and between 0 and `max`.
fn whole(value: f64, max: f64) -> Option<f64> {
    (value.fract() == 0.0 && (0.0..=max).contains(&value)).then_some(value)
}

pub(crate) fn guid(text: &str) -> Result<Guid, udpair_winrt::Error> {
    let bare = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    Ok(bare.unwrap_or(text).parse()?)
}
