//! Network namespaces: simulated hosts on this machine.

use std::fs;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{self, Command, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::daemon::Daemon;
use super::udpair::{Udpair, program};
use crate::command::find;

/// A network namespace in which loopback is up. It is deleted when this value is dropped.
pub(crate) struct Namespace {
    pub(crate) name: String,
    /// The folder of the files that replace those of `/etc` for programs in the namespace; `None`
    /// if there are none.
    etc: Option<PathBuf>,
}

impl Namespace {
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let namespace = Self {
            name: format!("udpair-{name}-{}", process::id()),
            etc: None,
        };
        ip(&["netns", "add", &namespace.name])?;
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Replaces files of `/etc` for programs in the namespace (ip-netns(8)).
    pub(crate) fn overlay_etc(&mut self, files: &[(&str, &str)]) -> Result<(), String> {
        let folder = PathBuf::from("/etc/netns").join(&self.name);
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(&folder)?;
            for (name, content) in files {
                fs::write(folder.join(name), content)?;
            }
            Ok(())
        };
        let written = write();
        self.etc = Some(folder);
        written.map_err(|error| format!("cannot write below /etc/netns: {error}"))
    }

    /// Runs `ip` in the namespace.
    pub(crate) fn ip(&self, arguments: &[&str]) -> Result<(), String> {
        ip(&[&["-n", &self.name] as &[_], arguments].concat())
    }

    /// Returns a command that runs a program in the namespace.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(find("ip").unwrap_or_else(|| "ip".into()));
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Runs a program in the namespace, and waits for its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Result<(), String> {
        finish(self.command(program).args(arguments))
    }

    /// Runs `udpair` in the namespace, and waits for its end.
    pub(crate) fn udpair(&self, arguments: &[&str]) -> Result<Udpair, String> {
        Udpair::of(
            self.command(&program().display().to_string())
                .args(arguments),
        )
    }

    /// Runs `udpair` in the namespace without privileges, and waits for its end.
    pub(crate) fn udpair_without_privileges(&self, arguments: &[&str]) -> Result<Udpair, String> {
        let unprivileged = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        // Other users may have no access to the build folder, but they can run this copy.
        let copy = std::env::temp_dir().join(format!("udpair-copy-{}", process::id()));
        fs::copy(program(), &copy).map_err(|error| format!("cannot copy: {error}"))?;
        let run = Udpair::of(
            self.command("setpriv")
                .args(unprivileged)
                .arg(&copy)
                .args(arguments),
        );
        let _ = fs::remove_file(&copy);
        run
    }

    /// Returns the path of a file that replaces one of `/etc` for programs in the namespace.
    pub(crate) fn etc(&self, name: &str) -> PathBuf {
        PathBuf::from("/etc/netns").join(&self.name).join(name)
    }

    /// Runs `work` on a thread in the namespace. Sockets that it opens stay there.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, String> {
        let path = PathBuf::from("/run/netns").join(&self.name);
        let file =
            fs::File::open(&path).map_err(|error| format!("cannot open {path:?}: {error}"))?;
        let outcome = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(file.as_fd(), kind).map(|()| work())
            });
            thread.join()
        });
        match outcome {
            Ok(result) => result.map_err(|error| format!("cannot enter {path:?}: {error}")),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Starts `udpair listen --echo` in the namespace.
    pub(crate) fn echo(&self, local: &str) -> Result<Daemon, String> {
        let mut command = self.command(&program().display().to_string());
        command.args(["listen", local, "--echo", "--json"]);
        Daemon::start("echo", &mut command, "\"listening\"")
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", &self.name]);
        if let Some(folder) = &self.etc {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Connects two namespaces with a cable. Each end gets its addresses.
pub(crate) fn cable(
    (one, one_end, one_addresses): (&Namespace, &str, &[&str]),
    (other, other_end, other_addresses): (&Namespace, &str, &[&str]),
) -> Result<(), String> {
    ip(&[
        "link",
        "add",
        one_end,
        "netns",
        &one.name,
        "type",
        "veth",
        "peer",
        "name",
        other_end,
        "netns",
        &other.name,
    ])?;
    for (namespace, end, addresses) in [
        (one, one_end, one_addresses),
        (other, other_end, other_addresses),
    ] {
        // The addresses are usable at once, without duplicate address detection.
        namespace.run(
            "sysctl",
            &["-q", "-w", &format!("net.ipv6.conf.{end}.accept_dad=0")],
        )?;
        for address in addresses {
            let is_ipv6 = address.contains(':');
            let nodad: &[&str] = if is_ipv6 { &["nodad"] } else { &[] };
            namespace.ip(&[&["address", "add", address, "dev", end] as &[_], nodad].concat())?;
        }
        namespace.ip(&["link", "set", end, "up"])?;
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let program = find("ip").ok_or("there is no ip")?;
    finish(Command::new(program).args(arguments))
}

fn finish(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} failed: {}", text.trim()))
}
