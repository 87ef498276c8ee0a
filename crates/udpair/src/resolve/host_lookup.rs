//! The lookup of one host. Both families are looked up side by side, and a caller that needs only
//! one address does not wait for both.

use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use udpair_io::LookupError;

use super::dns::{DnsFailure, QueryLog};
use super::family::AddressFamily;
use super::step::{DnsQuery, FoundAddress, RecordType};
use super::system_resolver::SystemFailure;
use crate::driver::Timer;

/// A host that is being looked up.
pub(super) struct HostLookup<'a> {
    /// The lookups that have not ended, at most one per family.
    running: Vec<FamilyLookup<'a>>,
    /// The addresses that were not handed out yet, each list with the record type of its family;
    /// `None` for those that were known before.
    found: Vec<(Option<RecordType>, Vec<FoundAddress>)>,
    has_found: bool,
    failure: Option<LookupFailure>,
    /// The record types that had no response in time.
    open: Vec<RecordType>,
    queries: Vec<DnsQuery>,
    /// Whether the families are looked up one after the other.
    is_sequential: bool,
    /// Whether an earlier source has the host, with an address of a family that is not wanted.
    has_other_family: bool,
    /// Advice for a host that has no address.
    advice: Option<String>,
}

/// The lookup of one family.
pub(super) struct FamilyLookup<'a> {
    pub(super) record_type: RecordType,
    /// The queries of `addresses`.
    pub(super) log: Arc<QueryLog>,
    pub(super) addresses: FoundAddresses<'a>,
}

/// A future of the addresses of one family. There may be none without a failure, if the source has
/// addresses of the other family.
pub(super) type FoundAddresses<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<FoundAddress>, LookupFailure>> + Send + 'a>>;

/// The reason why a source returned no addresses.
#[derive(Clone, Debug)]
pub(super) enum LookupFailure {
    Dns(DnsFailure),
    System(SystemFailure),
}

impl LookupFailure {
    /// Returns whether the source might have returned addresses later.
    fn is_open(&self) -> bool {
        match self {
            Self::Dns(failure) => failure.is_open(),
            Self::System(failure) => {
                matches!(failure, SystemFailure::TimedOut(_) | SystemFailure::Busy(_))
            }
        }
    }

    /// Returns whether the source says that there is no such name, or no such address.
    pub(super) fn is_absence(&self) -> bool {
        match self {
            Self::Dns(failure) => failure.is_absence(),
            Self::System(SystemFailure::Lookup(error)) => {
                matches!(**error, LookupError::NotFound | LookupError::NoData)
            }
            Self::System(_) => false,
        }
    }

    /// Returns the failure that is more specific.
    fn or_more_specific(self, other: Self) -> Self {
        match (self, other) {
            (Self::Dns(one), Self::Dns(other)) => Self::Dns(one.or_more_specific(other)),
            // The same source has the same reason.
            (one, _) => one,
        }
    }
}

impl<'a> HostLookup<'a> {
    /// Returns the lookup of a host of which these addresses are known already.
    pub(super) fn known(addresses: Vec<FoundAddress>) -> Self {
        Self {
            running: Vec::new(),
            has_found: !addresses.is_empty(),
            found: vec![(None, addresses)],
            failure: None,
            open: Vec::new(),
            queries: Vec::new(),
            is_sequential: false,
            has_other_family: false,
            advice: None,
        }
    }

    /// Returns the lookup of a host whose families are looked up like this.
    pub(super) fn of(families: Vec<FamilyLookup<'a>>, is_sequential: bool) -> Self {
        Self {
            running: families,
            is_sequential,
            ..Self::known(Vec::new())
        }
    }

    /// Returns this lookup with further families to look up.
    pub(super) fn with(mut self, families: Vec<FamilyLookup<'a>>, is_sequential: bool) -> Self {
        self.running = families;
        self.is_sequential = is_sequential;
        self
    }

    /// Returns this lookup after one in a source that has the host, but with an address of a family
    /// that is not wanted, if `has_other_family`.
    pub(super) fn after_other_family(mut self, has_other_family: bool) -> Self {
        self.has_other_family |= has_other_family;
        self
    }

    /// Returns whether an earlier source has the host, with an address of a family that is not
    /// wanted.
    pub(super) fn has_other_family(&self) -> bool {
        self.has_other_family
    }

    /// Returns this lookup with advice for a host that has no address.
    pub(super) fn with_advice(mut self, advice: Option<String>) -> Self {
        self.advice = advice;
        self
    }

    /// Returns advice for a host that has no address; `None` if there is none.
    pub(super) fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// Waits until every family has ended, and returns all addresses.
    ///
    /// # Errors
    ///
    /// There is no address: the most specific reason.
    pub(super) async fn all(&mut self) -> Result<Vec<FoundAddress>, LookupFailure> {
        future::poll_fn(|cx| {
            self.poll_running(cx);
            match self.running.is_empty() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        match self.take_found() {
            Some(found) => Ok(found),
            None => self.failure.take().map_or(Ok(Vec::new()), Err),
        }
    }

    /// Waits for the next addresses, and returns them; `None` after the last ones.
    ///
    /// When one family has addresses, the other one has only the Resolution Delay to follow (RFC
    /// 8305, section 3). It still counts if it comes later: the next call waits for it. Addresses
    /// that were known from the start come first, without a query for the others.
    ///
    /// # Errors
    ///
    /// There was no address at all: the most specific reason.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<FoundAddress>>, LookupFailure> {
        let is_known =
            |(source, found): &(Option<_>, Vec<_>)| source.is_none() && !found.is_empty();
        if self.found.iter().any(is_known) {
            return Ok(self.take_found());
        }
        let mut delay: Option<(Instant, Timer)> = None;
        future::poll_fn(|cx| {
            self.poll_running(cx);
            if self.running.is_empty() {
                return Poll::Ready(());
            }
            if self.found.iter().all(|(_, found)| found.is_empty()) {
                return Poll::Pending;
            }
            let (end, timer) = delay.get_or_insert_with(|| {
                let end = Instant::now() + RESOLUTION_DELAY;
                (end, Timer::at(end))
            });
            match timer.poll(cx).is_ready() || Instant::now() >= *end {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        match self.take_found() {
            Some(found) => Ok(Some(found)),
            None if self.has_found => Ok(None),
            None => self.failure.take().map_or(Ok(None), Err),
        }
    }

    /// Returns the queries so far, and forgets them.
    pub(super) fn take_queries(&mut self) -> Vec<DnsQuery> {
        std::mem::take(&mut self.queries)
    }

    /// Returns the record types that had no response in time.
    pub(super) fn open(&self) -> &[RecordType] {
        &self.open
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) {
        let mut index = 0;
        while let Some(family) = self.running.get_mut(index) {
            match family.addresses.as_mut().poll(cx) {
                Poll::Pending if self.is_sequential => return,
                Poll::Pending => index += 1,
                Poll::Ready(found) => {
                    let family = self.running.remove(index);
                    self.queries.extend(family.log.take());
                    self.ended(family.record_type, found);
                }
            }
        }
    }

    fn ended(&mut self, record_type: RecordType, found: Result<Vec<FoundAddress>, LookupFailure>) {
        match found {
            Ok(found) => {
                self.has_found |= !found.is_empty();
                self.found.push((Some(record_type), found));
            }
            Err(failure) => {
                if failure.is_open() {
                    self.open.push(record_type);
                }
                self.failure = Some(match self.failure.take() {
                    Some(earlier) => earlier.or_more_specific(failure),
                    None => failure,
                });
            }
        }
    }

    /// Returns the addresses that were not handed out yet, each once; `None` if there are none.
    /// Their order does not depend on which family came first.
    fn take_found(&mut self) -> Option<Vec<FoundAddress>> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|(record_type, _)| match record_type {
            None => 0,
            Some(RecordType::A) => 1,
            Some(_) => 2,
        });
        let mut distinct: Vec<FoundAddress> = Vec::new();
        for address in found.into_iter().flat_map(|(_, found)| found) {
            // An IPv4 address may have a record of each type (HOST-21), or several rows of a file.
            let host = |address: &FoundAddress| (address.ip, address.scope_id);
            if distinct.iter().all(|other| host(other) != host(&address)) {
                distinct.push(address);
            }
        }
        (!distinct.is_empty()).then_some(distinct)
    }
}

impl AddressFamily {
    /// Returns the type of the records that have addresses of this family.
    pub(super) fn record_type(self) -> RecordType {
        match self {
            Self::Ipv4 => RecordType::A,
            Self::Ipv6 => RecordType::Aaaa,
        }
    }
}

/// RFC 8305, section 3.
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
