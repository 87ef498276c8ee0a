//! One measurement: starts the roles of a workload, ends them, and combines their results.

mod part;

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::options::Options;
use crate::peer::{self, Mode};
use crate::system::process::{self, Processes};
use crate::workload::{Cores, Kind, Workload};
use part::{Part, Placement};

/// Measures a mode in a workload, and returns the figures as JSON.
pub(crate) fn run(workload: &Workload, mode: &'static Mode, options: &Options) -> Result<Value> {
    mode.check()?;
    if !workload.includes(mode) {
        return Err(format!("{} does not take part in {}", mode.name, workload.name).into());
    }
    let measurement = Measurement {
        mode,
        time: options.time,
        is_urgent: options.is_urgent,
        cores: thread::available_parallelism().map_or(1, usize::from),
    };
    let other_load = OtherLoad::start(measurement.cores_of(workload.kind))?;
    // `--count` replaces the count of the workload, for a short run that only shows that it works.
    let count_or = |count: usize| {
        if options.count > 0 {
            options.count
        } else {
            count
        }
    };
    let figures = match workload.kind {
        Kind::OneWay {
            bytes,
            sender,
            receiver,
            work,
        } => {
            let named = |name: Option<&str>| name.map_or(Ok(mode), peer::mode);
            measurement.one_way(bytes, named(sender)?, named(receiver)?, work)
        }
        Kind::Echo { in_flight, cores } => measurement.echo(in_flight, cores),
        Kind::FanOut { ports } => measurement.fan_out(count_or(ports)),
        Kind::Idle { sockets } => measurement.idle(count_or(sockets)),
        Kind::Names { connects } => measurement.names(count_or(connects)),
    }?;
    let share = other_load.share()?;
    Ok(json!({
        "workload": workload.name,
        "mode": mode.name,
        "figures": figures,
        "others": share,
        "is_clean": share < OTHERS_MAX,
    }))
}

/// The mode, the time and the cores of a measurement.
struct Measurement {
    mode: &'static Mode,
    time: Duration,
    is_urgent: bool,
    /// The number of cores of the machine.
    cores: usize,
}

impl Measurement {
    /// Returns the cores that a workload runs on. Load on other cores affects it little.
    fn cores_of(&self, kind: Kind) -> Vec<usize> {
        let is_on_one = match kind {
            Kind::Echo { cores, .. } => cores == Cores::One,
            Kind::Idle { .. } => true,
            Kind::OneWay { .. } | Kind::FanOut { .. } | Kind::Names { .. } => false,
        };
        let mut cores = vec![SENDER];
        if !is_on_one && self.cores > 1 {
            cores.push(RECEIVER);
        }
        cores
    }

    fn one_way(
        &self,
        bytes: u16,
        sender: &'static Mode,
        receiver: &'static Mode,
        work: u16,
    ) -> Result<Value> {
        let (client, server) = (address(CLIENT_PORT), address(SERVER_PORT));
        let mut receiving = self
            .part("receive", Some(receiver), RECEIVER)
            .with("--local", server)
            .with("--remote", client);
        if work > 0 {
            receiving = receiving.with("--work", work);
        }
        let receiving = receiving.start_ready()?;
        let sending = self
            .part("send", Some(sender), SENDER)
            .with("--local", client)
            .with("--remote", server)
            .with("--bytes", bytes)
            .start()?;
        let sent = sending.finish()?;
        let received = end(receiving, Some(client), server)?;

        let sent_count = number(&sent, "sent")?;
        let received_count = number(&received, "received")?;
        let seconds = number(&sent, "seconds")?;
        let sender_cpu = number(&sent, "cpu_seconds")?;
        let receiver_cpu = number(&received, "cpu_seconds")?;
        Ok(json!({
            "sent": sent_count / seconds,
            "delivered": received_count / seconds,
            "loss": 100.0 * (1.0 - received_count / sent_count),
            "sender_cpu": per_million(sender_cpu, sent_count),
            "receiver_cpu": per_million(receiver_cpu, received_count),
            "cpu": per_million(sender_cpu + receiver_cpu, received_count),
            "late": received["late"]["max_ms"],
            "late_p50": received["late"]["p50_ms"],
        }))
    }

    fn echo(&self, in_flight: usize, cores: Cores) -> Result<Value> {
        let (client, server) = (address(CLIENT_PORT), address(SERVER_PORT));
        let core = match cores {
            Cores::One => SENDER,
            Cores::Two => RECEIVER,
        };
        let echoing = self
            .part("echo", Some(self.mode), core)
            .with("--local", server)
            .with("--remote", client)
            .start_ready()?;
        let pinging = self
            .part("ping", Some(self.mode), SENDER)
            .with("--local", client)
            .with("--remote", server)
            .with("--in-flight", in_flight)
            .start()?;
        let pinged = pinging.finish()?;
        let echoed = end(echoing, Some(client), server)?;

        let count = number(&pinged, "round_trips")?;
        let cpu = number(&pinged, "cpu_seconds")? + number(&echoed, "cpu_seconds")?;
        let mut figures = json!({
            "round_trips": count / number(&pinged, "seconds")?,
            "cpu": per_million(cpu, count),
        });
        add_latency(&mut figures, &pinged);
        Ok(figures)
    }

    fn fan_out(&self, ports: usize) -> Result<Value> {
        let first = address(FIRST_PORT);
        let sinking = self
            .part("sink", None, RECEIVER)
            .with("--local", first)
            .with("--count", ports)
            .start_ready()?;
        let sending = self
            .part("fan-out", Some(self.mode), SENDER)
            .with("--remote", first)
            .with("--count", ports)
            .start()?;
        let sent = sending.finish()?;
        let received = end(sinking, None, first)?;

        let sent_count = number(&sent, "sent")?;
        let received_count = number(&received, "received")?;
        Ok(json!({
            "sent": sent_count / number(&sent, "seconds")?,
            "loss": 100.0 * (1.0 - received_count / sent_count),
            "sender_cpu": per_million(number(&sent, "cpu_seconds")?, sent_count),
        }))
    }

    fn idle(&self, sockets: usize) -> Result<Value> {
        let idle = self
            .part("idle", Some(self.mode), SENDER)
            .with("--count", sockets)
            .start()?
            .finish()?;
        Ok(json!({
            "memory": number(&idle, "bytes_per_socket")?,
            "memory_before_first": number(&idle, "bytes_per_socket_before_first")?,
            "open": number(&idle, "open_seconds")?,
            "sweep": number(&idle, "sweep_seconds")?,
        }))
    }

    fn names(&self, connects: usize) -> Result<Value> {
        let server = address(SERVER_PORT);
        let serving = self
            .part("name-server", None, RECEIVER)
            .with("--local", server)
            .start_ready()?;
        let connecting = self
            .part("connect", Some(self.mode), SENDER)
            .with("--remote", server)
            .with("--count", connects)
            .start()?;
        let connected = connecting.finish()?;
        end(serving, None, server)?;
        let mut figures = json!({
            "first": number(&connected, "first_us")?,
            "queries": number(&connected, "queries")?,
            "first_queries": number(&connected, "first_queries")?,
        });
        add_latency(&mut figures, &connected);
        Ok(figures)
    }

    fn part(&self, role: &'static str, mode: Option<&'static Mode>, core: usize) -> part::Call {
        let placement = Placement {
            // On a machine with one core, everything runs on that core.
            core: core.min(self.cores - 1),
            is_urgent: self.is_urgent,
            time: self.time,
        };
        part::Call::new(role, mode, placement)
    }
}

/// The load that other processes put on some cores during a measurement.
struct OtherLoad {
    cores: Vec<usize>,
    started: Instant,
    busy: Duration,
    own: Duration,
}

impl OtherLoad {
    fn start(cores: Vec<usize>) -> Result<Self> {
        Ok(Self {
            started: Instant::now(),
            busy: process::cores_busy(&cores)?,
            own: own_time(),
            cores,
        })
    }

    /// Returns the share of a core that other processes used, including time stolen by the host.
    fn share(&self) -> Result<f64> {
        let busy = process::cores_busy(&self.cores)?.saturating_sub(self.busy);
        let own = own_time() - self.own;
        let other = busy.saturating_sub(own);
        Ok(other.as_secs_f64() / self.started.elapsed().as_secs_f64())
    }
}

fn own_time() -> Duration {
    process::cpu_time(Processes::This) + process::cpu_time(Processes::Children)
}

/// Sends the end datagram to a part, from the address it receives from, and returns its result.
///
/// The end datagram may be dropped like any datagram, so it is sent until the part ends.
fn end(mut part: Part, from: Option<SocketAddr>, to: SocketAddr) -> Result<Value> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let socket = UdpSocket::bind(from.unwrap_or(any))?;
    while part.is_running()? {
        // The kernel refuses it if the part has just ended.
        let _ = socket.send_to(&[0; crate::measure::END_BYTES], to);
        thread::sleep(END_PAUSE);
    }
    part.finish()
}

/// Returns a port of a loopback address that no other measurement uses. The address is made from
/// the number of this process.
///
/// The ports are below those that the system assigns, so no other socket gets one by chance.
fn address(port: u16) -> SocketAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    SocketAddr::from(([127, high | 0x40, middle, low], port))
}

fn number(value: &Value, name: &str) -> Result<f64> {
    value[name]
        .as_f64()
        .ok_or_else(|| format!("{value} has no {name}").into())
}

fn add_latency(figures: &mut Value, found: &Value) {
    for (name, of) in [("p50", "p50_us"), ("p99", "p99_us"), ("p999", "p999_us")] {
        if let Some(micros) = found["latency"][of].as_f64() {
            figures[name] = micros.into();
        }
    }
}

fn per_million(seconds: f64, count: f64) -> f64 {
    seconds / count * 1e6
}

/// The core of senders and clients.
const SENDER: usize = 0;

/// The core of receivers and servers.
const RECEIVER: usize = 1;

/// A measurement is clean if others used less than this share of a core.
const OTHERS_MAX: f64 = 0.25;

const END_PAUSE: Duration = Duration::from_millis(2);

const CLIENT_PORT: u16 = 12_001;
const SERVER_PORT: u16 = 12_002;

/// The first port that a fan-out sends to.
const FIRST_PORT: u16 = 13_000;
