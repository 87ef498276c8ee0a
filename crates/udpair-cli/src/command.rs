//! The commands.

mod adapters;
mod ask;
mod connect;
mod context;
mod demo;
mod listen;
mod literals;
mod pages;
mod resolve;
mod send;
mod services;

use std::time::Duration;

use tokio::time::timeout;

use crate::args::{Arguments, Command};
use crate::interrupt::{Interruption, Interruptions};
use context::{Context, Exit, Failure};

/// Runs the command, and returns its exit code.
pub(crate) async fn run(arguments: Arguments, mut interruptions: Interruptions) -> u8 {
    let context = Context::new(&arguments);
    let work = async {
        literals::check(&arguments)?;
        match &arguments.command {
            Command::Connect(connect) => connect::run(&context, connect).await,
            Command::Ask(ask) => ask::run(&context, ask).await,
            Command::Send(send) => send::run(&context, send).await,
            Command::Listen(listen) => listen::run(&context, listen).await,
            Command::Resolve(resolve) => resolve::run(&context, resolve).await,
            Command::Services(services) => services::run(&context, services).await,
            Command::Adapters(adapters) => adapters::run(&context, adapters).await,
            Command::Demo(demo) => demo::run(&context, demo).await,
            Command::Completions(completions) => pages::completions(&context, completions).await,
            Command::Man(man) => pages::man(&context, man).await,
        }
    };
    let outcome = tokio::select! {
        // If the command finishes at the moment of an interruption, its own outcome counts.
        biased;
        outcome = work => outcome,
        how = interruptions.next() => Ok(Exit::Interrupted(how)),
        error = context.output.lost() => Err(Failure::Output(error)),
    };
    let interruption = match &outcome {
        Ok(Exit::Interrupted(how)) => Some(*how),
        _ => None,
    };
    let finishing = context.finish(outcome);
    let abandoned = |how: Interruption| {
        context.output.abandon();
        how.exit_code()
    };
    match interruption {
        Some(how) => timeout(FINISH_TIMEOUT, finishing)
            .await
            .unwrap_or_else(|_| abandoned(how)),
        None => tokio::select! {
            code = finishing => code,
            how = interruptions.next() => abandoned(how),
        },
    }
}

/// How long an interrupted command waits until its last output is written.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);
