//! How a resolver is told to resolve.

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

/// Says how a [`Resolver`] resolves.
#[derive(Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct ResolverBuilder(ResolverSettings);

impl ResolverBuilder {
    pub(super) fn new() -> Self {
        Self(ResolverSettings::default())
    }

    /// Asks these servers, for hosts and for SRV records, in this order.
    ///
    /// The system's resolver, its hosts file and its other sources are then not asked;
    /// [`hosts_file`](Self::hosts_file) adds a hosts file, and `localhost` answers itself. Default: the
    /// system's.
    pub fn dns_servers(mut self, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.0.dns_servers = Some(servers.into_iter().collect());
        self
    }

    /// Looks services up in this file, which must exist then. Default: the system's file, which need
    /// not.
    pub fn services_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.services = Arc::new(TextFile::named(path.into(), ServiceTable::parse));
        self
    }

    /// Looks services up in this text, written like a services file (services(5)), instead of a file.
    pub fn services_text(mut self, text: &str) -> Self {
        self.0.services = Arc::new(TextFile::of_text(text, ServiceTable::parse));
        self
    }

    /// Looks hosts up in this file before anything else is asked; it must exist. Default: the system's
    /// resolver reads its own.
    pub fn hosts_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.hosts = Some(Arc::new(TextFile::named(path.into(), Hosts::parse)));
        self
    }

    /// Returns addresses of this family only. Default: both.
    pub fn family(mut self, family: AddressFamily) -> Self {
        self.0.family = Some(family);
        self
    }

    /// Limits one resolution as a whole. Default: 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }

    /// Limits one try of one name server. Default: 5 seconds, or less where the time that is left must
    /// do for more tries.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.0.attempt_timeout = timeout;
        self
    }

    /// Asks each name server so often before it is given up, at least once. Default: 2.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts.max(1);
        self
    }

    /// Takes random numbers from `rng` where SRV weights leave a choice: `rng(n)` returns a number from 0 to
    /// `n`, both included. Default: the thread's random generator.
    pub fn rng(mut self, rng: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Self {
        self.0.rng = Arc::new(rng);
        self
    }

    /// Keeps the answers of name servers as long as their TTLs say, or asks every time. Default: `true`.
    ///
    /// The resolver and its clones share what is kept. What the operating system finds is not kept: it
    /// comes without a TTL. Nor is what sockets that are bound to an adapter are told: it may not hold
    /// elsewhere.
    pub fn cache(mut self, cache: bool) -> Self {
        self.0.cache = cache.then(Arc::default);
        self
    }

    /// Tells the age of kept answers by this clock. Default: [`Instant::now`].
    pub fn clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.0.clock = Arc::new(clock);
        self
    }

    /// Asks this function for the adapters and their addresses. Default: the system.
    pub fn adapters(
        mut self,
        adapters: impl Fn() -> io::Result<Vec<Adapter>> + Send + Sync + 'static,
    ) -> Self {
        self.0.list_adapters = Arc::new(adapters);
        self
    }

    /// Returns the resolver.
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

    /// A name server that gives every question this response code, and nothing else.
    fn name_server(code: u8) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut message = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut message) {
                // The question itself, marked as a response (RFC 1035, section 4.1.1).
                message[2] |= 0x80;
                message[3] = code;
                let _ = socket.send_to(&message[..length], from);
            }
        });
        address
    }

    /// A resolver on a machine without a services file.
    fn without_services_file(server: SocketAddr) -> Resolver {
        let mut builder = Resolver::builder()
            .dns_servers([server])
            .timeout(ATTEMPT_TIMEOUT);
        let missing = TextFile::of_system("/nonexistent/services".into(), ServiceTable::parse);
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

    /// SVC-10: without a services file the embedded table is asked, last.
    #[tokio::test]
    async fn the_table_stands_in_for_a_missing_file_after_srv() {
        const NO_ERROR: u8 = 0;
        const SERVER_FAILURE: u8 = 2;
        const NAME_ERROR: u8 = 3;

        // No such name or no such record: the table is asked, and then the host, which here is not there
        // either.
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
            // Where no SRV record could tell, the table is all there is.
            let found = resolve(&resolver, "192.0.2.1:ntp").await;
            assert_eq!(found, Ok((123, ServiceSource::Table)));
            let found = resolve(&resolver, "192.0.2.1:no-such-service").await;
            assert_eq!(found, Err(ErrorKind::ServiceNotFound));
        }
        // A server that failed has not said that there is no such service.
        let resolver = without_services_file(name_server(SERVER_FAILURE));
        assert_eq!(
            resolve(&resolver, "x.test:ntp").await,
            Err(ErrorKind::NameServer)
        );

        let known = resolver.services().await.unwrap();
        assert_eq!(known.source, ServiceSource::Table);
        assert!(known.services.contains(&("ntp".to_owned(), 123)));
    }

    /// SVC-10: with a file, whatever it lists, the table is not asked.
    #[tokio::test]
    async fn a_services_file_keeps_the_table_out() {
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
