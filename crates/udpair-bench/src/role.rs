//! The roles that a process of a measurement can have.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::measure::{Connects, Idle, ticker};
use crate::options::Options;
use crate::peer::{self, Load, Mode};
use crate::system::process;
use crate::{Result, deny, name_server, run, workload};

/// Runs the role that the arguments name, and prints its result as a line of JSON.
pub(crate) fn play(words: &[String]) -> Result<()> {
    let (role, rest) = words.split_first().ok_or(USAGE)?;
    let result = match (role.as_str(), rest) {
        ("list", []) => workload::list(),
        ("run", [workload, mode, rest @ ..]) => {
            let (options, _) = Options::parse(rest)?;
            run::run(workload::find(workload)?, peer::mode(mode)?, &options)?
        }
        ("pure", [name, times]) => {
            udpair_bench::pure::repeat(name, times.parse()?)?;
            return Ok(());
        }
        ("deny", rest) => return deny::execute(rest),
        ("exec", rest) => {
            let (options, program) = Options::parse(rest)?;
            apply_placement(&options)?;
            return exec_program(&program);
        }
        ("sink", rest) => {
            let (options, _) = Options::parse(rest)?;
            apply_placement(&options)?;
            workload::fan_out::sink(options.local()?, options.count)?
        }
        ("name-server", rest) => {
            let (options, _) = Options::parse(rest)?;
            apply_placement(&options)?;
            name_server::serve(options.local()?)?
        }
        (role, [mode, rest @ ..]) => {
            let (options, _) = Options::parse(rest)?;
            apply_placement(&options)?;
            measure(role, peer::mode(mode)?, &options)?
        }
        _ => return Err(USAGE.into()),
    };
    println!("{result}");
    Ok(())
}

/// Runs one of the roles that every mode implements in its own way.
fn measure(role: &str, mode: &Mode, options: &Options) -> Result<Value> {
    let load = Load {
        bytes: options.bytes,
        time: options.time,
        in_flight: options.in_flight,
    };
    let missing = || format!("{} does not implement {role}", mode.name);
    match role {
        "send" => {
            let send = mode.send.ok_or_else(missing)?;
            Ok(send(options.ends()?, &load)?.finish())
        }
        "receive" => {
            let receive = mode.receive.ok_or_else(missing)?;
            Ok(receive(options.ends()?)?.finish())
        }
        "echo" => {
            let echo = mode.echo.ok_or_else(missing)?;
            Ok(echo(options.ends()?, &load)?.finish())
        }
        "ping" => {
            let ping = mode.ping.ok_or_else(missing)?;
            Ok(ping(options.ends()?, &load)?.finish())
        }
        "fan-out" => {
            let fan_out = mode.fan_out.ok_or_else(missing)?;
            let remotes = remotes(options)?;
            Ok(fan_out(&remotes, &load)?.finish())
        }
        "idle" => {
            let idle = mode.idle.ok_or_else(missing)?;
            idle(Idle::start(options.count)?)?.finish()
        }
        "connect" => {
            let connect = mode.connect.ok_or_else(missing)?;
            let server = options.remote()?;
            connect(server, Connects::start(server, options.count)?)?.finish()
        }
        _ => Err(format!("there is no role {role}").into()),
    }
}

/// Applies the core, the priority and the time limit of the options to this process.
fn apply_placement(options: &Options) -> Result<()> {
    let most = (options.time + GRACE).as_secs();
    process::end_after(u32::try_from(most).unwrap_or(u32::MAX));
    if !options.work.is_zero() {
        ticker::set_work(options.work);
    }
    if let Some(core) = options.core {
        process::pin(core)?;
    }
    if options.is_urgent {
        process::raise_priority()?;
    }
    Ok(())
}

/// Replaces this process with another program, which keeps the core and the priority.
fn exec_program(words: &[String]) -> Result<()> {
    let (program, arguments) = words.split_first().ok_or("exec needs a program")?;
    Err(Command::new(program).args(arguments).exec().into())
}

/// Returns the addresses of a fan-out: `count` ports from the first one on.
fn remotes(options: &Options) -> Result<Vec<SocketAddr>> {
    let first = options.remote()?;
    let ports = (first.port()..=u16::MAX).take(options.count);
    Ok(ports
        .map(|port| SocketAddr::new(first.ip(), port))
        .collect())
}

/// How long a role may run beyond its time before the kernel ends it.
const GRACE: Duration = Duration::from_secs(20);

const USAGE: &str = "usage: udpair-bench ROLE ...

  list                        print workloads, modes and microbenchmarks as JSON
  run WORKLOAD MODE [OPTIONS] make one measurement and print it as JSON
  pure NAME TIMES             repeat a microbenchmark
  ROLE MODE OPTIONS           send, receive, echo, ping, fan-out, idle, connect: started by `run`
  sink|name-server OPTIONS    the remote ends of fan-out and connect
  exec OPTIONS -- PROGRAM     run another program on the same core with the same priority

options: --seconds S --bytes N --count N --in-flight N --work US --local A:P --remote A:P --core N --urgent";
