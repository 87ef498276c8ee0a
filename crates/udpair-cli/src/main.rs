//! The `udpair` command.
//!
//! `args` is the command line as types, `command` runs each command, `event` is what a command
//! reports, `render` turns events into text, and `output` writes the text.

#![forbid(unsafe_code)]

mod args;
mod clock;
mod color;
mod command;
mod escape;
mod event;
mod exit;
mod frame;
mod hex;
mod interrupt;
mod output;
mod pcapng;
mod prefix;
mod render;
#[cfg(test)]
mod schema;
mod stdin;
mod units;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::error::ErrorKind as UsageErrorKind;
use tokio::runtime::Runtime;
use udpair::ErrorKind;

use args::Arguments;
use event::Event;
use interrupt::Interruptions;

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let (runtime, interruptions) = match start() {
        Ok(started) => started,
        Err(error) => {
            let kind = ErrorKind::TooManyFiles;
            let message = format!("cannot start: {error}");
            print_directly(&Event::problem(kind, message, None), arguments.global.json);
            return ExitCode::from(exit::code_of(kind));
        }
    };
    let code = runtime.block_on(command::run(arguments, interruptions));
    // A thread may still be waiting for standard input or for the system's resolver.
    runtime.shutdown_background();
    ExitCode::from(code)
}

fn start() -> io::Result<(Runtime, Interruptions)> {
    // The runtime panics if it cannot open the few descriptors that it needs. Try that first.
    let descriptors = [io::pipe()?, io::pipe()?, io::pipe()?];
    drop(descriptors);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let interruptions = {
        let _entered = runtime.enter();
        Interruptions::listen()?
    };
    Ok((runtime, interruptions))
}

/// Reports an error in the command line, as JSON if `--json` is among the arguments.
fn refuse(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        UsageErrorKind::DisplayHelp | UsageErrorKind::DisplayVersion
    ) {
        return match error.print() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let message = format!("cannot write standard output: {error}");
                print_directly(&Event::problem(ErrorKind::Io, message, None), false);
                ExitCode::from(exit::code_of(ErrorKind::Io))
            }
            _ => ExitCode::SUCCESS,
        };
    }
    let wants_json = std::env::args_os()
        .skip(1)
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    let text = error.render().to_string();
    let text = text.trim_start_matches("error: ");
    if wants_json {
        let message = text.split("\n\n").next().unwrap_or_default();
        let tips = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("tip: "));
        let mut advice: Vec<_> = tips.map(str::to_owned).collect();
        if advice.is_empty() {
            let help = "`udpair --help` and `udpair COMMAND --help` list the commands and flags";
            advice.push(help.to_owned());
        }
        let words: Vec<_> = message.split_whitespace().collect();
        print_directly(
            &Event::problem(
                ErrorKind::InvalidArgument,
                words.join(" "),
                Some(advice.join("; ")),
            ),
            true,
        );
    } else {
        let is_colored = color::is_wanted(io::stderr().is_terminal());
        let prefix = color::paint(is_colored, color::Color::Problem, "udpair:");
        let _ = io::stderr().write_all(format!("{prefix} {text}").as_bytes());
    }
    ExitCode::from(exit::code_of(ErrorKind::InvalidArgument))
}

/// Prints `event` before an `Output` exists.
fn print_directly(event: &Event, json: bool) {
    // A failed write is ignored: the exit code reports the failure as well.
    let _ = match render::Renderer::plain(json).render(event, SystemTime::now()) {
        Ok(render::Rendered::Result(bytes)) => io::stdout().write_all(&bytes),
        Ok(render::Rendered::Diagnostic(text)) => io::stderr().write_all(text.as_bytes()),
        Ok(render::Rendered::Nothing) | Err(_) => Ok(()),
    };
}
