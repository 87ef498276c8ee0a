//! The configuration of a resolver.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use udpair_io::Adapter;

use super::Resolver;
use super::family::AddressFamily;
use super::hosts::Hosts;
use super::services::ServiceTable;
use super::settings::ResolverSettings;
use super::system::TextFile;

/// A builder that configures a [`Resolver`].
///
/// Created by [`Resolver::builder`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use udpair::{AddressFamily, Resolver};
///
/// let resolver = Resolver::builder()
///     .dns_servers(["192.0.2.53:53".parse().unwrap()])
///     .family(AddressFamily::Ipv6)
///     .timeout(Duration::from_secs(3))
///     .build();
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct ResolverBuilder(ResolverSettings);

impl ResolverBuilder {
    pub(super) fn new() -> Self {
        Self(ResolverSettings::default())
    }

    /// Sets the name servers to query for hosts and SRV records, in this order.
    ///
    /// The system's resolver, its hosts file and its other sources are then not used.
    /// [`hosts_file`](Self::hosts_file) adds a hosts file, and `localhost` needs no server.
    /// Default: the system's resolver for hosts, and the system's name servers for SRV records.
    pub fn dns_servers(mut self, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.0.dns_servers = Some(servers.into_iter().collect());
        self
    }

    /// Sets the services file (services(5)), which must exist. Default: the system's file, which
    /// need not exist.
    pub fn services_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.services = Arc::new(TextFile::required(path.into(), ServiceTable::parse));
        self
    }

    /// Sets a text in the format of a services file (services(5)) to use instead of a file.
    pub fn services_text(mut self, text: &str) -> Self {
        self.0.services = Arc::new(TextFile::from_text(text, ServiceTable::parse));
        self
    }

    /// Sets a hosts file (hosts(5)), which must exist. Hosts are looked up there before any other
    /// source. Default: none; the system's resolver reads its own.
    pub fn hosts_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.hosts = Some(Arc::new(TextFile::required(path.into(), Hosts::parse)));
        self
    }

    /// Restricts the addresses to one family. Default: both families.
    pub fn family(mut self, family: AddressFamily) -> Self {
        self.0.family = Some(family);
        self
    }

    /// Sets the time limit of one resolution as a whole.
    ///
    /// Name servers are waited for until then, even after the last attempt: a server that is slow
    /// may still respond. Default: 60 seconds, which is as long as the system's resolver may take
    /// for a name that it finds. A question to name servers then ends earlier, after the time of all
    /// its attempts.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = Some(timeout);
        self
    }

    /// Sets how long to wait for a name server before the next attempt begins.
    ///
    /// Earlier attempts stay open: the first response counts, whichever query it answers. Attempts
    /// follow sooner if the time left of [`timeout`](Self::timeout) has to suffice for more of them.
    /// Default: what the system's configuration says for its own name servers (`timeout` in
    /// resolv.conf(5)); otherwise 5 seconds.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.0.attempt_timeout = Some(timeout);
        self
    }

    /// Sets how many times each name server is queried before it is given up; at least once.
    ///
    /// A server that may not support the extension EDNS (RFC 6891) gets one query more, without it.
    /// Default: what the system's configuration says for its own name servers (`attempts` in
    /// resolv.conf(5)); otherwise 2.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = Some(attempts.max(1));
        self
    }

    /// Sets the random number generator for the choice among SRV weights.
    ///
    /// `rng(n)` returns a number from 0 to `n`, both included. Default: the thread's random number
    /// generator.
    pub fn rng(mut self, rng: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Self {
        self.0.rng = Arc::new(rng);
        self
    }

    /// Sets whether the responses of name servers are cached for as long as their TTLs say.
    /// Default: `true`.
    ///
    /// The resolver and its clones share one cache, of at most one megabyte. Results of the operating system's resolver are
    /// not cached, because they come without a TTL. Neither are the responses to sockets that are
    /// bound to an adapter, because they may not be valid elsewhere. Without a cache too, equal
    /// questions are asked once while they are under way.
    pub fn cache(mut self, cache: bool) -> Self {
        self.0.caches = cache;
        self.0.dns = Arc::default();
        self
    }

    /// Sets the clock that determines the age of cached responses. Default: [`Instant::now`].
    pub fn clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.0.clock = Arc::new(clock);
        self
    }

    /// Sets the function that lists the adapters and their addresses. Default: the system's list.
    pub fn adapters(
        mut self,
        adapters: impl Fn() -> io::Result<Vec<Adapter>> + Send + Sync + 'static,
    ) -> Self {
        self.0.list_adapters = Arc::new(adapters);
        self
    }

    /// Returns a resolver with these settings.
    pub fn build(self) -> Resolver {
        Resolver(Arc::new(self.0))
    }
}

impl fmt::Debug for ResolverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolverBuilder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::thread;

    use super::super::settings::ATTEMPT_TIMEOUT;
    use super::*;
    use crate::resolve::{ServiceSource, Step};
    use crate::{Endpoint, ErrorKind};

    /// Starts a name server that responds to every query with this response code, and no records.
    fn name_server(code: u8) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut message = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut message) {
                // The query itself, marked as a response (RFC 1035, section 4.1.1).
                message[2] |= 0x80;
                // The server queries others, so that it may say that there are no records.
                message[3] = 0x80 | code;
                let _ = socket.send_to(&message[..length], from);
            }
        });
        address
    }

    /// Returns a resolver as on a machine without a services file.
    fn without_services_file(server: SocketAddr) -> Resolver {
        let mut builder = Resolver::builder()
            .dns_servers([server])
            .timeout(ATTEMPT_TIMEOUT);
        let missing = TextFile::optional("/nonexistent/services".into(), ServiceTable::parse);
        builder.0.services = Arc::new(missing);
        builder.build()
    }

    async fn resolve(resolver: &Resolver, remote: &str) -> Result<(u16, ServiceSource), ErrorKind> {
        let remote: Endpoint = remote.parse().unwrap();
        let resolution = resolver.resolve(&remote).await;
        let last = resolution.steps().iter().rev().find_map(|step| match step {
            Step::Service(step) => Some(step.source.clone()),
            _ => None,
        });
        match resolution.candidates() {
            Ok(candidates) => Ok((candidates[0].address.port(), last.unwrap())),
            Err(error) => Err(error.kind()),
        }
    }

    /// SVC-10: without a services file the embedded table is queried, as the last source.
    #[tokio::test]
    async fn the_table_replaces_a_missing_file_after_srv() {
        const NO_ERROR: u8 = 0;
        const SERVER_FAILURE: u8 = 2;
        const NAME_ERROR: u8 = 3;

        // No such name or no such record: the table is queried, and then the host, which does not
        // exist here either.
        for (code, kind) in [
            (NAME_ERROR, ErrorKind::HostNotFound),
            (NO_ERROR, ErrorKind::NoData),
        ] {
            let resolver = without_services_file(name_server(code));
            let remote: Endpoint = "x.test:ntp".parse().unwrap();
            let resolution = resolver.resolve(&remote).await;
            let [_, Step::Srv(_), Step::Service(table), Step::Address(_)] = resolution.steps()
            else {
                panic!("{:#?}", resolution.steps());
            };
            assert_eq!(
                (&table.source, table.port),
                (&ServiceSource::Table, Some(123))
            );
            assert_eq!(resolution.candidates().unwrap_err().kind(), kind);
            assert_eq!(
                resolve(&resolver, "x.test:no-such-service").await,
                Err(kind)
            );
            // An address has no SRV records, so the table is the only source.
            let found = resolve(&resolver, "192.0.2.1:ntp").await;
            assert_eq!(found, Ok((123, ServiceSource::Table)));
            let found = resolve(&resolver, "192.0.2.1:no-such-service").await;
            assert_eq!(found, Err(ErrorKind::ServiceNotFound));
        }
        // A server that failed has not said that the service does not exist.
        let resolver = without_services_file(name_server(SERVER_FAILURE));
        assert_eq!(
            resolve(&resolver, "x.test:ntp").await,
            Err(ErrorKind::NameServer)
        );

        let known = resolver.services().await.unwrap();
        assert_eq!(known.source, ServiceSource::Table);
        assert!(known.services.contains(&("ntp".to_owned(), 123)));
    }

    /// SVC-10: with a file, whatever it lists, the table is not queried.
    #[tokio::test]
    async fn the_table_is_not_used_if_there_is_a_services_file() {
        let builder = Resolver::builder().dns_servers([name_server(3)]);
        let resolver = builder.services_file("/dev/null").build();
        assert_eq!(
            resolve(&resolver, "x.test:ntp").await,
            Err(ErrorKind::HostNotFound)
        );
        assert_eq!(
            resolve(&resolver, "192.0.2.1:ntp").await,
            Err(ErrorKind::ServiceNotFound)
        );
        assert!(resolver.services().await.unwrap().services.is_empty());
    }
}
