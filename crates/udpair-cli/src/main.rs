//! The `udpair` command.
//!
//! `args` is the command line as types, `command` what each command does, `event` what it has to say
//! and `render` how that looks.

#![forbid(unsafe_code)]

mod args;
mod command;
mod escape;
mod event;
mod frame;
mod render;
mod stdin;
mod units;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::Arguments;
use event::Event;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("udpair: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(command::run(arguments));
    // A thread may still be waiting for standard input or for the system's resolver.
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// Says what is wrong with the command line, in the form that it asks for as far as it can be read.
fn refuse(error: &clap::Error) -> ExitCode {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    let wants_json = std::env::args_os()
        .skip(1)
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    if is_help || !wants_json {
        let _ = error.print();
    } else {
        let text = error.to_string();
        let mut parts = text.splitn(2, "\n\n");
        let message = parts
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        let advice = "`udpair --help` and `udpair COMMAND --help` list what there is";
        let event = Event::usage(message.replace('\n', " "), Some(advice.into()));
        if let Ok(line) = serde_json::to_string(&event) {
            println!("{line}");
        }
    }
    ExitCode::from(if is_help { 0 } else { 2 })
}
