//! `completions` and `man`: what is generated from the definition of the command line.

use super::context::{Context, Exit, Failure};
use crate::args::{Arguments, Completions, Man};
use crate::event::Event;

pub(super) async fn completions(
    context: &Context,
    arguments: &Completions,
) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    let mut definition = Arguments::documented();
    clap_complete::generate(arguments.shell, &mut definition, "udpair", &mut text);
    print(context, text).await
}

pub(super) async fn man(context: &Context, arguments: &Man) -> Result<Exit, Failure> {
    let mut definition = Arguments::documented();
    // The names of pages: udpair-ask(1).
    definition.build();
    if let Some(name) = &arguments.command {
        let command = definition.find_subcommand(name).ok_or_else(|| {
            let commands = definition.get_subcommands().map(clap::Command::get_name);
            let commands: Vec<_> = commands.collect();
            Failure::usage(format!("there is no command {name:?}"))
                .advising(&format!("the commands are {}", commands.join(", ")))
        })?;
        definition = command.clone();
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(definition).render(&mut text)?;
    print(context, text).await
}

async fn print(context: &Context, text: Vec<u8>) -> Result<Exit, Failure> {
    let text = String::from_utf8_lossy(&text).trim_end().to_owned();
    context.print(&Event::Note { text }).await?;
    Ok(Exit::Done)
}
