//! Scheduling and limits of a process, and the resources that it has used.

use std::fs;
use std::io;
use std::time::Duration;

use super::done;

/// Pins this process, and the threads that it will start, to one core.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    // SAFETY: all zeros is an empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    if core >= 8 * size_of::<libc::cpu_set_t>() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: `core` is a bit of the set, which was checked.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: `set` is live, and the size is its own. 0 is the calling thread.
    done(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) })
}

/// Gives this process priority over all ordinary processes (`SCHED_FIFO`). Only root may do this.
pub(crate) fn raise_priority() -> io::Result<()> {
    // SAFETY: all zeros is a valid value; some C libraries have more fields than the priority.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = 1;
    // SAFETY: `parameters` is live during the call. 0 is the calling process.
    done(unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) })
}

/// Lets the kernel end this process after this number of seconds, even while it waits.
pub(crate) fn end_after(seconds: u32) {
    // SAFETY: alarm(2) accesses no memory of this process, which does not handle SIGALRM.
    unsafe { libc::alarm(seconds) };
}

/// Raises the limit of open descriptors to the hard limit.
pub(crate) fn allow_descriptors() -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is live and writable during the call.
    done(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` is live during the call.
    done(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })
}

/// The processes whose processor time to return.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Processes {
    /// This process, all threads.
    This,
    /// Children that have ended and were waited for.
    Children,
}

/// Returns the processor time used so far, user and system.
pub(crate) fn cpu_time(processes: Processes) -> Duration {
    let who = match processes {
        Processes::This => libc::RUSAGE_SELF,
        Processes::Children => libc::RUSAGE_CHILDREN,
    };
    // SAFETY: all zeros is a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is live and writable during the call.
    done(unsafe { libc::getrusage(who, &raw mut usage) }).expect("getrusage(2) accepts both");
    duration(usage.ru_utime) + duration(usage.ru_stime)
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).expect("time used is not negative");
    let micros = u64::try_from(time.tv_usec).expect("time used is not negative");
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

/// Returns the time that these cores were busy, including stolen time.
pub(crate) fn cores_busy(cores: &[usize]) -> io::Result<Duration> {
    let text = fs::read_to_string("/proc/stat")?;
    let busy: Option<Vec<_>> = cores.iter().map(|core| busy_ticks(&text, *core)).collect();
    let ticks: u64 = busy.ok_or(io::ErrorKind::InvalidData)?.iter().sum();
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

fn busy_ticks(text: &str, core: usize) -> Option<u64> {
    let name = format!("cpu{core}");
    let mut lines = text.lines().map(str::split_ascii_whitespace);
    let line = lines.find(|line| line.clone().next() == Some(&name))?;
    let ticks: Vec<u64> = line.skip(1).filter_map(|word| word.parse().ok()).collect();
    // proc_stat(5). The user time includes the guest time.
    let [user, nice, system, _idle, _wait, irq, softirq, steal, ..] = ticks[..] else {
        return None;
    };
    Some(user + nice + system + irq + softirq + steal)
}

/// Returns the anonymous resident memory of this process, in bytes.
pub(crate) fn resident_bytes() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.ok_or(io::ErrorKind::InvalidData)? * 1024)
}

/// `USER_HZ`: the same on every Linux system that is measured.
const TICKS_PER_SECOND: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_is_busy_when_it_neither_idles_nor_waits() {
        let text =
            "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 50 60 4 5 6 1 0\ncpu1 7 0 0 8 0 0 0 0 0 0\n";
        assert_eq!(busy_ticks(text, 0), Some(21));
        assert_eq!(busy_ticks(text, 1), Some(7));
        assert_eq!(busy_ticks(text, 2), None);
    }
}
