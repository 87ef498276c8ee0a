//! Turns events into text: for human readers, or as JSON for scripts.
//!
//! Pure: it returns the text, and `output` writes it.

mod adapter;
mod message;

use std::io;
use std::net::IpAddr;
use std::time::SystemTime;

pub(crate) use adapter::{Layout, heading as adapter_heading};

use crate::args::Global;
use crate::clock;
use crate::color::{self, Color};
use crate::escape;
use crate::event::{Event, QueryEvent, Received, StepEvent};
use crate::frame::Frame;

/// How events are turned into text.
#[derive(Clone, Debug)]
pub(crate) struct Renderer {
    json: bool,
    verbose: bool,
    quiet: bool,
    is_terminal: bool,
    payloads: Payloads,
    colors: Colors,
    layout: Layout,
}

/// Which of the streams may have colours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Colors {
    pub(crate) output: bool,
    pub(crate) error: bool,
}

/// How a received datagram is printed, other than as JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Payloads {
    /// One line about the datagram, with its payload as text.
    Line,
    /// The same, with its payload as hex digits.
    HexLine,
    /// The payload only.
    Framed(Frame),
}

/// The text of an event, and its destination.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Rendered {
    /// The event is not printed.
    Nothing,
    /// For standard output.
    Result(Vec<u8>),
    /// For standard error.
    Diagnostic(String),
}

impl Renderer {
    pub(crate) fn new(global: &Global, payloads: Payloads) -> Self {
        Self {
            json: global.json,
            verbose: global.verbose,
            quiet: global.quiet,
            is_terminal: false,
            payloads,
            colors: Colors::default(),
            layout: Layout::Wide,
        }
    }

    /// Returns a renderer for errors that occur before the command line is known.
    pub(crate) fn plain(json: bool) -> Self {
        Self {
            json,
            verbose: false,
            quiet: false,
            is_terminal: false,
            payloads: Payloads::Line,
            colors: Colors::default(),
            layout: Layout::Wide,
        }
    }

    /// Returns this renderer for a terminal with this many columns, or for something else: a terminal
    /// must not act on text from the network.
    pub(crate) fn for_terminal(self, is_terminal: bool, columns: Option<u16>) -> Self {
        Self {
            is_terminal,
            layout: Layout::for_columns(columns),
            ..self
        }
    }

    /// Returns how lists are laid out.
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns this renderer with these streams coloured. JSON never is.
    pub(crate) fn with_colors(self, colors: Colors) -> Self {
        Self { colors, ..self }
    }

    /// Returns the text of a problem: the prefix of all errors and warnings, and what it is.
    pub(crate) fn problem(&self, text: &str) -> String {
        let prefix = color::paint(self.colors.error, Color::Problem, "udpair:");
        format!("{prefix} {text}\n")
    }

    /// Returns the text of `event`, which happens now.
    ///
    /// # Errors
    ///
    /// The event cannot be serialized as JSON.
    pub(crate) fn render(&self, event: &Event, now: SystemTime) -> io::Result<Rendered> {
        if self.json {
            return self.json(event, now);
        }
        Ok(match event {
            Event::EndpointPair {
                local,
                remote,
                rank,
            } => line(format!("{rank}  {} -> {remote}", or_no_route(*local))),
            Event::Service { name, port, .. } => line(format!("{name} {port}/udp")),
            Event::Adapter(event) => line(adapter::adapter_text(event, self.layout)),
            Event::AdapterChange(event) => line(adapter::change_text(event)),
            Event::Step(step) => Rendered::Result(step_text(step).into_bytes()),
            Event::Note { text } => line(text.clone()),
            Event::Listening {
                local: Some(local),
                host,
            } => self.diagnostic(match host {
                Some(host) => format!("listening on {local} ({host})"),
                None => format!("listening on {local}"),
            }),
            Event::Connected {
                local: Some(local),
                remote: Some(remote),
                host,
                service,
            } => self.diagnostic(format!("connected {local} -> {remote} ({host} {service})")),
            Event::Listening { .. } | Event::Connected { .. } => Rendered::Nothing,
            Event::Joined {
                group,
                adapter,
                error,
                ..
            } => self.diagnostic(match error {
                None => format!("joined {group} on {adapter}"),
                Some(error) => format!("did not join {group} on {adapter}: {error}"),
            }),
            Event::Membership {
                group,
                adapter,
                index,
                joined,
            } => {
                let adapter = match adapter {
                    Some(name) => name.clone(),
                    None => format!("adapter {index}"),
                };
                let verb = if *joined { "joined" } else { "left" };
                self.diagnostic(format!("{verb} {group} on {adapter}"))
            }
            Event::Sent { bytes } if self.verbose => self.diagnostic(format!("sent {bytes} bytes")),
            Event::Sent { .. } => Rendered::Nothing,
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
                    text.push_str(&format!(" (reported by {reporter})"));
                }
                self.diagnostic(text)
            }
            Event::Attachment {
                adapter, attached, ..
            } => self.diagnostic(match attached {
                true => format!("adapter {adapter} is back"),
                false => format!("adapter {adapter} was removed"),
            }),
            Event::NextTarget {
                destination,
                after,
                kind,
            } => self.diagnostic(format!(
                "{after}: {}; going on to {destination}",
                kind.replace('-', " ")
            )),
            Event::Hint { message } => {
                let hint = color::paint(self.colors.error, Color::Hint, "hint:");
                self.diagnostic(format!("{hint} {message}"))
            }
            Event::SendDropped {
                destination,
                datagrams,
            } => self.diagnostic(format!(
                "{destination}: {datagrams} dropped by a full queue of this machine"
            )),
            Event::Summary {
                sent,
                send_dropped,
                received,
                dropped,
                exact,
                non_peer_dropped,
                listened,
            } => {
                let at_least = if *exact { "" } else { "at least " };
                let sent = match send_dropped {
                    0 => format!("{sent} sent"),
                    _ => format!("{sent} sent ({send_dropped} of them dropped on the way out)"),
                };
                let mut text = format!("{sent}, {received} received, {at_least}{dropped} dropped");
                if *non_peer_dropped > 0 {
                    text.push_str(&format!(
                        ", {non_peer_dropped} dropped from non-peer senders"
                    ));
                }
                for (count, what) in [
                    (listened.not_allowed, "not allowed"),
                    (listened.unanswered, "not answered"),
                ] {
                    if let Some(count) = count.filter(|count| *count > 0) {
                        text.push_str(&format!(", {count} {what}"));
                    }
                }
                self.diagnostic(text)
            }
            Event::Error {
                message, advice, ..
            } => {
                // `-q` does not suppress errors.
                let mut text = self.problem(message);
                if let Some(advice) = advice {
                    let hint = color::paint(self.colors.error, Color::Hint, "hint:");
                    text.push_str(&format!("  {hint} {advice}\n"));
                }
                Rendered::Diagnostic(text)
            }
        })
    }

    fn json(&self, event: &Event, now: SystemTime) -> io::Result<Rendered> {
        if matches!(event, Event::Note { .. }) || (self.quiet && !event.is_result()) {
            return Ok(Rendered::Nothing);
        }
        let mut text = serde_json::to_string(event).map_err(io::Error::other)?;
        // Each event is an object that has its name at least.
        text.pop();
        text.push_str(&format!(",\"time\":\"{}\"}}", clock::text(now)));
        if self.is_terminal {
            text = escape::json_for_terminal(&text);
        }
        Ok(line(text))
    }

    /// Adds a received datagram to `text`.
    ///
    /// # Errors
    ///
    /// It cannot be serialized as JSON.
    pub(crate) fn received(&self, received: &Received<'_>, text: &mut Vec<u8>) -> io::Result<()> {
        if self.json {
            return message::json(received, self.is_terminal, text);
        }
        match self.payloads {
            Payloads::Line => message::line(received, false, self.colors.output, text),
            Payloads::HexLine => message::line(received, true, self.colors.output, text),
            Payloads::Framed(frame) => message::payload(received, frame, self.is_terminal, text),
        }
        Ok(())
    }

    /// Returns a text that is not a result. `-q` suppresses it.
    fn diagnostic(&self, text: String) -> Rendered {
        if self.quiet {
            Rendered::Nothing
        } else {
            Rendered::Diagnostic(text + "\n")
        }
    }
}

fn line(text: String) -> Rendered {
    Rendered::Result((text + "\n").into_bytes())
}

fn or_no_route(ip: Option<IpAddr>) -> String {
    ip.map_or_else(|| "(no route)".into(), |ip| ip.to_string())
}

/// Returns a step as text: one line for the lookup, and further lines for its outcome.
fn step_text(step: &StepEvent) -> String {
    let mut lines = Vec::new();
    match step {
        StepEvent::Services {
            service,
            source,
            path,
            port,
            hidden_srv,
            notes,
            error,
            ..
        } => {
            let place = match *source {
                "table" => "the table of IANA names that comes with udpair",
                "text" => "the text that replaces the services file",
                source => path.as_deref().unwrap_or(source),
            };
            lines.push(match (port, *source) {
                _ if error.is_some() => format!("service   {service}: {place} cannot be read"),
                (_, "srv-only") => format!("service   {service} is looked up in DNS only"),
                (Some(port), "number") => format!("service   {service} is port {port}"),
                (Some(port), _) => format!("service   {service} is port {port} in {place}"),
                (None, "missing-file") => format!("service   {place} does not exist"),
                (None, _) => format!("service   {service} is not in {place}"),
            });
            lines.extend(hidden_srv.iter().map(|name| {
                format!(
                    "            so the SRV records {name} are not queried (--srv queries them)"
                )
            }));
            lines.extend(notes.iter().map(detail));
            lines.extend(error.iter().map(detail));
        }
        StepEvent::Srv {
            name,
            queries,
            records,
            skipped,
            notes,
            error,
            ms,
        } => {
            lines.push(format!("srv       {name} ({ms} ms)"));
            lines.extend(notes.iter().map(detail));
            lines.extend(queries.iter().map(query_text));
            lines.extend(records.iter().map(|record| {
                format!(
                    "            priority {}, weight {}: {} port {} (TTL {} s)",
                    record.priority, record.weight, record.target, record.port, record.ttl
                )
            }));
            lines.extend(skipped.iter().map(|skipped| {
                let record = &skipped.record;
                let target = if record.target.is_empty() {
                    "."
                } else {
                    &record.target
                };
                format!(
                    "            skipped {target} port {} (priority {}): {}",
                    record.port, record.priority, skipped.reason
                )
            }));
            lines.extend(error.iter().map(detail));
        }
        StepEvent::Address {
            host,
            source,
            path,
            server,
            queries,
            addresses,
            notes,
            open,
            error,
            ms,
        } => {
            let place = match (path, server) {
                (Some(path), _) => path.clone(),
                (None, Some(server)) => format!("additional record from {server}"),
                (None, None) => (*source).to_owned(),
            };
            lines.push(format!("address   {host}: {place} ({ms} ms)"));
            lines.extend(notes.iter().map(detail));
            lines.extend(queries.iter().map(query_text));
            lines.extend(addresses.iter().map(|found| match found.ttl {
                Some(ttl) => format!("            {} (TTL {ttl} s)", found.address),
                None => format!("            {}", found.address),
            }));
            let open = open.iter();
            lines.extend(open.map(|kind| detail(&format!("{kind} is still open: no response"))));
            lines.extend(error.iter().map(detail));
        }
        StepEvent::Order { candidates } => {
            lines.push("order".into());
            for candidate in candidates {
                let local = or_no_route(candidate.local);
                let mut line = format!(
                    "            {}  {local} -> {}",
                    candidate.rank, candidate.remote
                );
                if let Some(reason) = &candidate.before_next {
                    line.push_str(&format!("  before the next one: {reason}"));
                }
                lines.push(line);
            }
        }
    }
    lines.join("\n") + "\n"
}

/// Returns a line of a step that says more about it.
fn detail(text: &String) -> String {
    format!("            {text}")
}

fn query_text(query: &QueryEvent) -> String {
    if query.cached {
        return format!(
            "            {} {} cached from {}: {}",
            query.record_type, query.name, query.server, query.outcome
        );
    }
    format!(
        "            {} {} from {} over {}: {} ({} ms)",
        query.record_type, query.name, query.server, query.transport, query.outcome, query.ms
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-q` leaves out what is neither a result nor an error, as text and as JSON.
    #[test]
    fn quiet_output_has_results_and_errors_only() {
        let now = SystemTime::UNIX_EPOCH;
        let sent = Event::Sent { bytes: 1 };
        let error = Event::Error {
            kind: "io",
            status: 0,
            message: "no".into(),
            advice: None,
        };
        for json in [false, true] {
            let mut renderer = Renderer::plain(json);
            renderer.verbose = true;
            for (quiet, is_printed) in [(false, true), (true, false)] {
                renderer.quiet = quiet;
                let rendered = renderer.render(&sent, now).unwrap();
                assert_eq!(rendered != Rendered::Nothing, is_printed, "{json}");
                assert_ne!(renderer.render(&error, now).unwrap(), Rendered::Nothing);
            }
        }
    }
}
