//! What the object model has no member for: batches, and sockets with addresses in place of names.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use napi::Env;
use napi::bindgen_prelude::{Uint8Array, Unknown};
use napi_derive::napi;
use udpair_winrt::udpair::{Endpoint, EndpointPair, OutputStream, Resolver, SendBatch, adapter};
use udpair_winrt::{Error, Operation};

use crate::failure::OrThrow;
use crate::js;
use crate::operations::{Started, started};
use crate::options::{ResolverOptions, invalid};
use crate::runtime::Runtime;
use crate::socket::NativeSocket;

/// A destination of a socket.
#[napi]
pub struct NativeSender(OutputStream);

#[napi]
impl NativeSender {
    /// Returns a function that sends a datagram if the system has space, and returns whether it has.
    #[napi]
    pub fn writer<'env>(&self, env: &'env Env) -> napi::Result<Unknown<'env>> {
        let stream = self.0.clone();
        js::writer(env, move |env, payload| {
            stream.try_write(payload).or_throw(env)
        })
    }

    /// Sends `payload` as datagrams of `size` bytes each, as many as the system has space for, and
    /// returns their number.
    #[napi]
    pub fn try_write_run(&self, env: Env, payload: &[u8], size: u32) -> napi::Result<u32> {
        let size = size as usize;
        let bytes = self.0.try_write_run(payload, size).or_throw(&env)?;
        Ok(u32::try_from(bytes.div_ceil(size.max(1))).unwrap_or(u32::MAX))
    }

    /// Sends a datagram, and waits for space.
    #[napi]
    pub fn write<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        payload: &[u8],
    ) -> napi::Result<Started<'env>> {
        let (stream, payload) = (self.0.clone(), payload.to_vec());
        let operation = Operation::run(async move { Ok(stream.write(&payload).await?) });
        started(env, runtime.state(), operation, |()| ())
    }

    /// Sends each of these payloads as a datagram.
    #[napi]
    pub fn write_batch<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        payloads: Vec<Uint8Array>,
    ) -> napi::Result<Started<'env>> {
        let mut batch = SendBatch::with_capacity(payloads.len());
        batch.extend(
            payloads
                .iter()
                .map(|payload| Bytes::copy_from_slice(payload)),
        );
        let stream = self.0.clone();
        let operation = Operation::run(async move { Ok(stream.write_batch(&mut batch).await?) });
        started(env, runtime.state(), operation, |()| ())
    }

    #[napi]
    pub fn write_run<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        payload: &[u8],
        size: u32,
    ) -> napi::Result<Started<'env>> {
        let (stream, payload) = (self.0.clone(), payload.to_vec());
        let operation =
            Operation::run(async move { Ok(stream.write_run(&payload, size as usize).await?) });
        started(env, runtime.state(), operation, |()| ())
    }

    /// The address; null until the socket is connected.
    #[napi]
    pub fn destination(&self) -> Option<Address> {
        self.0.destination().map(Address::from)
    }

    #[napi]
    pub fn payload_bytes_max(&self) -> u32 {
        u32::try_from(self.0.payload_bytes_max()).unwrap_or(u32::MAX)
    }
}

/// An address and a port.
#[napi(object)]
pub struct Address {
    pub address: String,
    pub port: u32,
    pub family: String,
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let mut text = address.ip().to_string();
        if let SocketAddr::V6(address) = address
            && address.scope_id() != 0
        {
            text = format!("{text}%{}", address.scope_id());
        }
        Self {
            address: text,
            port: address.port().into(),
            family: if address.is_ipv4() { "IPv4" } else { "IPv6" }.into(),
        }
    }
}

/// What a socket has counted.
#[napi(object)]
pub struct Statistics {
    pub datagrams_received: f64,
    pub bytes_received: f64,
    pub receive_calls: f64,
    pub datagrams_sent: f64,
    pub bytes_sent: f64,
    pub send_calls: f64,
    pub send_dropped: f64,
    pub kernel_dropped: f64,
    pub kernel_dropped_exact: bool,
    pub queue_dropped: f64,
    pub non_peer_dropped: f64,
    pub peer_errors: f64,
    pub truncated: f64,
}

/// An option that was asked for.
#[napi(object)]
pub struct OptionReport {
    pub option: String,
    pub requested: Option<String>,
    pub granted: Option<String>,
    pub why_not: Option<String>,
    pub advice: Option<String>,
}

#[napi]
impl NativeSocket {
    /// Binds to a local endpoint, such as `localhost:0`.
    #[napi]
    pub fn bind_to<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        local: String,
        adapter_name: Option<String>,
    ) -> napi::Result<Started<'env>> {
        let local = local.parse::<Endpoint>().or_throw(env)?;
        let socket = self.socket.clone();
        let adapter = match adapter_name {
            Some(name) => Some(adapter(&name).or_throw(env)?),
            None => None,
        };
        let operation = Operation::run(async move {
            match adapter {
                Some(adapter) if local.host().is_some() => {
                    let name = &adapter.name;
                    let why = format!("bind to a service on {name}, or to a host: not to both");
                    return Err(invalid(&why));
                }
                Some(adapter) => socket.inner().bind_on(&adapter, local.service()).await?,
                None => socket.inner().bind(local).await?,
            }
            socket.begin_to_receive()
        });
        started(env, runtime.state(), operation, |()| ())
    }

    /// Connects to a remote endpoint, from a local one if it is given.
    #[napi]
    pub fn connect_to<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        remote: String,
        local: Option<String>,
    ) -> napi::Result<Started<'env>> {
        let pair = pair(&remote, local.as_deref()).or_throw(env)?;
        let socket = self.socket.clone();
        let operation = Operation::run(async move {
            socket.inner().connect(pair).await?;
            socket.begin_to_receive()
        });
        started(env, runtime.state(), operation, |()| ())
    }

    /// The peer as a destination.
    #[napi]
    pub fn sender(&self, env: Env) -> napi::Result<NativeSender> {
        self.socket
            .inner()
            .output()
            .map(NativeSender)
            .or_throw(&env)
    }

    /// A remote endpoint as a destination. The first write binds the socket.
    #[napi]
    pub fn sender_to<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        remote: String,
    ) -> napi::Result<Started<'env>> {
        let remote = remote.parse::<Endpoint>().or_throw(env)?;
        let socket = self.socket.clone();
        let operation = Operation::run(async move { Ok(socket.inner().output_to(remote).await?) });
        started(env, runtime.state(), operation, NativeSender)
    }

    /// Sends to an address at once, and returns whether that was possible.
    #[napi]
    pub fn try_send_to(
        &self,
        env: Env,
        payload: &[u8],
        port: u16,
        address: String,
    ) -> napi::Result<Option<bool>> {
        let Ok(ip) = address.parse::<IpAddr>() else {
            // A name, which has to be resolved.
            return Ok(None);
        };
        let inner = self.socket.inner();
        if inner.local_addr().is_none() {
            return Ok(Some(false));
        }
        inner
            .try_send_to(payload, SocketAddr::new(ip, port))
            .map(Some)
            .or_throw(&env)
    }

    /// Begins to receive if the socket was opened by a write.
    #[napi]
    pub fn opened_by_write(&self) {
        let _ = self.socket.begin_to_receive();
    }

    #[napi]
    pub fn local(&self) -> Option<Address> {
        self.socket.inner().local_addr().map(Address::from)
    }

    #[napi]
    pub fn remote(&self) -> Option<Address> {
        self.socket.inner().peer_addr().map(Address::from)
    }

    #[napi]
    pub fn join<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        group: String,
        adapter_name: Option<String>,
        source: Option<String>,
    ) -> napi::Result<Started<'env>> {
        let group = group
            .parse::<udpair_winrt::udpair::HostName>()
            .or_throw(env)?;
        let on = adapter_name
            .as_deref()
            .map(adapter)
            .transpose()
            .or_throw(env)?;
        let source = source.as_deref().map(ip).transpose().or_throw(env)?;
        let socket = self.socket.clone();
        let operation = Operation::run(async move {
            let inner = socket.inner();
            match (source, on) {
                (None, None) => drop(inner.join_multicast(&group).await?),
                (None, Some(on)) => drop(inner.join_multicast_on(&group, &on).await?),
                (Some(source), None) => drop(inner.join_source(&group, source).await?),
                (Some(source), Some(on)) => {
                    drop(inner.join_source_on(&group, source, &on).await?);
                }
            }
            Ok(())
        });
        started(env, runtime.state(), operation, |()| ())
    }

    #[napi]
    pub fn leave(
        &self,
        env: Env,
        group: String,
        adapter_name: Option<String>,
        source: Option<String>,
    ) -> napi::Result<()> {
        let group = ip(&group).or_throw(&env)?;
        let on = adapter_name
            .as_deref()
            .map(adapter)
            .transpose()
            .or_throw(&env)?;
        let source = source.as_deref().map(ip).transpose().or_throw(&env)?;
        let inner = self.socket.inner();
        let left = match (source, on) {
            (None, None) => inner.leave_multicast(group),
            (None, Some(on)) => inner.leave_multicast_on(group, &on),
            (Some(source), None) => inner.leave_source(group, source),
            (Some(source), Some(on)) => inner.leave_source_on(group, source, &on),
        };
        left.or_throw(&env)
    }

    #[napi]
    pub fn statistics(&self) -> Statistics {
        let counted = self.socket.inner().statistics();
        #[allow(clippy::cast_precision_loss, reason = "exact up to 2^53")]
        let number = |count: u64| count as f64;
        Statistics {
            datagrams_received: number(counted.datagrams_received),
            bytes_received: number(counted.bytes_received),
            receive_calls: number(counted.receive_calls),
            datagrams_sent: number(counted.datagrams_sent),
            bytes_sent: number(counted.bytes_sent),
            send_calls: number(counted.send_calls),
            send_dropped: number(counted.send_dropped),
            kernel_dropped: number(counted.kernel_dropped),
            kernel_dropped_exact: counted.kernel_dropped_exact,
            queue_dropped: number(counted.queue_dropped),
            non_peer_dropped: number(counted.non_peer_dropped),
            peer_errors: number(counted.peer_errors),
            truncated: number(counted.truncated),
        }
    }

    /// What was asked of the system, and what it has granted.
    #[napi]
    pub fn options(&self) -> Vec<OptionReport> {
        let report = self.socket.inner().options();
        let text = |value: &udpair_winrt::udpair::OptionValue| format!("{value:?}");
        report
            .iter()
            .map(|option| OptionReport {
                option: format!("{:?}", option.option),
                requested: option.requested.as_ref().map(text),
                granted: option.granted.as_ref().map(text),
                why_not: option.why_not.clone(),
                advice: option.advice.clone(),
            })
            .collect()
    }
}

/// Resolves a remote endpoint. The result is the addresses to try, the best first.
#[napi]
pub fn resolve<'env>(
    env: &'env Env,
    runtime: &Runtime,
    remote: String,
    options: Option<ResolverOptions>,
) -> napi::Result<Started<'env>> {
    let remote = remote.parse::<Endpoint>().or_throw(env)?;
    let resolver = match options {
        Some(options) => options.build().or_throw(env)?,
        None => Resolver::system(),
    };
    let operation = Operation::run(async move {
        let resolution = resolver.resolve(&remote).await;
        let addresses = resolution
            .candidates()?
            .iter()
            .map(|candidate| candidate.address);
        Ok(addresses.collect::<Vec<_>>())
    });
    started(env, runtime.state(), operation, |addresses| {
        addresses.into_iter().map(Address::from).collect::<Vec<_>>()
    })
}

fn pair(remote: &str, local: Option<&str>) -> Result<EndpointPair, Error> {
    let remote: Endpoint = remote.parse()?;
    let pair = EndpointPair::to_endpoint(remote)?;
    Ok(match local {
        Some(local) => pair.with_local(local.parse()?),
        None => pair,
    })
}

fn ip(text: &str) -> Result<IpAddr, Error> {
    text.parse()
        .map_err(|_| invalid(&format!("{text:?} is not an address")))
}
