//! Counts received datagrams.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::{Value, json};

use super::{END_BYTES, cpu_since, say_ready, ticker};
use crate::Result;
use crate::system::process::{self, Processes};

/// Counts received datagrams, with one call per datagram.
pub(crate) struct Counter {
    received: u64,
    bytes: u64,
    /// How long the application works on each datagram.
    work: Duration,
    cpu: Duration,
}

impl Counter {
    /// Reports that this process can receive, and starts to count.
    pub(crate) fn ready() -> Result<Self> {
        say_ready()?;
        Ok(Self {
            received: 0,
            bytes: 0,
            work: ticker::work(),
            cpu: process::cpu_time(Processes::This),
        })
    }

    /// Counts one datagram. Breaks at the end datagram, which is not counted.
    ///
    /// Never inlined: it stands for the handler of an application, which is opaque to a library.
    #[inline(never)]
    pub(crate) fn take(&mut self, payload: &[u8]) -> ControlFlow<()> {
        if payload.len() == END_BYTES {
            return ControlFlow::Break(());
        }
        self.received += 1;
        self.bytes += black_box(payload).len() as u64;
        if !self.work.is_zero() {
            ticker::spend(self.work);
        }
        ControlFlow::Continue(())
    }

    /// Counts several datagrams. Breaks at the end datagram.
    pub(crate) fn take_all<'a>(
        &mut self,
        payloads: impl IntoIterator<Item = &'a [u8]>,
    ) -> ControlFlow<()> {
        payloads
            .into_iter()
            .try_for_each(|payload| self.take(payload))
    }

    pub(crate) fn finish(&self) -> Value {
        json!({
            "received": self.received,
            "bytes": self.bytes,
            "cpu_seconds": cpu_since(self.cpu),
            "late": ticker::lateness(),
        })
    }
}
