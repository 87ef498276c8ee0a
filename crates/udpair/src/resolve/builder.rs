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
use super::text_file::TextFile;

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
    ///
    /// Without the feature `dns`, looking up a host in this way is
    /// [`Unsupported`](crate::ErrorKind::Unsupported).
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

    /// Sets whether the services of remote endpoints are looked up in DNS only. Default: `false`.
    ///
    /// Otherwise the SRV records of a service that the services file lists are never queried. A
    /// single service is looked up in DNS only if it is written as DNS writes it: `_sip` at
    /// `example.com`, or `sip` at `_sip._udp.example.com`. Port numbers and local services are not
    /// affected.
    pub fn srv_only(mut self, srv_only: bool) -> Self {
        self.0.srv_only = srv_only;
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
    /// for a name that it finds. A question to name servers then ends earlier, after the time of
    /// all its attempts.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = Some(timeout);
        self
    }

    /// Sets how long to wait for a name server before the next attempt begins.
    ///
    /// Earlier attempts stay open: the first response counts, whichever query it answers. Attempts
    /// follow sooner if the time left of [`timeout`](Self::timeout) has to suffice for more of
    /// them. Default: what the system's configuration says for its own name servers (`timeout` in
    /// resolv.conf(5)); otherwise 5 seconds.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.0.dns.set_attempt_timeout(timeout);
        self
    }

    /// Sets how many times each name server is queried before it is given up; at least once.
    ///
    /// A server that may not support the extension EDNS (RFC 6891) gets one query more, without it.
    /// Default: what the system's configuration says for its own name servers (`attempts` in
    /// resolv.conf(5)); otherwise 2.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.0.dns.set_attempts(attempts);
        self
    }

    /// Sets the random number generator for the choice among SRV weights.
    ///
    /// `rng(n)` returns a number from 0 to `n`, both included. Default: the thread's random number
    /// generator.
    pub fn rng(mut self, rng: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Self {
        self.0.dns.set_rng(Arc::new(rng));
        self
    }

    /// Sets whether the responses of name servers are cached for as long as their TTLs say.
    /// Default: `true`.
    ///
    /// The resolver and its clones share one cache, of at most one megabyte. Results of the
    /// operating system's resolver are not cached, because they come without a TTL. Neither are the
    /// responses to sockets that are bound to an adapter, because they may not be valid elsewhere.
    /// Without a cache too, equal questions are asked once while they are under way.
    pub fn cache(mut self, cache: bool) -> Self {
        self.0.dns.set_caches(cache);
        self
    }

    /// Sets the clock that determines the age of cached responses. Default: [`Instant::now`].
    pub fn clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.0.dns.set_clock(Arc::new(clock));
        self
    }

    /// Sets the function that lists the adapters and their addresses. Default: the system's list.
    ///
    /// The zone of an IPv6 address that names an adapter (`fe80::1%eth0`) is looked up in that
    /// list.
    pub fn adapters(
        mut self,
        adapters: impl Fn() -> io::Result<Vec<Adapter>> + Send + Sync + 'static,
    ) -> Self {
        let adapters = Arc::new(adapters);
        self.0.list_adapters = adapters.clone();
        self.0.has_own_adapters = true;
        self.0.adapter_index = Arc::new(move |name| {
            let adapters = adapters().unwrap_or_default();
            let found = adapters.iter().find(|adapter| adapter.name == name);
            found.map(|adapter| adapter.index)
        });
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
    use std::fs;

    use super::super::dns::NameServers;
    use super::*;
    use crate::resolve::{AddressSource, ServiceSource, Step};
    use crate::{Endpoint, ErrorKind};

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

    /// A folder of files that a test writes, in the place of those of the system. It is removed
    /// when the value is dropped.
    struct Files(PathBuf);

    impl Files {
        fn new(name: &str) -> Self {
            let name = format!("udpair-builder-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        /// Writes a file.
        fn write(&self, name: &str, text: &str) {
            let _ = fs::remove_dir(self.path(name));
            fs::write(self.path(name), text).unwrap();
        }

        /// Puts a folder in the place of a file, which even root cannot read.
        fn spoil(&self, name: &str) {
            let _ = fs::remove_file(self.path(name));
            fs::create_dir(self.path(name)).unwrap();
        }

        /// Returns a builder of a resolver that takes these for the files of the system.
        fn builder(&self) -> ResolverBuilder {
            let mut builder = Resolver::builder().timeout(Duration::from_secs(20));
            builder.0.services = Arc::new(TextFile::optional(
                self.path("services"),
                ServiceTable::parse,
            ));
            builder.0.system_hosts = Arc::new(TextFile::optional(self.path("hosts"), Hosts::parse));
            let name_servers = TextFile::optional(self.path("resolv.conf"), NameServers::parse);
            builder.0.name_servers = Some(Arc::new(name_servers));
            builder
        }
    }

    impl Drop for Files {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// SVC-10: a services file that cannot be read is not a missing one, so that the table does not
    /// give another port.
    #[tokio::test]
    async fn an_unreadable_services_file_is_an_error_that_names_it() {
        let files = Files::new("services");
        files.spoil("services");
        let resolver = files.builder().build();
        let path = files.path("services").display().to_string();
        for remote in ["x.test:ntp", "192.0.2.1:ntp", "localhost:ntp"] {
            let resolution = resolver.resolve(&remote.parse().unwrap()).await;
            let error = resolution.candidates().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{remote}");
            assert!(error.to_string().contains(&path), "{error}");
            let [Step::Service(step)] = resolution.steps() else {
                panic!("{:#?}", resolution.steps());
            };
            assert_eq!(step.error, Some(error.to_string()), "{remote}");
        }
        let local: crate::name::Endpoint = "127.0.0.1:ntp".parse().unwrap();
        let error = crate::DatagramSocket::builder()
            .resolver(&resolver)
            .bind(&local)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(&path), "{error}");
        assert!(
            resolver
                .services()
                .await
                .unwrap_err()
                .to_string()
                .contains(&path)
        );
        // Nothing is looked up for a number or in DNS.
        let found = resolver.resolve(&"192.0.2.1:7".parse().unwrap()).await;
        assert!(found.candidates().is_ok());

        files.write("services", "ntp 1234/udp\n");
        let found = resolve(&resolver, "192.0.2.1:ntp").await;
        let source = ServiceSource::File(files.path("services"));
        assert_eq!(found, Ok((1234, source.clone())));
        assert_eq!(resolver.services().await.unwrap().problem, None);

        files.spoil("services");
        let resolution = resolver.resolve(&"192.0.2.1:ntp".parse().unwrap()).await;
        let Step::Service(step) = &resolution.steps()[0] else {
            panic!("{:#?}", resolution.steps());
        };
        assert_eq!((step.port, &step.source), (Some(1234), &source));
        assert!(step.notes[0].contains(&path), "{:?}", step.notes);
        let known = resolver.services().await.unwrap();
        assert_eq!(known.services, [("ntp".to_owned(), 1234)]);
        assert!(known.problem.unwrap().contains(&path));
    }

    /// HOST-20: the dot at the end of a name makes this crate read the system's hosts file itself.
    #[tokio::test]
    async fn an_unreadable_hosts_file_is_an_error_that_names_it() {
        let files = Files::new("hosts");
        files.spoil("hosts");
        let resolver = files.builder().build();
        let path = files.path("hosts").display().to_string();
        let remote: Endpoint = "x.invalid.:7".parse().unwrap();
        let resolution = resolver.resolve(&remote).await;
        let error = resolution.candidates().unwrap_err();
        assert!(error.to_string().contains(&path), "{error}");

        files.write("hosts", "192.0.2.7 x.invalid\n");
        assert!(resolver.resolve(&remote).await.candidates().is_ok());
        files.spoil("hosts");
        let resolution = resolver.resolve(&remote).await;
        let address = resolution.candidates().unwrap()[0].address;
        assert_eq!(address, "192.0.2.7:7".parse().unwrap());
        let Step::Address(step) = &resolution.steps()[1] else {
            panic!("{:#?}", resolution.steps());
        };
        assert_eq!(step.source, AddressSource::HostsFile(files.path("hosts")));
        assert!(step.notes[0].contains(&path), "{:?}", step.notes);
    }
    /// SVC-10: the table replaces a missing file, although SRV records cannot be looked up before.
    #[cfg(not(feature = "dns"))]
    #[tokio::test]
    async fn the_table_replaces_a_missing_file_without_name_servers() {
        let files = Files::new("table");
        files.write("hosts", "192.0.2.7 x.test\n");
        let resolver = files.builder().hosts_file(files.path("hosts")).build();
        let found = resolve(&resolver, "x.test:ntp").await;
        assert_eq!(found, Ok((123, ServiceSource::Table)));
        let found = resolve(&resolver, "192.0.2.1:ntp").await;
        assert_eq!(found, Ok((123, ServiceSource::Table)));
        for remote in ["x.test:no-such-service", "x.test:_ntp"] {
            let found = resolve(&resolver, remote).await;
            assert_eq!(found, Err(ErrorKind::Unsupported), "{remote}");
        }
        assert!(resolver.pending_lookups().is_empty());
    }

    /// What name servers are asked.
    #[cfg(feature = "dns")]
    mod with_name_servers {
        use std::net::UdpSocket;
        use std::sync::atomic::{AtomicU32, Ordering};
        use std::thread;

        use super::super::super::dns::ATTEMPT_TIMEOUT;
        use super::*;

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
            // If only DNS is queried, neither a file nor the table has a say.
            let server = name_server(NAME_ERROR);
            let mut srv_only = without_services_file(server).0;
            Arc::make_mut(&mut srv_only).srv_only = true;
            for (resolver, service) in [
                (Resolver(srv_only), "ntp"),
                (without_services_file(server), "_ntp"),
            ] {
                let remote: Endpoint = format!("x.test:{service}").parse().unwrap();
                let resolution = resolver.resolve(&remote).await;
                let [Step::Service(step), Step::Srv(_)] = resolution.steps() else {
                    panic!("{:#?}", resolution.steps());
                };
                assert_eq!(step.source, ServiceSource::SrvOnly);
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

        /// SRV-08: if the list of name servers cannot be read, no other server is queried.
        #[tokio::test]
        async fn an_unreadable_list_of_name_servers_is_an_error_that_names_it() {
            let files = Files::new("servers");
            files.write("services", "");
            files.spoil("resolv.conf");
            let resolver = files.builder().build();
            let path = files.path("resolv.conf").display().to_string();
            let resolution = resolver.resolve(&"x.test:stun".parse().unwrap()).await;
            let error = resolution.candidates().unwrap_err();
            assert!(error.to_string().contains(&path), "{error}");
            let Some(Step::Srv(step)) = resolution.steps().last() else {
                panic!("{:#?}", resolution.steps());
            };
            assert!(step.queries.is_empty(), "{step:?}");
            assert_eq!(step.error, Some(error.to_string()));

            // The last list is used: a server on an adapter that does not exist, so that none is.
            files.write("resolv.conf", "nameserver fe80::1%no-such-adapter\n");
            let resolution = resolver.resolve(&"x.test:stun".parse().unwrap()).await;
            let error = resolution.candidates().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NameServer);
            for part in [&path as &str, "no-such-adapter"] {
                assert!(error.to_string().contains(part), "{error}");
            }
            files.spoil("resolv.conf");
            let resolution = resolver.resolve(&"x.test:stun".parse().unwrap()).await;
            let Some(Step::Srv(step)) = resolution.steps().last() else {
                panic!("{:#?}", resolution.steps());
            };
            assert!(step.queries.is_empty(), "{step:?}");
            assert!(step.notes[0].contains(&path), "{:?}", step.notes);
            assert!(
                step.notes[1].contains("no-such-adapter"),
                "{:?}",
                step.notes
            );
        }

        /// HOST-10: a server whose address names an adapter is another address when that comes back.
        #[tokio::test]
        async fn a_name_server_follows_the_adapter_that_its_zone_names() {
            // Indices that no adapter of this machine has, so that nothing is sent.
            const INDICES: [u32; 3] = [4_000_004, 4_000_012, 4_000_007];

            let files = Files::new("zones");
            files.write("services", "");
            files.write("resolv.conf", "nameserver fe80::1%eth0\n");
            let index = Arc::new(AtomicU32::new(0));
            let current = index.clone();
            let resolver = files
                .builder()
                .adapters(move || Ok(vec![Adapter::new("eth0", current.load(Ordering::SeqCst))]))
                .build();
            for at in INDICES {
                index.store(at, Ordering::SeqCst);
                let resolution = resolver.resolve(&"x.test:stun".parse().unwrap()).await;
                let Some(Step::Srv(step)) = resolution.steps().last() else {
                    panic!("{:#?}", resolution.steps());
                };
                let expected = format!("[fe80::1%{at}]:53").parse().unwrap();
                assert_eq!(step.queries[0].server, expected);
            }
        }
    }
}
