//! What an environment of JavaScript has once: its mailbox, its event loop, and what is under way.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Array, Function, Uint8ArraySlice, Unknown};
use napi_derive::napi;
use udpair_winrt::{EventToken, network_information};

use crate::js::{self, Memory};
use crate::mailbox::Mailbox;
use crate::uv::Loop;

/// The runtime of an environment.
#[napi]
pub struct Runtime(Rc<State>);

/// What receives for a socket, as far as the runtime knows it.
pub(crate) trait Receives {
    /// Lets JavaScript take what there is.
    fn report(&self);

    /// Ends reception.
    fn stop(&self);
}

/// What all objects of the environment share.
pub(crate) struct State {
    env: Env,
    pub(crate) mailbox: Arc<Mailbox>,
    /// `None` in programs without libuv.
    pub(crate) event_loop: Option<Loop>,
    /// What cancels the operations under way, by their numbers.
    cancels: RefCell<HashMap<u32, Box<dyn Fn()>>>,
    next: Cell<u32>,
    /// How much the mailbox keeps the event loop running for.
    holds: Cell<usize>,
    receivers: RefCell<HashMap<u32, Weak<dyn Receives>>>,
    /// The handlers of changes of the network, by their numbers.
    tokens: RefCell<HashMap<u32, EventToken>>,
    /// The block that datagrams are written to, and how much of it is used.
    memory: RefCell<Option<Memory>>,
    used: Cell<usize>,
}

#[napi]
impl Runtime {
    /// Creates the runtime. `settle` is called with the number of an operation, its error or null, and
    /// its result.
    #[napi(constructor)]
    pub fn new(env: Env, settle: Function<'_>, uses_libuv: bool) -> napi::Result<Self> {
        let state = Rc::new(State {
            env,
            mailbox: Mailbox::new(&env, &settle)?,
            event_loop: uses_libuv.then(|| Loop::of(&env)).flatten(),
            cancels: RefCell::default(),
            next: Cell::new(1),
            holds: Cell::new(0),
            receivers: RefCell::default(),
            tokens: RefCell::default(),
            memory: RefCell::default(),
            used: Cell::new(0),
        });
        let ending = state.clone();
        js::before_end(&env, move |done| ending.end(done))?;
        Ok(Self(state))
    }

    /// Whether libuv watches the sockets.
    #[napi(getter)]
    pub fn uses_libuv(&self) -> bool {
        self.0.event_loop.is_some()
    }

    /// Cancels an operation. One that has ended is ignored.
    #[napi]
    pub fn cancel(&self, number: u32) {
        if let Some(cancel) = self.0.cancels.borrow().get(&number) {
            cancel();
        }
    }

    /// Sets the block that datagrams are written to, and the array for buffers that have memory of their
    /// own. JavaScript sets a new one as soon as this one has little space.
    #[napi]
    pub fn use_block(
        &self,
        env: Env,
        mut block: Uint8ArraySlice<'_>,
        externals: Array<'_>,
    ) -> napi::Result<()> {
        let memory = Memory::new(&env, &mut block, &externals)?;
        let former = self.0.memory.replace(Some(memory));
        self.0.used.set(0);
        drop(former);
        Ok(())
    }

    /// Lets a receiver report that there is something to read. Called for negative numbers of `settle`,
    /// in programs without libuv.
    #[napi]
    pub fn report(&self, receiver: u32) {
        if let Some(receiver) = self.0.receiver(receiver) {
            receiver.report();
        }
    }

    /// Forgets an operation that has ended.
    #[napi]
    pub fn forget(&self, number: u32) {
        let cancel = self.0.cancels.borrow_mut().remove(&number);
        if cancel.is_some() {
            self.0.release();
        }
    }
}

impl Runtime {
    pub(crate) fn state(&self) -> &Rc<State> {
        &self.0
    }
}

impl State {
    /// Notes an operation that is under way, and returns its number. It keeps the event loop running.
    pub(crate) fn begin(&self, cancel: impl Fn() + 'static) -> u32 {
        let number = self.number();
        self.cancels.borrow_mut().insert(number, Box::new(cancel));
        self.hold();
        number
    }

    pub(crate) fn add_receiver(&self, receiver: Weak<dyn Receives>) -> u32 {
        let number = self.number();
        self.receivers.borrow_mut().insert(number, receiver);
        number
    }

    fn receiver(&self, number: u32) -> Option<Rc<dyn Receives>> {
        self.receivers.borrow().get(&number)?.upgrade()
    }

    pub(crate) fn remove_receiver(&self, number: u32) {
        self.receivers.borrow_mut().remove(&number);
    }

    /// Keeps the event loop running.
    pub(crate) fn hold(&self) {
        if self.holds.replace(self.holds.get() + 1) == 0 {
            self.mailbox.hold(&self.env, true);
        }
    }

    pub(crate) fn release(&self) {
        self.holds.set(self.holds.get() - 1);
        if self.holds.get() == 0 {
            self.mailbox.hold(&self.env, false);
        }
    }

    /// Calls `action` with the block, and with how much of it is used.
    pub(crate) fn with_memory<T>(&self, action: impl FnOnce(&mut Memory, usize) -> T) -> T {
        let mut memory = self.memory.borrow_mut();
        let memory = memory
            .as_mut()
            .expect("JavaScript sets a block when it is loaded");
        action(memory, self.used.get())
    }

    pub(crate) fn set_used(&self, used: usize) {
        self.used.set(used);
    }

    pub(crate) fn keep_token(&self, number: u32, token: EventToken) {
        self.tokens.borrow_mut().insert(number, token);
    }

    pub(crate) fn take_token(&self, number: u32) -> Option<EventToken> {
        self.tokens.borrow_mut().remove(&number)
    }

    /// Returns a number that nothing else of this environment has.
    pub(crate) fn number(&self) -> u32 {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        number
    }

    /// Ends what would call into an environment that no longer exists.
    fn end(&self, done: Box<dyn FnOnce()>) {
        self.mailbox.close();
        drop(self.memory.take());
        for (_, token) in self.tokens.take() {
            network_information::remove_network_status_changed(token);
        }
        let receivers = std::mem::take(&mut *self.receivers.borrow_mut());
        for receiver in receivers.into_values().filter_map(|weak| weak.upgrade()) {
            receiver.stop();
        }
        match &self.event_loop {
            Some(event_loop) => event_loop.at_end(done),
            None => done(),
        }
    }
}

/// Gives an error to `uncaughtException`.
#[napi]
pub fn raise(env: Env, error: Unknown<'_>) {
    js::raise(&env, &error);
}
