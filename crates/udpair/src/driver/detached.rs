//! Work that may never end: it has a thread of its own.
//!
//! A thread of the runtime's blocking pool is awaited when the runtime shuts down. So a file whose
//! server is gone would hold the whole program.

use std::io;
use std::thread;

use tokio::sync::watch;

/// The work of a thread, whose result any number of tasks can await.
///
/// The work goes on if all of these values are dropped, and ends with the process at the latest.
#[derive(Clone, Debug)]
pub(crate) struct Detached<T>(watch::Receiver<Option<T>>);

impl<T: Clone + Send + Sync + 'static> Detached<T> {
    /// Starts `work` on a thread of that name.
    ///
    /// # Errors
    ///
    /// The system has no thread left.
    pub(crate) fn start(name: &str, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = watch::channel(None);
        thread::Builder::new().name(name.into()).spawn(move || {
            // Nothing needs the result any more if this fails.
            let _ = sender.send(Some(work()));
        })?;
        Ok(Self(receiver))
    }

    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// The work panicked.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the work goes on, and its result can still be awaited.
    pub(crate) async fn result(&self) -> io::Result<T> {
        let mut receiver = self.0.clone();
        let result = receiver.wait_for(Option::is_some).await;
        let result = result.ok().and_then(|result| result.clone());
        result.ok_or_else(|| io::Error::other("the thread panicked"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn every_task_gets_the_result_before_and_after_it_is_there() {
        let (finish, finished) = mpsc::channel();
        let work = Detached::start("test", move || finished.recv().unwrap()).unwrap();
        let others = [work.clone(), work.clone()];
        let waiting = others.map(|other| tokio::spawn(async move { other.result().await }));
        finish.send(7).unwrap();
        for result in waiting {
            assert_eq!(result.await.unwrap().unwrap(), 7);
        }
        assert_eq!(work.result().await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let work = Detached::<()>::start("test", || std::panic::panic_any("on purpose"));
        assert!(work.unwrap().result().await.is_err());
    }

    /// The program would hang here if the runtime waited for the work.
    #[test]
    fn a_runtime_ends_before_the_work_does() {
        let (finish, finished) = mpsc::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let work = {
            let _entered = runtime.enter();
            Detached::start("test", move || finished.recv().is_ok()).unwrap()
        };
        drop(runtime);
        finish.send(()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        assert!(runtime.block_on(work.result()).unwrap());
    }
}
