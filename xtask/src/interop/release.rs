//! What a closed socket leaves behind: nothing that keeps its network namespace alive.

use std::net::SocketAddr;

use tokio::runtime::{Builder, Runtime};
use udpair::DatagramSocket;

use super::lan::{TIMEOUT, Why, endpoint, port};
use super::namespace::{Namespace, cable};
use super::suite::{Suite, passed};

pub(crate) const SUITE: Suite = Suite {
    name: "network namespaces of closed sockets",
    needs: &[("ip", "iproute2"), ("sysctl", "procps")],
    needs_root: true,
    cases,
};

/// A case. It creates the runtime in which sockets are used.
type Case = fn() -> Result<Runtime, Why>;

fn cases() -> Result<(), String> {
    let cases: &[(&str, Case)] = &[
        // First, because it starts the background thread of this process.
        ("in a runtime that cannot serve sockets", || {
            Ok(Builder::new_current_thread().build()?)
        }),
        ("in a runtime", || {
            Ok(Builder::new_current_thread().enable_all().build()?)
        }),
    ];
    for (name, runtime) in cases {
        namespace_ends(*runtime).map_err(|why| format!("{name}: {why}"))?;
        passed(name, "the namespace ended with its sockets");
    }
    Ok(())
}

/// CLS-01: uses sockets in a namespace, deletes the namespace, and waits for its end: the adapter
/// at the other end of its cable vanishes.
fn namespace_ends(runtime: Case) -> Result<(), Why> {
    let (left, neighbour) = (Namespace::new("left")?, Namespace::new("neighbour")?);
    cable(
        (&left, "l0", &["10.81.1.1/24"]),
        (&neighbour, "n0", &["10.81.1.2/24"]),
    )?;
    left.enter(|| runtime()?.block_on(use_sockets()))??;
    neighbour.enter(|| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut watch = udpair::watch_adapters()?;
            drop(left);
            let gone = async {
                while watch
                    .network()
                    .adapters
                    .iter()
                    .any(|adapter| adapter.name == "n0")
                {
                    watch.changed().await?;
                }
                Ok::<_, udpair::Error>(())
            };
            tokio::time::timeout(TIMEOUT, gone)
                .await
                .map_err(|_| "the namespace is still there")??;
            Ok(())
        })
    })?
}

/// Uses all that opens descriptors.
async fn use_sockets() -> Result<(), Why> {
    let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
    socket.join_multicast(&"239.81.0.1".parse()?).await?;
    let to = SocketAddr::from(([127, 0, 0, 1], port(&socket)));
    let connected = DatagramSocket::builder().connect(to).await?;
    connected.output()?.write(b"x").await?;
    socket.recv().await?;
    let watch = udpair::watch_adapters()?;
    let resolver = udpair::Resolver::system();
    resolver
        .endpoint_pairs(&endpoint("localhost:9")?, udpair::PairOrder::Quick)
        .await?;
    drop((socket, connected, watch));
    Ok(())
}
