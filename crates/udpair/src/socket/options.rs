//! What was requested of a socket's options, what the system granted, and what would help.
//!
//! Systems grant less than they were asked for without a word. So what is answer here is what the system
//! says of the open socket when it is asked, and never what we believe to have set. Where it granted
//! something else, the socket works all the same: but its owner can know, and know why.

use std::fmt;
use std::io;

use udpair_io::Socket;

use super::settings::{ECN_BITS, Ecn, QualityOfService, RequestedOptions};

/// The options of a socket: what was requested, what the system granted, and what would help.
///
/// Got from [`DatagramSocket::options`](super::DatagramSocket::options). Shown as text it has one line an
/// option.
///
/// # Examples
///
/// ```
/// # use udpair::{DatagramSocket, SocketOption};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), udpair::Error> {
/// let socket = DatagramSocket::builder()
///     .inbound_buffer_bytes(1 << 30)
///     .bind(&"127.0.0.1:0".parse()?)
///     .await?;
/// for option in socket.options().unmet() {
///     // inbound buffer: requested 1073741824 bytes, granted 4194304 bytes: the system grants no more
///     // (`sysctl -w net.core.rmem_max=1073741824` would help)
///     println!("{option}");
/// }
/// # assert!(socket.options().get(SocketOption::InboundBuffer).granted.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OptionsReport {
    /// In the order of [`SocketOption::ALL`], each option once.
    entries: Vec<OptionReport>,
}

/// One option of a socket.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OptionReport {
    /// Which one.
    pub option: SocketOption,
    /// What was asked of the system; `None` if its own choice was left to it.
    pub requested: Option<OptionValue>,
    /// What the system says it is now; `None` while the socket is not open, and where the system does
    /// not say.
    pub granted: Option<OptionValue>,
    /// Why that is not what was requested; `None` if it is, and if nothing was requested.
    pub why_not: Option<String>,
    /// The command that would help; `None` if nothing need be done, or we know of nothing.
    pub advice: Option<String>,
}

/// An option of a socket.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SocketOption {
    /// [`Builder::inbound_buffer_bytes`](super::Builder::inbound_buffer_bytes).
    InboundBuffer,
    /// [`Builder::send_buffer_bytes`](super::Builder::send_buffer_bytes).
    SendBuffer,
    /// [`Builder::hop_limit`](super::Builder::hop_limit).
    HopLimit,
    /// [`Builder::dont_fragment`](super::Builder::dont_fragment).
    DontFragment,
    /// [`Builder::quality_of_service`](super::Builder::quality_of_service): what the system makes of it on
    /// this machine. What it writes into the packets is [`Dscp`](Self::Dscp).
    QualityOfService,
    /// [`Builder::dscp`](super::Builder::dscp), or what the quality of service asks for.
    Dscp,
    /// [`Builder::ecn`](super::Builder::ecn).
    Ecn,
    /// [`Builder::receive_offload`](super::Builder::receive_offload): whether the kernel does it now. That it
    /// may is left to the system; that it must not is a wish.
    ReceiveOffload,
}

/// The value of an option.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum OptionValue {
    /// A size in bytes.
    Bytes(u32),
    /// A number of routers.
    Hops(u8),
    /// On or off.
    Switch(bool),
    /// How urgent datagrams are.
    Quality(QualityOfService),
    /// A differentiated services code point, 0 to 63 (RFC 2474, section 3).
    Dscp(u8),
    /// A mark for explicit congestion notification.
    Ecn(Ecn),
}

impl OptionsReport {
    /// Returns what there is to say of one option.
    pub fn get(&self, option: SocketOption) -> &OptionReport {
        let mut entries = self.entries.iter();
        entries
            .find(|entry| entry.option == option)
            .expect("each option has its entry, see `report`")
    }

    /// Returns all options.
    pub fn iter(&self) -> impl Iterator<Item = &OptionReport> {
        self.entries.iter()
    }

    /// Returns the options that the system did not grant as requested.
    pub fn unmet(&self) -> impl Iterator<Item = &OptionReport> {
        self.iter().filter(|entry| entry.why_not.is_some())
    }
}

impl SocketOption {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::InboundBuffer,
        Self::SendBuffer,
        Self::HopLimit,
        Self::DontFragment,
        Self::QualityOfService,
        Self::Dscp,
        Self::Ecn,
        Self::ReceiveOffload,
    ];

    /// Returns its name: `"inbound buffer"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::InboundBuffer => "inbound buffer",
            Self::SendBuffer => "send buffer",
            Self::HopLimit => "hop limit",
            Self::DontFragment => "don't fragment",
            Self::QualityOfService => "quality of service",
            Self::Dscp => "DSCP",
            Self::Ecn => "ECN",
            Self::ReceiveOffload => "receive offload",
        }
    }
}

/// What the system says of the options of an open socket; an error where it does not say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Observed {
    /// As answer, see [`udpair_io::receive_buffer_bytes`].
    inbound_buffer_bytes: Answer<u32>,
    send_buffer_bytes: Answer<u32>,
    hop_limit: Answer<u8>,
    dont_fragment: Answer<bool>,
    low_latency: Answer<bool>,
    traffic_class: Answer<u8>,
    receive_offload: bool,
}

type Answer<T> = Result<T, String>;

impl Observed {
    /// Asks the system.
    pub(crate) fn of(socket: &Socket) -> Self {
        fn answer<T>(answer: io::Result<T>) -> Answer<T> {
            answer.map_err(|error| error.to_string())
        }
        Self {
            inbound_buffer_bytes: answer(udpair_io::receive_buffer_bytes(socket)),
            send_buffer_bytes: answer(udpair_io::send_buffer_bytes(socket)),
            hop_limit: answer(udpair_io::hop_limit(socket)),
            dont_fragment: answer(udpair_io::dont_fragment(socket)),
            low_latency: answer(udpair_io::low_latency(socket)),
            traffic_class: answer(udpair_io::traffic_class(socket)),
            receive_offload: udpair_io::receive_offload(socket),
        }
    }
}

/// Compares requested_options with what there is; `None` while the socket is not open.
pub(crate) fn report(
    requested_options: &RequestedOptions,
    observed: Option<&Observed>,
) -> OptionsReport {
    let entry = |&option| match option {
        SocketOption::InboundBuffer => buffer(
            option,
            requested_options.inbound_buffer_bytes,
            observed.map(|observed| &observed.inbound_buffer_bytes),
            udpair_io::receive_buffer_advice,
        ),
        SocketOption::SendBuffer => buffer(
            option,
            requested_options.send_buffer_bytes,
            observed.map(|observed| &observed.send_buffer_bytes),
            udpair_io::send_buffer_advice,
        ),
        SocketOption::HopLimit => compare(
            option,
            Some(OptionValue::Hops(requested_options.hop_limit)),
            observed.map(|observed| observed.hop_limit.clone().map(OptionValue::Hops)),
        ),
        SocketOption::DontFragment => compare(
            option,
            Some(OptionValue::Switch(requested_options.dont_fragment)),
            observed.map(|observed| observed.dont_fragment.clone().map(OptionValue::Switch)),
        ),
        SocketOption::QualityOfService => quality(requested_options.quality_of_service, observed),
        SocketOption::Dscp => compare(
            option,
            requested_options.dscp().map(OptionValue::Dscp),
            observed.map(|observed| observed.traffic_class.clone().map(dscp_of)),
        ),
        SocketOption::Ecn => compare(
            option,
            requested_options.ecn.map(OptionValue::Ecn),
            observed.map(|observed| observed.traffic_class.clone().map(ecn_of)),
        ),
        SocketOption::ReceiveOffload => compare(
            option,
            (!requested_options.receive_offload).then_some(OptionValue::Switch(false)),
            observed.map(|observed| Ok(OptionValue::Switch(observed.receive_offload))),
        ),
    };
    OptionsReport {
        entries: SocketOption::ALL.iter().map(entry).collect(),
    }
}

fn compare(
    option: SocketOption,
    requested: Option<OptionValue>,
    granted: Option<Answer<OptionValue>>,
) -> OptionReport {
    let (granted, problem) = match granted {
        None => (None, None),
        Some(Ok(granted)) => {
            let differs = requested.is_some_and(|requested| requested != granted);
            let problem = differs.then(|| "the system did not take it".to_owned());
            (Some(granted), problem)
        }
        Some(Err(why)) => (None, Some(why)),
    };
    OptionReport {
        option,
        requested,
        granted,
        // What nobody requested for is nobody's disappointment.
        why_not: problem.filter(|_| requested.is_some()),
        advice: None,
    }
}

fn buffer(
    option: SocketOption,
    requested: Option<u32>,
    answer: Option<&Answer<u32>>,
    advice: fn(u32) -> Option<String>,
) -> OptionReport {
    let granted = answer.map(|answer| {
        answer.clone().map(|bytes| match requested {
            Some(_) => udpair_io::requested_buffer_bytes(bytes),
            // The system's own choice, which it tells as it is (CTL-07).
            None => bytes,
        })
    });
    let mut report = compare(
        option,
        requested.map(OptionValue::Bytes),
        granted
            .clone()
            .map(|granted| granted.map(OptionValue::Bytes)),
    );
    if let (Some(requested), Some(Ok(granted))) = (requested, granted) {
        if granted < requested {
            report.why_not = Some("the system grants no more".into());
            report.advice = advice(requested);
        } else if granted > requested {
            report.why_not = Some("the system grants no less".into());
        }
    }
    report
}

fn quality(requested: QualityOfService, observed: Option<&Observed>) -> OptionReport {
    let granted = observed.map(|observed| match requested {
        // Nothing was asked for, so that whatever the system does is normal.
        QualityOfService::Normal => Ok(QualityOfService::Normal),
        QualityOfService::LowLatency => observed.low_latency.clone().map(|is_preferred| {
            if is_preferred {
                QualityOfService::LowLatency
            } else {
                QualityOfService::Normal
            }
        }),
    });
    compare(
        SocketOption::QualityOfService,
        Some(OptionValue::Quality(requested)),
        granted.map(|granted| granted.map(OptionValue::Quality)),
    )
}

fn dscp_of(traffic_class: u8) -> OptionValue {
    OptionValue::Dscp(traffic_class >> ECN_BITS)
}

fn ecn_of(traffic_class: u8) -> OptionValue {
    OptionValue::Ecn(match traffic_class & ((1 << ECN_BITS) - 1) {
        0 => Ecn::NotCapable,
        1 => Ecn::Capable1,
        2 => Ecn::Capable0,
        _ => Ecn::Congested,
    })
}

/// One line an option, without an end.
impl fmt::Display for OptionsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            entry.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for OptionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.option)?;
        match self.requested {
            Some(requested) => write!(f, "requested {requested}")?,
            None => f.write_str("left to the system")?,
        }
        if let Some(granted) = self.granted {
            write!(f, ", granted {granted}")?;
        }
        if let Some(why_not) = &self.why_not {
            write!(f, ": {why_not}")?;
        }
        if let Some(advice) = &self.advice {
            write!(f, " (`{advice}` would help)")?;
        }
        Ok(())
    }
}

impl fmt::Display for SocketOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(1) => f.pad("1 byte"),
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
            Self::Hops(value) | Self::Dscp(value) => value.fmt(f),
            Self::Switch(true) => f.pad("on"),
            Self::Switch(false) => f.pad("off"),
            Self::Quality(QualityOfService::Normal) => f.pad("normal"),
            Self::Quality(QualityOfService::LowLatency) => f.pad("low latency"),
            Self::Ecn(ecn) => ecn.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed() -> Observed {
        Observed {
            inbound_buffer_bytes: Ok(212_992),
            send_buffer_bytes: Ok(212_992),
            hop_limit: Ok(128),
            dont_fragment: Ok(false),
            low_latency: Ok(false),
            traffic_class: Ok(0),
            receive_offload: true,
        }
    }

    /// What the report says of one option, as text.
    fn line(
        requested_options: &RequestedOptions,
        observed: Option<&Observed>,
        option: SocketOption,
    ) -> String {
        report(requested_options, observed).get(option).to_string()
    }

    /// CTL-06, CTL-07
    #[test]
    fn a_buffer_that_was_clamped_is_told_with_what_would_help() {
        // As the kernel tells it: twice what was set, but not its own choice.
        let factor = 1_000 / udpair_io::requested_buffer_bytes(1_000);
        let twice = |granted: u32| granted * factor;
        let advice = match udpair_io::receive_buffer_advice(100_000) {
            Some(advice) => format!(" (`{advice}` would help)"),
            None => String::new(),
        };
        for (requested, answer, expected) in [
            (
                None,
                212_992,
                "left to the system, granted 212992 bytes".to_owned(),
            ),
            (
                Some(50_000),
                twice(50_000),
                "requested 50000 bytes, granted 50000 bytes".to_owned(),
            ),
            (
                Some(100_000),
                twice(50_000),
                format!(
                    "requested 100000 bytes, granted 50000 bytes: the system grants no more{advice}"
                ),
            ),
            (
                Some(1),
                twice(2_000),
                "requested 1 byte, granted 2000 bytes: the system grants no less".to_owned(),
            ),
        ] {
            let requested_options = RequestedOptions {
                inbound_buffer_bytes: requested,
                ..RequestedOptions::default()
            };
            let mut observed = observed();
            observed.inbound_buffer_bytes = Ok(answer);
            let line = line(
                &requested_options,
                Some(&observed),
                SocketOption::InboundBuffer,
            );
            assert_eq!(line, format!("inbound buffer: {expected}"));
        }
    }

    /// CTL-11: a wish; where it is not granted the socket opens all the same, and says so.
    #[test]
    fn what_the_system_does_not_do_is_told_in_its_words() {
        let requested_options = RequestedOptions {
            quality_of_service: QualityOfService::LowLatency,
            ..RequestedOptions::default()
        };
        let mut observed = observed();
        for (low_latency, traffic_class, quality, dscp) in [
            (
                Ok(true),
                Ok(0xb8),
                "requested low latency, granted low latency",
                "requested 46, granted 46",
            ),
            (
                Ok(false),
                Ok(0),
                "requested low latency, granted normal: the system did not take it",
                "requested 46, granted 0: the system did not take it",
            ),
            (
                Err("no such option".to_owned()),
                Err("no such mark".to_owned()),
                "requested low latency: no such option",
                "requested 46: no such mark",
            ),
        ] {
            observed.low_latency = low_latency;
            observed.traffic_class = traffic_class;
            let line = |option| line(&requested_options, Some(&observed), option);
            let expected = format!("quality of service: {quality}");
            assert_eq!(line(SocketOption::QualityOfService), expected);
            assert_eq!(line(SocketOption::Dscp), format!("DSCP: {dscp}"));
        }
    }

    #[test]
    fn nothing_wished_is_nothing_missed() {
        let mut observed = observed();
        observed.traffic_class = Err("this system does not tell".into());
        let report = report(&RequestedOptions::default(), Some(&observed));
        assert_eq!(report.unmet().count(), 0, "{report}");
        assert_eq!(report.get(SocketOption::Ecn).granted, None);
    }

    #[test]
    fn every_option_has_its_line_before_the_socket_is_open() {
        let report = report(&RequestedOptions::default(), None);
        assert_eq!(report.unmet().count(), 0, "{report}");
        assert_eq!(
            report.to_string(),
            "inbound buffer: left to the system\n\
             send buffer: left to the system\n\
             hop limit: requested 128\n\
             don't fragment: requested off\n\
             quality of service: requested normal\n\
             DSCP: left to the system\n\
             ECN: left to the system\n\
             receive offload: left to the system"
        );
    }

    #[test]
    fn both_halves_of_a_traffic_class_are_told() {
        let requested_options = RequestedOptions {
            dscp: Some(10),
            ecn: Some(Ecn::Capable0),
            ..RequestedOptions::default()
        };
        let mut observed = observed();
        observed.traffic_class = Ok(requested_options.traffic_class().unwrap());
        assert_eq!(observed.traffic_class, Ok(0x2a));
        let line = |option| line(&requested_options, Some(&observed), option);
        assert_eq!(line(SocketOption::Dscp), "DSCP: requested 10, granted 10");
        assert_eq!(
            line(SocketOption::Ecn),
            "ECN: requested ECT(0), granted ECT(0)"
        );
    }
}
