//! Keeps `UDP_GRO` enabled on the machine between one socket of this process and the next.
//!
//! When the first socket of the machine turns it on, and when the last such socket is closed, the
//! kernel patches its own code, and stops all cores meanwhile (`udp_encap_enable`, net/ipv4/udp.c).
//! That takes longer than everything else about a socket, and a program that opens one socket after
//! another would pay for it every time. So one hidden socket stays open.
//!
//! A socket keeps its network namespace alive. The hidden socket is therefore opened only in the
//! namespace of the process's main thread, which keeps that namespace alive anyway.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use socket2::{Domain, Protocol, Type};

use super::namespace::{OF_MAIN_THREAD, OF_THIS_THREAD, cookie};
use super::option::{open, set_value};
use crate::socket::Socket;

/// The hidden socket.
struct Kept {
    _socket: socket2::Socket,
    /// The link in `/proc` that identifies its namespace.
    namespace: PathBuf,
}

/// Keeps GRO enabled after `socket`, which has it, is closed.
pub(super) fn keep_enabled(socket: &Socket) {
    // The usual case, without a look into `/proc`: the hidden socket is in the same namespace,
    // which is in use.
    let cookie = cookie(socket);
    if cookie.is_some_and(|cookie| cookie == KEPT_IN.load(Ordering::Relaxed)) {
        return;
    }
    let Ok(main) = fs::read_link(OF_MAIN_THREAD) else {
        return;
    };
    let is_main = fs::read_link(OF_THIS_THREAD).is_ok_and(|own| own == main);
    replace(&main, is_main);
}

/// Closes the hidden socket if the main thread has left its namespace. Opens one if there is none
/// and `is_main` says that this thread is in the main thread's namespace.
fn replace(main: &Path, is_main: bool) {
    static KEPT: Mutex<Option<Kept>> = Mutex::new(None);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.as_ref().is_some_and(|kept| kept.namespace != main) {
        *kept = None;
        KEPT_IN.store(0, Ordering::Relaxed);
    }
    if kept.is_none()
        && is_main
        && let Some(socket) = open_hidden()
    {
        KEPT_IN.store(cookie(&socket).unwrap_or(0), Ordering::Relaxed);
        *kept = Some(Kept {
            _socket: socket,
            namespace: main.to_owned(),
        });
    }
}

/// Opens a socket with GRO. An IPv6 socket keeps GRO enabled for both families.
fn open_hidden() -> Option<socket2::Socket> {
    let open = |domain| open(domain, Type::DGRAM, Protocol::UDP);
    let socket = open(Domain::IPV6).or_else(|_| open(Domain::IPV4)).ok()?;
    set_value(&socket, libc::SOL_UDP, libc::UDP_GRO, &1_i32).ok()?;
    Some(socket)
}

/// The cookie of the hidden socket's namespace; 0 if there is none or it is not known. The kernel
/// begins to count at 1.
static KEPT_IN: AtomicU64 = AtomicU64::new(0);
