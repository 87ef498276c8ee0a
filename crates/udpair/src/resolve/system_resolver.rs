//! The system's resolver, getaddrinfo(3): it knows sources that no other part of this crate knows,
//! blocks, and cannot be cancelled.

use std::future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use udpair_io::{Family, LookupError};

use super::family::AddressFamily;
use super::step::FoundAddress;
use crate::driver::{self, SharedCalls};

/// The reason why the system's resolver returned no address.
#[derive(Clone, Debug)]
pub(super) enum SystemFailure {
    /// It reported this error.
    Lookup(Arc<LookupError>),
    /// It did not answer within this time.
    TimedOut(Duration),
    /// Within this time no thread was free to call it: earlier lookups occupy all of them.
    Busy(Duration),
    /// It could not be called.
    Io(Arc<io::Error>),
}

/// A lookup of the addresses of one host by the system.
#[derive(Clone, Debug)]
pub(super) struct SystemLookup {
    /// With a trailing dot if the search list is not to be used.
    pub(super) name: String,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
}

impl SystemLookup {
    /// Returns the addresses of one family, of a host of which no other addresses are wanted.
    pub(super) async fn only(
        &self,
        family: AddressFamily,
    ) -> Result<Vec<FoundAddress>, SystemFailure> {
        let found = self.call(of_family(family)).await?;
        addresses(&found, family)
    }

    /// Returns the addresses of one family, of a host of which those of the other family are looked
    /// up at the same time.
    ///
    /// The system is asked for both at once. It then returns nothing before it has both, or has
    /// given up on one; if that takes long, it is asked for one as well.
    pub(super) async fn one_of_both(
        &self,
        family: AddressFamily,
    ) -> Result<Vec<FoundAddress>, SystemFailure> {
        let mut both = pin!(self.call(Family::Dual));
        if let Some(found) = driver::timeout(BOTH_ALONE, both.as_mut()).await {
            return addresses(&found?, family);
        }
        // The hosts file, which may have the name for one family only, would have answered by now.
        let mut one = pin!(self.call(of_family(family)));
        let (mut of_both, mut of_one) = (None, None);
        let answer = future::poll_fn(|cx| {
            if of_both.is_none()
                && let Poll::Ready(answer) = both.as_mut().poll(cx)
            {
                of_both = Some(answer);
            }
            if of_one.is_none()
                && let Poll::Ready(answer) = one.as_mut().poll(cx)
            {
                of_one = Some(answer);
            }
            match (&of_both, &of_one) {
                (Some(answer), _) | (_, Some(answer)) if is_final(answer) => {
                    Poll::Ready(answer.clone())
                }
                (Some(answer), Some(_)) => Poll::Ready(answer.clone()),
                _ => Poll::Pending,
            }
        });
        addresses(&answer.await?, family)
    }

    async fn call(&self, family: Family) -> Result<Answer, SystemFailure> {
        static CALLS: LazyLock<SharedCalls<Call, Answer>> =
            LazyLock::new(|| SharedCalls::new("udpair-lookup", LOOKUPS_MAX));
        let call = Call {
            namespace: udpair_io::network_namespace(),
            name: self.name.clone(),
            family,
        };
        let name = self.name.clone();
        let work = move || {
            let found = udpair_io::lookup(&name, family);
            found.map(Arc::from).map_err(Arc::new)
        };
        let begun = driver::timeout(self.time_left(), CALLS.begin(call, work)).await;
        let call = match begun {
            Some(begun) => begun.map_err(|error| SystemFailure::Io(Arc::new(error)))?,
            None => return Err(SystemFailure::Busy(self.started.elapsed())),
        };
        match driver::timeout(self.time_left(), call.result()).await {
            Some(found) => found.map_err(|error| SystemFailure::Io(Arc::new(error))),
            None => Err(SystemFailure::TimedOut(self.started.elapsed())),
        }
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Returns the addresses of one family in an answer. There may be none, if there are some of the
/// other family.
fn addresses(answer: &Answer, family: AddressFamily) -> Result<Vec<FoundAddress>, SystemFailure> {
    match answer {
        Ok(found) => {
            let found = found.iter().copied().map(FoundAddress::of);
            Ok(found.filter(|found| family.includes(found.ip)).collect())
        }
        Err(error) => Err(SystemFailure::Lookup(error.clone())),
    }
}

/// Returns whether another call for the same host would not say more.
fn is_final(answer: &Result<Answer, SystemFailure>) -> bool {
    match answer {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => matches!(**error, LookupError::NotFound | LookupError::NoData),
        Err(_) => false,
    }
}

/// What the system answered. Several tasks may share it.
type Answer = Result<Arc<[SocketAddr]>, Arc<LookupError>>;

/// What makes two calls equal.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Call {
    namespace: Option<u64>,
    name: String,
    family: Family,
}

fn of_family(family: AddressFamily) -> Family {
    match family {
        AddressFamily::Ipv4 => Family::Ipv4,
        AddressFamily::Ipv6 => Family::Ipv6,
    }
}

/// How long the system is asked only for both families at once. Longer than a name server takes
/// that has to query others itself.
const BOTH_ALONE: Duration = Duration::from_millis(500);

/// The number of threads that wait for the system's resolver. Each may take long: three name
/// servers that do not respond hold one call of glibc for 28 seconds (two rounds of 5, 3 and 6
/// seconds), and a call cannot be cancelled. 64 take at most a few megabytes, and a program that
/// looks up more names at once gives name servers to its resolver, which need no threads.
const LOOKUPS_MAX: usize = 64;
