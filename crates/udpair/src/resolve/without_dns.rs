//! What stands in the place of `dns` in a build without the feature of that name: a client that can
//! ask no name server, and says so.
//!
//! It has the types and functions of `dns` that other files use. Files and the system's resolver
//! are not concerned.

mod questions;

use std::sync::Arc;
use std::time::Duration;

use super::host::Host;
use super::inputs::{Clock, Rng};
use super::step::{DnsQuery, RecordType};
use crate::error::{Error, ErrorKind};

/// The settings that concern only name servers, none of which is needed.
#[derive(Clone, Default)]
pub(super) struct DnsSettings;

impl DnsSettings {
    pub(super) fn set_attempt_timeout(&mut self, _timeout: Duration) {}

    pub(super) fn set_attempts(&mut self, _attempts: u32) {}

    pub(super) fn set_rng(&mut self, _rng: Arc<Rng>) {}

    pub(super) fn set_clock(&mut self, _clock: Arc<Clock>) {}

    pub(super) fn set_caches(&mut self, _caches: bool) {}

    /// Returns no query, since none is sent.
    pub(super) fn open_queries(&self) -> Vec<DnsQuery> {
        Vec::new()
    }
}

/// The file that lists the system's name servers. Only whether it can be read matters: the system's
/// resolver reads it too.
#[derive(Debug)]
pub(super) struct NameServers;

impl NameServers {
    pub(super) fn parse(_text: &str) -> Self {
        Self
    }
}

/// The queries of a lookup, of which there are none.
#[derive(Debug, Default)]
pub(super) struct QueryLog;

impl QueryLog {
    pub(super) fn take(&self) -> Vec<DnsQuery> {
        Vec::new()
    }
}

/// The reason why there are no records: no name server can be asked.
#[derive(Clone, Debug)]
pub(super) struct DnsFailure;

impl DnsFailure {
    pub(super) fn is_open(&self) -> bool {
        false
    }

    pub(super) fn is_absence(&self) -> bool {
        false
    }

    pub(super) fn is_no_data(&self) -> bool {
        false
    }

    pub(super) fn or_more_specific(self, _other: Self) -> Self {
        self
    }

    /// Returns the error for a host that was to be looked up.
    pub(super) fn for_host(self, host: &Host, _types: &[RecordType]) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!("cannot resolve host \"{host}\": {NO_NAME_SERVER}"),
        )
        .with_advice(
            "enable the feature `dns` of the crate udpair, or leave hosts to the system's resolver",
        )
    }
}

const NO_NAME_SERVER: &str =
    "this program can ask no name server, because udpair was built without its feature \"dns\"";
