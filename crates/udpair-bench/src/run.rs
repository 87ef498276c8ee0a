//! One measurement: starts the roles of a workload, ends them, and puts together what they say.

mod part;

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::options::Options;
use crate::peer::{self, Mode};
use crate::system::process::{self, Whose};
use crate::workload::{Cores, Kind, Workload};
use part::{Core, Part};

/// Measures a mode in a workload.
pub(crate) fn run(workload: &Workload, mode: &'static Mode, options: &Options) -> Result<Value> {
    mode.check()?;
    if !workload.includes(mode) {
        return Err(format!("{} does not take part in {}", mode.name, workload.name).into());
    }
    let stage = Stage {
        mode,
        time: options.time,
        is_urgent: options.is_urgent,
        cores: thread::available_parallelism().map_or(1, usize::from),
    };
    let others = Others::start(stage.cores_of(workload.kind))?;
    // Fewer than the workload asks for, where somebody only wants to see it work.
    let fewer = |count: usize| {
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
        } => {
            let named = |name: Option<&str>| name.map_or(Ok(mode), peer::mode);
            stage.one_way(bytes, named(sender)?, named(receiver)?)
        }
        Kind::Echo { in_flight, cores } => stage.echo(in_flight, cores),
        Kind::FanOut { ports } => stage.fan_out(fewer(ports)),
        Kind::Idle { sockets } => stage.idle(fewer(sockets)),
        Kind::Names { connects } => stage.names(fewer(connects)),
    }?;
    let share = others.share()?;
    Ok(json!({
        "workload": workload.name,
        "mode": mode.name,
        "figures": figures,
        "others": share,
        "is_clean": share < OTHERS_MAX,
    }))
}

/// Where a measurement takes place.
struct Stage {
    mode: &'static Mode,
    time: Duration,
    is_urgent: bool,
    /// How many cores the machine has.
    cores: usize,
}

impl Stage {
    /// The cores that a workload runs on; what happens on others does not matter much to it.
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

    fn one_way(&self, bytes: u16, sender: &'static Mode, receiver: &'static Mode) -> Result<Value> {
        let (here, there) = (address(CLIENT_PORT), address(SERVER_PORT));
        let receiving = self
            .part("receive", Some(receiver), RECEIVER)
            .with("--local", there)
            .with("--remote", here)
            .start_ready()?;
        let sending = self
            .part("send", Some(sender), SENDER)
            .with("--local", here)
            .with("--remote", there)
            .with("--bytes", bytes)
            .start()?;
        let sent = sending.finish()?;
        let received = end(receiving, Some(here), there)?;

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
        }))
    }

    fn echo(&self, in_flight: usize, cores: Cores) -> Result<Value> {
        let (here, there) = (address(CLIENT_PORT), address(SERVER_PORT));
        let core = match cores {
            Cores::One => SENDER,
            Cores::Two => RECEIVER,
        };
        let echoing = self
            .part("echo", Some(self.mode), core)
            .with("--local", there)
            .with("--remote", here)
            .start_ready()?;
        let pinging = self
            .part("ping", Some(self.mode), SENDER)
            .with("--local", here)
            .with("--remote", there)
            .with("--in-flight", in_flight)
            .start()?;
        let pinged = pinging.finish()?;
        let echoed = end(echoing, Some(here), there)?;

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
        let place = Core {
            // On a machine of one core everything is there.
            core: core.min(self.cores - 1),
            is_urgent: self.is_urgent,
            time: self.time,
        };
        part::Call::new(role, mode, place)
    }
}

/// What else some cores do meanwhile.
struct Others {
    cores: Vec<usize>,
    started: Instant,
    busy: Duration,
    own: Duration,
}

impl Others {
    fn start(cores: Vec<usize>) -> Result<Self> {
        Ok(Self {
            started: Instant::now(),
            busy: process::cores_busy(&cores)?,
            own: own_time(),
            cores,
        })
    }

    /// Returns how much of a core others used there, time stolen by the host included.
    fn share(&self) -> Result<f64> {
        let busy = process::cores_busy(&self.cores)?.saturating_sub(self.busy);
        let own = own_time() - self.own;
        let others = busy.saturating_sub(own);
        Ok(others.as_secs_f64() / self.started.elapsed().as_secs_f64())
    }
}

fn own_time() -> Duration {
    process::cpu_time(Whose::Own) + process::cpu_time(Whose::Children)
}

/// Tells a part, from the address it listens to, that this was all; and returns what it found.
///
/// Until it hears that: the mark may be dropped like any datagram.
fn end(mut part: Part, from: Option<SocketAddr>, to: SocketAddr) -> Result<Value> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let socket = UdpSocket::bind(from.unwrap_or(any))?;
    while part.is_running()? {
        // It is refused when the part has just ended.
        let _ = socket.send_to(&[0; crate::measure::END_BYTES], to);
        thread::sleep(END_PAUSE);
    }
    part.finish()
}

/// A port of a loopback address that no other measurement has: it is made from the number of this process.
///
/// The ports lie below those that the system gives out, so that nobody meets them by chance.
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

/// The first of those that a fan-out goes to.
const FIRST_PORT: u16 = 13_000;
