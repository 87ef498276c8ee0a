//! QUIC over datagram sockets: quinn's own tests, and a client that finds its server by name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::daemon::{Daemon, Folder, free_port};
use super::named::Named;
use super::suite::{Suite, check, passed};
use crate::command::{cargo, json, root, run};

pub(crate) const SUITE: Suite = Suite {
    name: "QUIC",
    needs: &[("named", "bind9"), ("openssl", "openssl")],
    needs_root: false,
    cases,
};

fn cases() -> Result<(), String> {
    passed("a server found by SRV records", &by_name()?);
    passed("quinn's own tests", &own_tests()?);
    Ok(())
}

/// The first target of the service is closed, so that the client goes on to the second.
fn by_name() -> Result<String, String> {
    let folder = Folder::new("quinn")?;
    let [certificate, key] = certificate(&folder)?;
    run(&mut cargo(&[
        "build",
        "-q",
        "--locked",
        "-p",
        "udpair-quinn",
        "--example",
        "quic_by_name",
    ]))?;
    let program = target()?.join("debug/examples/quic_by_name");
    let (port, closed) = (free_port()?, free_port()?);
    let zone = format!(
        "_echo._udp  SRV 10 0 {closed} one\n\
         _echo._udp  SRV 20 0 {port} one\n\
         one         A 127.0.0.1\n"
    );
    let named = Named::serve(&zone)?;
    let local = format!("127.0.0.1:{port}");
    let mut server = Command::new(&program);
    server.arg("serve").args([&certificate, &key]).arg(&local);
    let _server = Daemon::start("quic_by_name", &mut server, &local)?;
    let output = Command::new(&program)
        .arg("connect")
        .arg(&certificate)
        .args(["example.test:echo", "hello", &named.address])
        .output()
        .map_err(|error| format!("cannot start the client: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    check(output.status.success(), || format!("{text}{errors}"))?;
    let expected = format!("{local}: hello");
    check(text.trim() == expected, || format!("{text}{errors}"))?;
    let tried = format!("127.0.0.1:{closed}");
    check(errors.contains(&tried), || format!("{text}{errors}"))?;
    Ok(format!("{expected}, after {tried}"))
}

/// Returns the folder that cargo builds into: this program is in `debug` of it.
fn target() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = program.ancestors().nth(2).map(Path::to_path_buf);
    folder.ok_or_else(|| "a program without a folder".into())
}

/// Makes a certificate for `example.test`, and returns the files with it and its key.
fn certificate(folder: &Folder) -> Result<[PathBuf; 2], String> {
    let [pem, key, certificate, der] =
        ["key.pem", "key.der", "certificate.der", "config"].map(|name| folder.path().join(name));
    let openssl = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
        let mut command = Command::new("openssl");
        command.args(arguments.iter().map(AsRef::as_ref));
        let output = command.output();
        let output = output.map_err(|error| format!("cannot start openssl: {error}"))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        check(output.status.success(), || format!("openssl: {errors}"))
    };
    let config = "[req]\ndistinguished_name = name\nx509_extensions = extensions\n[name]\n\
                  [extensions]\nsubjectAltName = DNS:example.test\n\
                  basicConstraints = critical, CA:FALSE\n";
    fs::write(&der, config).map_err(|error| error.to_string())?;
    openssl(&[
        &"req",
        &"-x509",
        &"-newkey",
        &"ec",
        &"-pkeyopt",
        &"ec_paramgen_curve:prime256v1",
        &"-nodes",
        &"-days",
        &"30",
        &"-subj",
        &"/CN=example.test",
        &"-config",
        &der,
        &"-outform",
        &"DER",
        &"-keyout",
        &pem,
        &"-out",
        &certificate,
    ])?;
    openssl(&[
        &"pkcs8",
        &"-topk8",
        &"-nocrypt",
        &"-in",
        &pem,
        &"-outform",
        &"DER",
        &"-out",
        &key,
    ])?;
    Ok([certificate, key])
}

/// quinn's tests, as its package has them, over our sockets. The package is the one that the
/// workspace uses.
fn own_tests() -> Result<String, String> {
    let tests = quinn_folder()?.join("src/tests.rs");
    let text = fs::read_to_string(&tests)
        .map_err(|error| format!("cannot read {}: {error}", tests.display()))?;
    let folder = target()?.join("quinn-tests");
    write_package(&folder, &over_our_sockets(&text)?)?;
    let output = cargo(&["test", "-q", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        // Those that take long are left out unless asked for.
        .args(["--test", "quinn", "--", "--include-ignored"])
        .env("CARGO_TARGET_DIR", target()?)
        .output()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    check(output.status.success(), || format!("{printed}{errors}"))?;
    let result = printed.lines().find(|line| line.starts_with("test result"));
    let result = result.ok_or_else(|| format!("no result: {printed}"))?;
    let passed: Option<usize> = result
        .split(['.', ';'])
        .find_map(|part| part.trim().strip_suffix(" passed")?.parse().ok());
    let expected = text.matches("#[test]").count() + text.matches("#[tokio::test]").count();
    check(passed == Some(expected) && expected > 0, || {
        format!("{result}, of {expected}")
    })?;
    Ok(result.trim_start_matches("test result: ").into())
}

/// Returns the folder of the package quinn.
fn quinn_folder() -> Result<PathBuf, String> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        manifest_path: PathBuf,
    }
    let mut command = cargo(&["metadata", "--format-version", "1", "--locked"]);
    let metadata: Metadata = json(command.current_dir(root()))?;
    let mut packages = metadata.packages.into_iter();
    let quinn = packages.find(|package| package.name == "quinn");
    let manifest = quinn.ok_or("quinn is not in the workspace")?.manifest_path;
    let folder = manifest.parent().map(Path::to_path_buf);
    folder.ok_or_else(|| "a manifest without a folder".into())
}

/// Rewrites the tests, which are a module of quinn, to tests of their own that open our sockets.
fn over_our_sockets(text: &str) -> Result<String, String> {
    let mut text = text.to_owned();
    for (old, new) in [
        (
            "use crate::runtime::TokioRuntime;",
            "use udpair_runtime::TokioRuntime;",
        ),
        (
            "use crate::{Duration, Instant};",
            "use std::time::{Duration, Instant};",
        ),
        ("use super::{", "use quinn::{"),
        ("Endpoint::client(", "udpair_runtime::client("),
        ("Endpoint::server(", "udpair_runtime::server("),
        ("crate::", "quinn::"),
    ] {
        check(text.contains(old), || {
            format!("quinn's tests have no `{old}`")
        })?;
        text = text.replace(old, new);
    }
    // An attribute of the module has to stay first.
    Ok(format!("{text}\n{RUNTIME}"))
}

/// Where the rewritten tests get their sockets from.
const RUNTIME: &str = "
mod udpair_runtime {
    use std::future::Future;
    use std::io;
    use std::net::{SocketAddr, UdpSocket};
    use std::pin::Pin;
    use std::sync::Arc;
    use std::time::Instant;

    use quinn::{AsyncTimer, AsyncUdpSocket, Endpoint, Runtime, ServerConfig};

    #[derive(Debug)]
    pub struct TokioRuntime;

    fn ours() -> udpair_quinn::Runtime {
        udpair_quinn::Runtime::over(Arc::new(quinn::TokioRuntime))
    }

    impl Runtime for TokioRuntime {
        fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
            ours().new_timer(at)
        }
        fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
            ours().spawn(future)
        }
        fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
            ours().wrap_udp_socket(socket)
        }
    }

    pub fn client(local: SocketAddr) -> io::Result<Endpoint> {
        open(None, local)
    }

    pub fn server(config: ServerConfig, local: SocketAddr) -> io::Result<Endpoint> {
        open(Some(config), local)
    }

    fn open(config: Option<ServerConfig>, local: SocketAddr) -> io::Result<Endpoint> {
        let socket = UdpSocket::bind(local)?;
        Endpoint::new(Default::default(), config, socket, Arc::new(TokioRuntime))
    }
}
";

/// Writes a package with the tests, which uses the versions of the workspace.
fn write_package(folder: &Path, tests: &str) -> Result<(), String> {
    let crates = root().join("crates");
    let crates = crates.display();
    let manifest = format!(
        r#"[package]
name = "quinn-tests"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

[features]
default = ["rustls-ring"]
rustls-ring = []
rustls-aws-lc-rs = []

[dev-dependencies]
bytes = "1"
proto = {{ package = "quinn-proto", version = "0.11", default-features = false }}
quinn = {{ version = "0.11", default-features = false, features = ["runtime-tokio", "rustls-ring"] }}
rand = "0.10"
rcgen = {{ version = "0.14", default-features = false, features = ["crypto", "ring"] }}
rustls = {{ version = "0.23", default-features = false, features = ["ring", "std"] }}
tokio = {{ version = "1", features = ["macros", "rt-multi-thread", "sync", "time"] }}
tracing = "0.1"
tracing-futures = {{ version = "0.2", default-features = false, features = ["std-future"] }}
tracing-subscriber = {{ version = "0.3", default-features = false, features = ["ansi", "env-filter", "fmt", "local-time", "time"] }}
udpair-quinn = {{ path = "{crates}/udpair-quinn" }}
"#
    );
    let lock = fs::read_to_string(root().join("Cargo.lock"));
    let lock = lock.map_err(|error| format!("cannot read Cargo.lock: {error}"))?;
    fs::create_dir_all(folder.join("tests")).map_err(|error| error.to_string())?;
    for (name, content) in [
        ("Cargo.toml", manifest.as_str()),
        ("Cargo.lock", &lock),
        ("tests/quinn.rs", tests),
    ] {
        let path = folder.join(name);
        fs::write(&path, content)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}
