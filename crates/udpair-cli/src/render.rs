//! Where what a command says goes, and in which words.
//!
//! Results go to standard output, all else to standard error. With `--json` everything is a line of
//! JSON on standard output.

use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;

use crate::args::Global;
use crate::escape;
use crate::event::{Event, QueryEvent, StepEvent};
use crate::frame::Frame;

/// The way out.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    verbose: bool,
    quiet: bool,
    is_terminal: bool,
    /// How a payload is shown where it is the result itself; `None` shows it as a line about it.
    frame: Option<Frame>,
}

impl Output {
    pub(crate) fn new(global: &Global, frame: Option<Frame>) -> Self {
        Self {
            json: global.json,
            verbose: global.verbose,
            quiet: global.quiet,
            is_terminal: io::stdout().is_terminal(),
            frame,
        }
    }

    /// Says `event`.
    ///
    /// # Errors
    ///
    /// Standard output is closed: nobody wants to hear more.
    pub(crate) fn say(&self, event: &Event) -> io::Result<()> {
        if self.json {
            if matches!(event, Event::Note { .. }) {
                return Ok(());
            }
            let line = serde_json::to_string(event).map_err(io::Error::other)?;
            return write(format!("{line}\n").as_bytes());
        }
        match event {
            Event::Message { payload, .. } if self.frame.is_some() => self.payload(payload),
            Event::Message {
                remote,
                bytes,
                payload,
                ..
            } => {
                // A line a datagram, also where the datagram has lines of its own.
                let text = escape::for_terminal(payload);
                write(format!("{remote} {bytes} {text}\n").as_bytes())
            }
            Event::EndpointPair {
                local,
                remote,
                rank,
            } => write(format!("{rank}  {} -> {remote}\n", or_unknown(*local)).as_bytes()),
            Event::Service { name, port, .. } => write(format!("{name} {port}/udp\n").as_bytes()),
            Event::Step(step) => write(step_text(step).as_bytes()),
            Event::Note { text } => write(format!("{text}\n").as_bytes()),
            Event::Listening { local: Some(local) } => self.aside(&format!("listening on {local}")),
            Event::Connected {
                local: Some(local),
                remote: Some(remote),
                host,
                service,
            } => self.aside(&format!("connected {local} -> {remote} ({host} {service})")),
            Event::Listening { .. } | Event::Connected { .. } => Ok(()),
            Event::Sent { bytes } if self.verbose => self.aside(&format!("sent {bytes} bytes")),
            Event::Sent { .. } => Ok(()),
            Event::PeerError {
                destination,
                kind,
                mtu,
                reporter,
            } => {
                let mut text = match destination {
                    Some(destination) => format!("{destination}: {kind}"),
                    None => kind.clone(),
                };
                if let Some(mtu) = mtu {
                    text.push_str(&format!(", at most {mtu} bytes"));
                }
                if let Some(reporter) = reporter {
                    text.push_str(&format!(" (says {reporter})"));
                }
                self.aside(&text)
            }
            Event::Summary {
                sent,
                received,
                dropped,
                exact,
                strangers,
            } => {
                let at_least = if *exact { "" } else { "at least " };
                let mut text =
                    format!("{sent} sent, {received} received, {at_least}{dropped} dropped");
                if *strangers > 0 {
                    text.push_str(&format!(", {strangers} from strangers kept out"));
                }
                self.aside(&text)
            }
            Event::Error {
                message, advice, ..
            } => {
                // Not silenced by `-q`: what went wrong is never beside the point.
                let mut text = format!("udpair: {message}\n");
                if let Some(advice) = advice {
                    text.push_str(&format!("  hint: {advice}\n"));
                }
                let _ = io::stderr().write_all(text.as_bytes());
                Ok(())
            }
        }
    }

    fn payload(&self, payload: &[u8]) -> io::Result<()> {
        match self.frame {
            Some(frame @ (Frame::Hex | Frame::Raw)) if !self.is_terminal => {
                write(&frame.write(payload))
            }
            Some(Frame::Hex) => write(&Frame::Hex.write(payload)),
            _ if self.is_terminal => {
                write(format!("{}\n", escape::for_terminal(payload)).as_bytes())
            }
            _ => write(&Frame::Line.write(payload)),
        }
    }

    /// Says something that is not the result.
    fn aside(&self, text: &str) -> io::Result<()> {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{text}");
        }
        Ok(())
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn or_unknown(ip: Option<IpAddr>) -> String {
    ip.map_or_else(|| "(no way)".into(), |ip| ip.to_string())
}

/// A step for people: a line about what was asked, and lines about what came of it.
fn step_text(step: &StepEvent) -> String {
    let mut lines = Vec::new();
    match step {
        StepEvent::Services {
            service,
            source,
            path,
            port,
            ..
        } => {
            let place = match *source {
                "table" => "the table of IANA's names that comes with udpair",
                source => path.as_deref().unwrap_or(source),
            };
            lines.push(match (port, *source) {
                (Some(port), "number") => format!("service   {service} is port {port}"),
                (Some(port), _) => format!("service   {service} is port {port} in {place}"),
                (None, "missing-file") => format!("service   {place} is not there"),
                (None, _) => format!("service   {service} is not in {place}"),
            });
        }
        StepEvent::Srv {
            name,
            queries,
            records,
            error,
            ms,
        } => {
            lines.push(format!("srv       {name} ({ms} ms)"));
            lines.extend(queries.iter().map(query_text));
            lines.extend(records.iter().map(|record| {
                format!(
                    "            priority {}, weight {}: {} port {} (for {} s)",
                    record.priority, record.weight, record.target, record.port, record.ttl
                )
            }));
            lines.extend(error.iter().map(|error| format!("            {error}")));
        }
        StepEvent::Address {
            host,
            source,
            path,
            server,
            queries,
            addresses,
            error,
            ms,
        } => {
            let place = match (path, server) {
                (Some(path), _) => path.clone(),
                (None, Some(server)) => format!("sent along by {server}"),
                (None, None) => (*source).to_owned(),
            };
            lines.push(format!("address   {host}: {place} ({ms} ms)"));
            lines.extend(queries.iter().map(query_text));
            lines.extend(addresses.iter().map(|found| match found.ttl {
                Some(ttl) => format!("            {} (for {ttl} s)", found.address),
                None => format!("            {}", found.address),
            }));
            lines.extend(error.iter().map(|error| format!("            {error}")));
        }
        StepEvent::Order { candidates } => {
            lines.push("order".into());
            for candidate in candidates {
                let local = or_unknown(candidate.local);
                let mut line = format!(
                    "            {}  {local} -> {}",
                    candidate.rank, candidate.remote
                );
                if let Some(reason) = &candidate.before_next {
                    line.push_str(&format!("  before the next by: {reason}"));
                }
                lines.push(line);
            }
        }
    }
    lines.join("\n") + "\n"
}

fn query_text(query: &QueryEvent) -> String {
    if query.cached {
        return format!(
            "            {} {} kept from {}: {}",
            query.record_type, query.name, query.server, query.outcome
        );
    }
    format!(
        "            {} {} from {} by {}: {} ({} ms)",
        query.record_type, query.name, query.server, query.transport, query.outcome, query.ms
    )
}
