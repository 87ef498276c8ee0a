//! A runtime of quinn whose sockets are `udpair`'s.

use std::future::Future;
use std::io;
use std::net::UdpSocket;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use quinn::{AsyncTimer, AsyncUdpSocket};

use crate::QuicSocket;

/// A runtime of quinn whose sockets are `udpair`'s. Timers and tasks are those of another runtime.
///
/// ```
/// # use std::sync::Arc;
/// use quinn::{Endpoint, EndpointConfig, TokioRuntime};
/// use udpair_quinn::Runtime;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let socket = std::net::UdpSocket::bind("[::1]:0")?;
/// let runtime = Runtime::over(Arc::new(TokioRuntime));
/// let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(runtime))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Runtime(Arc<dyn quinn::Runtime>);

impl Runtime {
    /// Returns a runtime whose timers and tasks are those of `inner`.
    pub fn over(inner: Arc<dyn quinn::Runtime>) -> Self {
        Self(inner)
    }
}

impl quinn::Runtime for Runtime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        self.0.new_timer(at)
    }

    #[track_caller]
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let socket = crate::builder().from_std(socket)?;
        Ok(Arc::new(QuicSocket::new(socket)?))
    }

    fn now(&self) -> Instant {
        self.0.now()
    }
}
