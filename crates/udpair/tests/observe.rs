//! The events of the feature `tracing`, and the numbers of the feature `metrics`.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic where it cannot continue"
)]

use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use udpair::{DatagramSocket, EndpointPair, Event, Resolver, engines};

/// Returns a resolver with one service, and a name server whose port is closed.
fn without_dns() -> Resolver {
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr();
    Resolver::builder()
        .services_text("echo 7/udp")
        .dns_servers([closed.unwrap()])
        .attempts(1)
        .build()
}

/// With its name, its stage and its outcome.
#[test]
fn every_step_of_a_resolution_is_an_event() {
    let resolver = without_dns();
    let recorder = TestRecorder::default();
    recorder.run(async {
        let found = resolver.resolve(&"localhost:echo".parse().unwrap()).await;
        assert!(found.candidates().is_ok());
        let failed = resolver
            .resolve(&"example.test:stun".parse().unwrap())
            .await;
        assert!(failed.candidates().is_err());
    });
    let events = recorder.events();
    let stages: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.message(),
                event.get("stage"),
                event.get("error").is_empty(),
            )
        })
        .collect();
    assert_eq!(
        stages,
        [
            ("looked up", "services", true),
            ("looked up", "address", true),
            ("resolved", "", true),
            // The services text does not list stun.
            ("looked up", "services", true),
            ("looked up", "srv", false),
            ("resolved", "", false),
        ]
    );
    assert_eq!(events[0].get("name"), "echo");
    assert_eq!(events[0].get("found"), "1");
    assert_eq!(events[1].get("name"), "localhost");
    assert_eq!(events[2].get("remote"), "localhost:echo");
    assert_eq!(events[3].get("found"), "0");
    assert_eq!(events[4].get("name"), "_stun._udp.example.test");
    assert!(events.iter().all(|event| !event.get("elapsed").is_empty()));
}

/// Datagrams are not events.
#[test]
fn opening_connecting_peer_errors_and_closing_are_events() {
    for engine in engines() {
        let builder = DatagramSocket::builder().engine(*engine);
        let recorder = TestRecorder::default();
        let (local, peer) = recorder.run(async {
            let socket = builder.bind("127.0.0.1:0").await.unwrap();
            let local = socket.local_addr().unwrap();
            let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr();
            let peer = closed.unwrap();
            socket.connect(&EndpointPair::from(peer)).await.unwrap();
            socket.output().unwrap().write(b"x").await.unwrap();
            let event = tokio::time::timeout(TIMEOUT, socket.next_event()).await;
            assert!(matches!(event.unwrap(), Ok(Event::PeerError(_))));
            socket.close();
            socket.close();
            (local.to_string(), peer.to_string())
        });
        let events = recorder.events();
        let messages: Vec<_> = events.iter().map(RecordedEvent::message).collect();
        let expected = [
            "socket opened",
            "socket connected",
            "peer error",
            "socket closed",
        ];
        assert_eq!(messages, expected, "{engine:?}");
        for event in &events {
            assert_eq!(event.target, "udpair");
            if event.message() != "peer error" {
                assert_eq!(event.get("local"), local, "{event:?}");
            }
        }
        assert_eq!(events[0].get("peer"), "");
        assert_eq!(events[1].get("peer"), peer);
        assert_eq!(events[2].get("destination"), peer, "{engine:?}");
        assert!(
            events[2].get("kind").contains("Unreachable"),
            "{:?}",
            events[2]
        );
    }
}

/// Each datagram is published once.
#[test]
fn counts_are_published_on_demand_and_at_the_close() {
    for engine in engines() {
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        let pair = EndpointPair::from(peer.local_addr().unwrap());
        let builder = DatagramSocket::builder().engine(*engine);
        let recorder = TestRecorder::default();
        let sent = || recorder.number("udpair_datagrams_sent_total");
        recorder.run(async {
            let first = builder.connect(&pair).await.unwrap();
            let second = builder.connect(&pair).await.unwrap();
            assert_eq!(recorder.number("udpair_sockets_opened_total"), 2);
            assert_eq!(recorder.number("udpair_sockets_open"), 2);
            for socket in [&first, &second, &second] {
                socket.output().unwrap().write(b"four").await.unwrap();
            }
            assert_eq!(sent(), 0, "{engine:?}");
            second.statistics();
            second.statistics();
            assert_eq!(sent(), 2, "{engine:?}");
            peer.send_to(b"five!", second.local_addr().unwrap())
                .unwrap();
            tokio::time::timeout(TIMEOUT, second.recv())
                .await
                .unwrap()
                .unwrap();
            second.output().unwrap().write(b"four").await.unwrap();
            drop((first, second));
        });
        for (name, expected) in [
            ("udpair_datagrams_sent_total", 4),
            ("udpair_bytes_sent_total", 16),
            ("udpair_datagrams_received_total", 1),
            ("udpair_bytes_received_total", 5),
            ("udpair_non_peer_dropped_total", 0),
            ("udpair_sockets_opened_total", 2),
            ("udpair_sockets_open", 0),
        ] {
            assert_eq!(recorder.number(name), expected, "{engine:?} {name}");
        }
    }
}

#[test]
fn resolutions_are_counted_by_their_outcome() {
    let resolver = without_dns();
    let recorder = TestRecorder::default();
    recorder.run(async {
        for remote in ["localhost:echo", "localhost:7", "example.test:7"] {
            resolver.resolve(&remote.parse().unwrap()).await;
        }
    });
    let resolutions =
        |outcome| recorder.number(&format!("udpair_resolutions_total outcome={outcome}"));
    assert_eq!((resolutions("found"), resolutions("failed")), (2, 1));
    assert_eq!(recorder.number("udpair_resolution_seconds"), 3);
}

/// A subscriber may use the socket that an event is about, in whichever call the event occurs: no
/// lock is held.
#[test]
fn a_subscriber_may_use_the_socket() {
    for engine in engines() {
        let recorder = TestRecorder::default();
        let used = recorder.used.clone();
        let (done, is_done) = mpsc::channel();
        let using = thread::spawn(move || {
            recorder.run(async {
                let builder = DatagramSocket::builder().engine(*engine);
                // Nobody receives at the port for discarding.
                let nobody = EndpointPair::from(SocketAddr::from(([127, 0, 0, 1], 9)));
                let socket = builder.connect(&nobody).await.unwrap();
                *recorder.used.lock().unwrap() = Some(socket.clone());
                let output = socket.output().unwrap();
                // The first write is answered with an ICMP error, which each of these may take.
                for call in 0..6 {
                    output.write(b"x").await.unwrap();
                    match call {
                        0 => drop(socket.try_recv()),
                        1 => drop(output.try_write(b"x")),
                        2 => drop(socket.next_event().await.unwrap()),
                        3 => output.write(b"x").await.unwrap(),
                        4 => drop(output.drain().await),
                        _ => {}
                    }
                }
                socket.cancel_io().unwrap();
                socket.close();
            });
            done.send(recorder.events().len()).unwrap();
        });
        let events = is_done.recv_timeout(Duration::from_secs(20));
        assert!(events.expect("no call hangs") > 3, "{engine:?}");
        using.join().unwrap();
        used.lock().unwrap().take();
    }
}

/// A subscriber and recorder that stores events and metrics.
#[derive(Clone, Default)]
struct TestRecorder {
    /// A socket that each event uses.
    used: Arc<Mutex<Option<DatagramSocket>>>,
    events: Arc<Mutex<Vec<RecordedEvent>>>,
    numbers: Arc<Mutex<HashMap<String, Arc<Number>>>>,
}

/// A tracing event, with its fields as text.
#[derive(Clone, Debug)]
struct RecordedEvent {
    target: &'static str,
    fields: HashMap<&'static str, String>,
}

/// The value of a counter or gauge, or the number of samples of a histogram.
#[derive(Debug, Default)]
struct Number(AtomicU64);

impl TestRecorder {
    /// Runs `future`, and records the events and metrics of this thread meanwhile.
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        metrics::with_local_recorder(self, || {
            tracing::subscriber::with_default(self.clone(), || runtime.block_on(future))
        })
    }

    fn events(&self) -> Vec<RecordedEvent> {
        self.events.lock().unwrap().clone()
    }

    fn number(&self, name: &str) -> u64 {
        let numbers = self.numbers.lock().unwrap();
        numbers
            .get(name)
            .map_or(0, |number| number.0.load(Ordering::Relaxed))
    }

    fn register(&self, key: &Key) -> Arc<Number> {
        let mut name = key.name().to_owned();
        for label in key.labels() {
            name.push_str(&format!(" {}={}", label.key(), label.value()));
        }
        self.numbers
            .lock()
            .unwrap()
            .entry(name)
            .or_default()
            .clone()
    }
}

impl RecordedEvent {
    fn message(&self) -> &str {
        self.get("message")
    }

    /// Returns the value of a field; empty if the event has no such field.
    fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }
}

impl Visit for RecordedEvent {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

impl tracing::Subscriber for TestRecorder {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "udpair"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut recorded = RecordedEvent {
            target: event.metadata().target(),
            fields: HashMap::new(),
        };
        event.record(&mut recorded);
        self.events.lock().unwrap().push(recorded);
        // What is done here may be an event itself.
        let used = self.used.lock().unwrap().take();
        if let Some(socket) = used {
            let _ = format!(
                "{socket:?} {:?} {:?}",
                socket.statistics(),
                socket.options()
            );
            let _ = socket.try_recv();
            let _ = socket.output().map(|output| output.try_write(b"x"));
            *self.used.lock().unwrap() = Some(socket);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Recorder for TestRecorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.register(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.register(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.register(key))
    }
}

impl CounterFn for Number {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// `udpair` writes only whole numbers.
impl GaugeFn for Number {
    fn increment(&self, value: f64) {
        self.0.fetch_add(value as u64, Ordering::Relaxed);
    }

    fn decrement(&self, value: f64) {
        self.0.fetch_sub(value as u64, Ordering::Relaxed);
    }

    fn set(&self, value: f64) {
        self.0.store(value as u64, Ordering::Relaxed);
    }
}

impl HistogramFn for Number {
    fn record(&self, _: f64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// How long to wait for an event that occurs at once on an idle machine.
const TIMEOUT: Duration = Duration::from_secs(20);
