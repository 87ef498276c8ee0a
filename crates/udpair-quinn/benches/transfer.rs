//! A QUIC transfer over loopback, over `udpair` and over quinn's own socket in turn: the CPU time
//! of each, and their ratio.
//!
//! `cargo bench -p udpair-quinn -- [MEGABYTES] [RUNS] [only udpair|only quinn-udp]`

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::{ClientConfig, Endpoint, EndpointConfig, Runtime, ServerConfig, TokioRuntime};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let megabytes = numbers.first().copied().unwrap_or(200);
    let runs = numbers.get(1).copied().unwrap_or(7);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let configs = Configs::new()?;
    let over: [(&str, Arc<dyn Runtime>); 2] = [
        ("quinn-udp", Arc::new(TokioRuntime)),
        (
            "udpair",
            Arc::new(udpair_quinn::Runtime::over(Arc::new(TokioRuntime))),
        ),
    ];
    let only = std::env::args()
        .skip_while(|argument| argument != "only")
        .nth(1);
    if let Some(only) = only {
        // For a profiler.
        for (_, sockets) in over.iter().filter(|(name, _)| *name == only) {
            runtime.block_on(transfer(sockets, &configs, megabytes << 20))?;
        }
        return Ok(());
    }
    let mut ratios = Vec::new();
    for _ in 0..runs {
        let mut cpu = Vec::new();
        for (name, sockets) in &over {
            let (started, before) = (Instant::now(), cpu_time()?);
            runtime.block_on(transfer(sockets, &configs, megabytes << 20))?;
            let (took, used) = (started.elapsed(), cpu_time()? - before);
            println!("{name:<10} {megabytes} MB: {used:.1?} of CPU, {took:.1?}");
            cpu.push(used.as_secs_f64());
        }
        ratios.push(cpu[1] / cpu[0]);
    }
    ratios.sort_by(f64::total_cmp);
    let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
    let median = ratios[ratios.len() / 2];
    println!("CPU of udpair x quinn-udp: median {median:.3} [{least:.3} .. {most:.3}]");
    Ok(())
}

struct Configs {
    server: ServerConfig,
    client: ClientConfig,
}

impl Configs {
    fn new() -> Result<Self> {
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let private = PrivatePkcs8KeyDer::from(key.signing_key.serialize_der());
        let certificate = CertificateDer::from(key.cert);
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone())?;
        Ok(Self {
            server: ServerConfig::with_single_cert(vec![certificate], private.into())?,
            client: ClientConfig::with_root_certificates(Arc::new(roots))?,
        })
    }
}

/// Sends `bytes` bytes over a new connection.
async fn transfer(sockets: &Arc<dyn Runtime>, configs: &Configs, bytes: usize) -> Result<()> {
    let bind = |server: Option<ServerConfig>| {
        let socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Endpoint::new(EndpointConfig::default(), server, socket, sockets.clone())
    };
    let (server, mut client) = (bind(Some(configs.server.clone()))?, bind(None)?);
    client.set_default_client_config(configs.client.clone());
    let to = server.local_addr()?;
    let receiving = tokio::spawn(async move {
        let connection = server.accept().await.ok_or("the endpoint ended")?.await?;
        let mut stream = connection.accept_uni().await?;
        let mut received = 0;
        while let Some(chunk) = stream.read_chunk(usize::MAX, true).await? {
            received += chunk.bytes.len();
        }
        Ok::<_, Box<dyn Error + Send + Sync>>(received)
    });
    let connection = client.connect(to, "localhost")?.await?;
    let mut stream = connection.open_uni().await?;
    let block = vec![7; 1 << 20];
    for _ in 0..bytes >> 20 {
        stream.write_all(&block).await?;
    }
    stream.finish()?;
    let received = receiving.await??;
    if received != bytes {
        return Err(format!("{received} of {bytes} bytes arrived").into());
    }
    Ok(())
}

/// Returns the CPU time of this thread, which does all the work
/// (`/proc/thread-self/schedstat`, Documentation/scheduler/sched-stats.rst of Linux).
fn cpu_time() -> Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().ok_or("no number")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}
