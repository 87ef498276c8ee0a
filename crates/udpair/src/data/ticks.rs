//! `DateTime` and `TimeSpan`: times in steps of 100 nanoseconds.
//!
//! Pure: no I/O and no clock.

use std::time::{Duration, SystemTime};

use crate::error::{Error, ErrorKind};

/// A moment: the number of 100-nanosecond steps since 1601-01-01 00:00 UTC.
///
/// Moments before that are negative. Conversions from [`SystemTime`] round down to a whole step.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
/// use udpair::data::DateTime;
///
/// let epoch = DateTime::try_from(SystemTime::UNIX_EPOCH)?;
/// assert_eq!(epoch, DateTime(116_444_736_000_000_000));
/// assert_eq!(SystemTime::try_from(epoch)?, SystemTime::UNIX_EPOCH);
/// # Ok::<(), udpair::Error>(())
/// ```
///
/// # Model
///
/// `Windows.Foundation.DateTime` (DR-12); the number is its field `UniversalTime`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DateTime(pub i64);

/// A period: a number of 100-nanosecond steps. It may be negative.
///
/// Conversions from [`Duration`] round down to a whole step.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use udpair::data::TimeSpan;
///
/// assert_eq!(TimeSpan::try_from(Duration::from_millis(3))?, TimeSpan(30_000));
/// assert!(Duration::try_from(TimeSpan(-1)).is_err());
/// # Ok::<(), udpair::Error>(())
/// ```
///
/// # Model
///
/// `Windows.Foundation.TimeSpan` (DR-12); the number is its field `Duration`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TimeSpan(pub i64);

impl TryFrom<SystemTime> for DateTime {
    type Error = Error;

    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): the number of steps does not fit.
    fn try_from(time: SystemTime) -> Result<Self, Error> {
        let since_epoch = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()),
            Err(before) => i128::try_from(before.duration().as_nanos()).map(|nanos| -nanos),
        };
        since_epoch
            .ok()
            .map(|nanos| nanos.div_euclid(NANOS_PER_TICK) + i128::from(EPOCH))
            .and_then(|ticks| i64::try_from(ticks).ok())
            .map(Self)
            .ok_or_else(|| out_of_range("the time"))
    }
}

impl TryFrom<DateTime> for SystemTime {
    type Error = Error;

    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): the system's times do not reach so far.
    fn try_from(time: DateTime) -> Result<Self, Error> {
        let ticks = i128::from(time.0) - i128::from(EPOCH);
        let distance = duration(ticks.unsigned_abs());
        let found = if ticks < 0 {
            Self::UNIX_EPOCH.checked_sub(distance)
        } else {
            Self::UNIX_EPOCH.checked_add(distance)
        };
        found.ok_or_else(|| out_of_range("the time"))
    }
}

impl TryFrom<Duration> for TimeSpan {
    type Error = Error;

    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): the number of steps does not fit.
    fn try_from(duration: Duration) -> Result<Self, Error> {
        i64::try_from(duration.as_nanos() / NANOS_PER_TICK.unsigned_abs())
            .map(Self)
            .map_err(|_| out_of_range("the period"))
    }
}

impl TryFrom<TimeSpan> for Duration {
    type Error = Error;

    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): the period is negative.
    fn try_from(span: TimeSpan) -> Result<Self, Error> {
        u64::try_from(span.0)
            .map(|ticks| duration(ticks.into()))
            .map_err(|_| out_of_range("the period"))
    }
}

/// Returns the duration of at most 2^64 steps.
fn duration(ticks: u128) -> Duration {
    let seconds = u64::try_from(ticks / TICKS_PER_SECOND).unwrap_or(u64::MAX);
    let nanos = ticks % TICKS_PER_SECOND * NANOS_PER_TICK.unsigned_abs();
    Duration::new(seconds, u32::try_from(nanos).unwrap_or(0))
}

fn out_of_range(what: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("{what} is out of range"),
    )
}

/// 1970-01-01 in steps since 1601-01-01: 369 years, 89 of them leap years.
const EPOCH: i64 = (369 * 365 + 89) * 86_400 * 10_000_000;

const NANOS_PER_TICK: i128 = 100;

const TICKS_PER_SECOND: u128 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// DR-12: since 1601, in steps of 100 nanoseconds.
    #[test]
    fn times_convert_both_ways() {
        for ticks in [
            0,
            1,
            EPOCH - 1,
            EPOCH,
            EPOCH + 1,
            133_000_000_123_456_789,
            -10_000_001,
        ] {
            let time = SystemTime::try_from(DateTime(ticks)).unwrap();
            assert_eq!(DateTime::try_from(time).unwrap(), DateTime(ticks));
        }
        let epoch = DateTime::try_from(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(epoch, DateTime(116_444_736_000_000_000));
        let before = SystemTime::UNIX_EPOCH - Duration::from_nanos(1);
        let rounded = DateTime::try_from(before).unwrap();
        assert_eq!(rounded, DateTime(EPOCH - 1));
    }

    /// Extreme values are results or errors, whatever the system's times can hold.
    #[test]
    fn extreme_values_do_not_panic() {
        for ticks in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX] {
            if let Ok(time) = SystemTime::try_from(DateTime(ticks)) {
                assert_eq!(DateTime::try_from(time).unwrap(), DateTime(ticks));
            }
            let span = Duration::try_from(TimeSpan(ticks));
            assert_eq!(span.is_ok(), ticks >= 0, "{ticks}");
            for back in span.into_iter().map(TimeSpan::try_from) {
                assert_eq!(back.unwrap(), TimeSpan(ticks));
            }
        }
        assert!(TimeSpan::try_from(Duration::MAX).is_err());
    }
}
