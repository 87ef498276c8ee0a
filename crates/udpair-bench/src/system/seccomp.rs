//! A filter of system calls (seccomp(2)): a system that refuses some calls or options.

use std::io;
use std::mem::offset_of;

use super::done;

/// Calls that fail with an error number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) call: libc::c_long,
    /// The values of arguments with which it is refused; the first argument is number 0.
    pub(crate) arguments: Vec<(usize, u32)>,
    pub(crate) error: u16,
}

/// Refuses calls of this process, and of the programs that it executes.
pub(crate) fn refuse(refusals: &[Refusal]) -> io::Result<()> {
    let mut filter = program(refusals);
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: this command takes numbers only.
    done(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    // SAFETY: the program and its filter outlive the call, and the length is that of the filter.
    done(unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    })
}

/// Returns the filter: for each refusal, comparisons that jump past it if they fail.
fn program(refusals: &[Refusal]) -> Vec<libc::sock_filter> {
    let mut filter = Vec::new();
    for refusal in refusals {
        let call = (offset_of!(libc::seccomp_data, nr), refusal.call as u32);
        let arguments = refusal.arguments.iter().map(|(number, value)| {
            let word = size_of::<u64>() * number + if cfg!(target_endian = "big") { 4 } else { 0 };
            (offset_of!(libc::seccomp_data, args) + word, *value)
        });
        let compared: Vec<_> = std::iter::once(call).chain(arguments).collect();
        for (number, (offset, value)) in compared.iter().enumerate() {
            // To the instruction after the refusal: the comparisons that are left, two
            // instructions each, and the refusal.
            let past = 2 * (compared.len() - number - 1) + 1;
            filter.push(statement(
                libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
                *offset as u32,
            ));
            filter.push(libc::sock_filter {
                code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
                jt: 0,
                jf: past as u8,
                k: *value,
            });
        }
        let error = libc::SECCOMP_RET_ERRNO | u32::from(refusal.error);
        filter.push(statement(libc::BPF_RET | libc::BPF_K, error));
    }
    filter.push(statement(
        libc::BPF_RET | libc::BPF_K,
        libc::SECCOMP_RET_ALLOW,
    ));
    filter
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

/// The calls that can be refused, by name.
pub(crate) const CALLS: &[(&str, libc::c_long)] = &[
    ("socket", libc::SYS_socket),
    ("setsockopt", libc::SYS_setsockopt),
    ("getsockopt", libc::SYS_getsockopt),
    ("recvmsg", libc::SYS_recvmsg),
    ("recvmmsg", libc::SYS_recvmmsg),
    ("sendmsg", libc::SYS_sendmsg),
    ("sendmmsg", libc::SYS_sendmmsg),
    ("ioctl", libc::SYS_ioctl),
];
