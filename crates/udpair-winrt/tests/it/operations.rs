//! Operations: how they start, end, are cancelled and waited for.

use std::collections::HashSet;
use std::future::{self, IntoFuture};
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;

use udpair::DatagramSocket;
use udpair_winrt::{
    Action, AsyncStatus, Buffer, Completer, DataReader, Error, InputStreamOptions, Operation,
    OperationWithProgress, Task, hresult,
};

use crate::support::{Reads, TIMEOUT, code};

fn failure() -> Error {
    Error::new(hresult::WSAEHOSTUNREACH, "no route")
}

/// A value that notes when it is dropped.
struct Dropped(mpsc::Sender<thread::ThreadId>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

/// A future that never ends, and what tells that it was dropped.
fn endless() -> (
    impl Future<Output = udpair_winrt::Result<u32>> + Send,
    mpsc::Receiver<thread::ThreadId>,
) {
    let (sender, dropped) = mpsc::channel();
    let noted = Dropped(sender);
    let future = async move {
        let _noted = noted;
        future::pending().await
    };
    (future, dropped)
}

/// GEN-04
#[test]
fn statuses_have_fixed_numbers() {
    for (number, status) in [
        (0, AsyncStatus::Started),
        (1, AsyncStatus::Completed),
        (2, AsyncStatus::Canceled),
        (3, AsyncStatus::Error),
    ] {
        assert_eq!(status as i32, number);
        assert_eq!(AsyncStatus::try_from(number).unwrap(), status);
    }
    for number in [-1, 4] {
        assert_eq!(code(AsyncStatus::try_from(number)), hresult::E_INVALIDARG);
    }
}

/// GEN-04, DR-19
#[test]
fn an_operation_ends_once_with_a_result_or_an_error() {
    let (operation, completer) = Operation::<u32>::pending();
    assert_eq!(operation.status(), AsyncStatus::Started);
    assert_eq!(operation.error_code(), 0);
    assert!(operation.error().is_none());
    assert_eq!(
        code(operation.get_results()),
        hresult::E_ILLEGAL_METHOD_CALL
    );
    completer.complete(Ok(7));
    operation.cancel();
    assert_eq!(operation.status(), AsyncStatus::Completed);
    for _ in 0..2 {
        assert_eq!(operation.get_results().unwrap(), 7);
        assert_eq!(operation.get().unwrap(), 7);
    }

    let (operation, completer) = Operation::<u32>::pending();
    completer.complete(Err(failure()));
    operation.cancel();
    assert_eq!(operation.status(), AsyncStatus::Error);
    assert_eq!(operation.error_code(), hresult::WSAEHOSTUNREACH);
    assert_eq!(code(operation.get_results()), hresult::WSAEHOSTUNREACH);
    assert_eq!(code(operation.get()), hresult::WSAEHOSTUNREACH);
    assert!(operation.refusal().is_none());

    let (operation, completer) = Operation::<u32>::pending();
    operation.cancel();
    completer.complete(Ok(7));
    assert_eq!(operation.status(), AsyncStatus::Canceled);
    assert_eq!(operation.error_code(), hresult::ERROR_OPERATION_ABORTED);
    assert_eq!(code(operation.get()), hresult::ERROR_OPERATION_ABORTED);

    let (operation, completer) = Operation::<u32>::pending();
    drop(completer);
    assert_eq!(operation.status(), AsyncStatus::Error);
    assert_eq!(operation.error_code(), hresult::ERROR_OPERATION_ABORTED);
}

/// GEN-04: whatever races, one end wins and the handler is called once.
#[test]
fn an_operation_that_is_ended_by_two_threads_ends_once() {
    for _ in 0..200 {
        let (operation, completer) = Operation::<u32>::pending();
        let calls = Arc::new(AtomicU32::new(0));
        let counted = calls.clone();
        let (sender, called) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| operation.cancel());
            scope.spawn(|| completer.complete(Ok(1)));
            scope.spawn(|| {
                let handler = move |operation: &Operation<u32>, status| {
                    counted.fetch_add(1, Ordering::SeqCst);
                    let result = operation.get_results().map_err(|error| error.code());
                    sender.send((status, result)).unwrap();
                };
                operation.set_completed(handler).unwrap();
            });
        });
        let (status, result) = called.recv_timeout(TIMEOUT).unwrap();
        assert_eq!(status, operation.status());
        match status {
            AsyncStatus::Completed => assert_eq!(result, Ok(1)),
            _ => assert_eq!(result, Err(hresult::ERROR_OPERATION_ABORTED)),
        }
        // The handler is gone, so that no second call can come.
        assert!(called.recv_timeout(TIMEOUT).is_err());
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

/// DR-19
#[test]
fn operations_have_different_identifiers() {
    let operations: Vec<_> = (0..100).map(Operation::<u32>::ready).collect();
    let ids: HashSet<_> = operations.iter().map(Operation::id).collect();
    assert_eq!(ids.len(), 100);
    assert_eq!(operations[0].clone().id(), operations[0].id());
}

/// DR-19: it is called at the end, once, and with the operation.
#[test]
fn a_handler_is_called_at_the_end() {
    let (operation, completer) = Operation::<u32>::pending();
    let (sender, called) = mpsc::channel();
    let handler = move |operation: &Operation<u32>, status| {
        let result = operation.get_results().unwrap();
        sender
            .send((status, result, thread::current().id()))
            .unwrap();
    };
    operation.set_completed(handler).unwrap();
    assert!(called.try_recv().is_err());
    completer.complete(Ok(5));
    let (status, result, thread) = called.recv_timeout(TIMEOUT).unwrap();
    assert_eq!((status, result), (AsyncStatus::Completed, 5));
    // The thread that ends an operation may be needed for the next one.
    assert_ne!(thread, thread::current().id());
    assert!(called.recv_timeout(TIMEOUT).is_err());
}

/// DR-19
#[test]
fn a_late_handler_is_called_at_once() {
    for (operation, expected) in [
        (Operation::<u32>::ready(5), AsyncStatus::Completed),
        (Operation::from_result(Err(failure())), AsyncStatus::Error),
    ] {
        let (sender, called) = mpsc::channel();
        operation
            .set_completed(move |_, status| sender.send(status).unwrap())
            .unwrap();
        // No wait.
        assert_eq!(called.try_recv().unwrap(), expected);
    }
}

/// DR-19
#[test]
fn a_second_handler_is_refused() {
    let (pending, completer) = Operation::<u32>::pending();
    for operation in [pending, Operation::ready(5)] {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = calls.clone();
        operation
            .set_completed(move |_, _| {
                counted.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
        for _ in 0..2 {
            let refused = operation.set_completed(|_, _| panic!("refused"));
            assert_eq!(code(refused), hresult::E_ILLEGAL_DELEGATE_ASSIGNMENT);
        }
        assert!(calls.load(Ordering::SeqCst) <= 1);
    }
    completer.complete(Ok(1));
}

/// DR-19
#[test]
fn only_an_operation_that_has_ended_can_be_closed() {
    let (operation, completer) = Operation::<u32>::pending();
    assert_eq!(code(operation.close()), hresult::E_ILLEGAL_METHOD_CALL);
    completer.complete(Ok(1));
    operation.close().unwrap();
    operation.close().unwrap();
    assert_eq!(operation.status(), AsyncStatus::Completed);
    assert_eq!(
        code(operation.get_results()),
        hresult::E_ILLEGAL_METHOD_CALL
    );
    let refused = operation.set_completed(|_, _| panic!("closed"));
    assert_eq!(code(refused), hresult::E_ILLEGAL_METHOD_CALL);
    let refused = operation.set_progress(|_, _| panic!("closed"));
    assert_eq!(code(refused), hresult::E_ILLEGAL_METHOD_CALL);
}

/// GEN-05: work is dropped before the operation ends, on the thread that cancels.
#[test]
fn cancelling_drops_the_work_first() {
    let (future, dropped) = endless();
    let operation = Operation::run(future);
    assert_eq!(operation.status(), AsyncStatus::Started);
    let (sender, completed) = mpsc::channel();
    operation
        .set_completed(move |_, status| sender.send(status).unwrap())
        .unwrap();
    operation.cancel();
    assert_eq!(dropped.try_recv().unwrap(), thread::current().id());
    assert_eq!(operation.status(), AsyncStatus::Canceled);
    assert_eq!(operation.error_code(), hresult::ERROR_OPERATION_ABORTED);
    let status = completed.recv_timeout(TIMEOUT).unwrap();
    assert_eq!(status, AsyncStatus::Canceled);
    operation.cancel();
}

/// GEN-05: work that is being polled is dropped after the poll.
#[test]
fn work_may_cancel_itself() {
    let place: Arc<Mutex<Option<Operation<u32>>>> = Arc::default();
    let own = place.clone();
    let (entered, may_cancel) = mpsc::channel();
    let operation = Operation::<u32>::run(future::poll_fn(move |cx| {
        let operation = own.lock().unwrap().clone();
        match operation {
            None => {
                entered.send(cx.waker().clone()).unwrap();
                Poll::Pending
            }
            Some(operation) => {
                operation.cancel();
                assert_eq!(operation.status(), AsyncStatus::Started);
                Poll::Pending
            }
        }
    }));
    // The first poll has no task yet; the second one comes from the background thread.
    may_cancel.recv_timeout(TIMEOUT).unwrap();
    let waker: Waker = may_cancel.recv_timeout(TIMEOUT).unwrap();
    *place.lock().unwrap() = Some(operation.clone());
    waker.wake();
    assert_eq!(code(operation.get()), hresult::ERROR_OPERATION_ABORTED);
    assert_eq!(operation.status(), AsyncStatus::Canceled);
}

/// GEN-05: a result that is there is not lost to a cancellation.
#[test]
fn work_that_is_just_ending_is_not_cancelled() {
    let (started, is_started) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let mut count = 0;
    let operation = Operation::<u32>::run(future::poll_fn(move |cx| {
        count += 1;
        if count == 1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        started.send(()).unwrap();
        may_go_on.recv_timeout(TIMEOUT).unwrap();
        Poll::Ready(Ok(7))
    }));
    is_started.recv_timeout(TIMEOUT).unwrap();
    for _ in 0..2 {
        operation.cancel();
        assert_eq!(operation.status(), AsyncStatus::Started);
    }
    go_on.send(()).unwrap();
    assert_eq!(operation.get().unwrap(), 7);
}

/// GEN-05: an awaited operation is cancelled with its future; others are not.
#[test]
fn dropping_cancels_only_what_is_awaited() {
    let (operation, _completer) = Operation::<u32>::pending();
    drop(operation.clone());
    drop((&operation).into_future());
    assert_eq!(operation.status(), AsyncStatus::Started);
    drop(operation.clone().into_future());
    assert_eq!(operation.status(), AsyncStatus::Canceled);

    // Work goes on although nothing waits for it.
    let (sender, ended) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let mut first = true;
    drop(Action::run(future::poll_fn(move |cx| {
        if std::mem::take(&mut first) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        may_go_on.recv_timeout(TIMEOUT).unwrap();
        sender.send(()).unwrap();
        Poll::Ready(Ok(()))
    })));
    go_on.send(()).unwrap();
    ended.recv_timeout(TIMEOUT).unwrap();
}

/// A completed operation stays so when its future is dropped.
#[tokio::test]
async fn a_future_that_has_ended_cancels_nothing() {
    let (operation, completer) = Operation::<u32>::pending();
    let mut future = operation.clone().into_future();
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(&mut future).poll(&mut context).is_pending());
    completer.complete(Ok(3));
    assert_eq!((&mut future).await.unwrap(), 3);
    drop(future);
    assert_eq!(operation.status(), AsyncStatus::Completed);
}

/// DR-19: the work is stopped before the operation ends.
#[test]
fn a_completer_learns_of_a_cancellation() {
    let note = |completer: &Completer<u32>, told: &Arc<AtomicU32>| {
        let told = told.clone();
        completer.on_cancel(move || {
            told.fetch_add(1, Ordering::SeqCst);
        });
    };
    for early in [true, false] {
        let (operation, completer) = Operation::<u32>::pending();
        let told = Arc::new(AtomicU32::new(0));
        if early {
            note(&completer, &told);
        }
        operation.cancel();
        operation.cancel();
        if !early {
            note(&completer, &told);
        }
        assert_eq!(told.load(Ordering::SeqCst), 1, "{early}");
        assert_eq!(operation.status(), AsyncStatus::Canceled);
    }
    let (_operation, completer) = Operation::<u32>::pending();
    let told = Arc::new(AtomicU32::new(0));
    note(&completer, &told);
    completer.complete(Ok(1));
    assert_eq!(told.load(Ordering::SeqCst), 0);
}

/// An operation starts when the method is called, not when it is awaited.
#[test]
fn the_first_poll_is_part_of_the_call() {
    let caller = thread::current().id();
    let (sender, polled) = mpsc::channel();
    let operation = Operation::run(async move {
        sender.send(thread::current().id()).unwrap();
        Ok(5)
    });
    assert_eq!(polled.try_recv().unwrap(), caller);
    assert_eq!(operation.status(), AsyncStatus::Completed);
    assert_eq!(operation.get_results().unwrap(), 5);

    let failed = Operation::<u32>::run(async { Err(failure()) });
    assert_eq!(failed.error_code(), hresult::WSAEHOSTUNREACH);
    assert!(failed.refusal().is_none(), "it was started");
    let refused = Operation::<u32>::refused(failure());
    assert_eq!(refused.refusal().unwrap().code(), hresult::WSAEHOSTUNREACH);
    assert_eq!(refused.status(), AsyncStatus::Error);
}

/// A panic is an error of the operation, in the first poll and in a later one.
#[test]
fn a_panic_is_an_error_of_the_operation() {
    for at in [0, 1] {
        let mut polls = 0;
        let operation = Operation::<u32>::run(future::poll_fn(move |cx| {
            assert!(polls < at, "on purpose");
            polls += 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        let error = operation.get().unwrap_err();
        assert_eq!(error.code(), hresult::E_FAIL);
        assert!(error.to_string().contains("on purpose"), "{error}");
        assert_eq!(operation.status(), AsyncStatus::Error);
    }
    // The background thread still works.
    let mut polls = 0;
    let operation = Operation::<u32>::run(future::poll_fn(move |cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls < 3 {
            Poll::Pending
        } else {
            Poll::Ready(Ok(9))
        }
    }));
    assert_eq!(operation.get().unwrap(), 9);
}

/// Work whose runtime ends does not leave its operation pending.
#[test]
fn work_that_is_lost_ends_its_operation() {
    let (future, dropped) = endless();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let operation = Operation::start(future, |task: Task| {
        runtime.spawn(task);
        Ok::<_, Error>(())
    });
    assert_eq!(operation.status(), AsyncStatus::Started);
    drop(runtime);
    dropped.try_recv().unwrap();
    assert_eq!(operation.status(), AsyncStatus::Error);
    assert_eq!(operation.error_code(), hresult::ERROR_OPERATION_ABORTED);

    let (future, _dropped) = endless();
    let operation = Operation::start(future, |task: Task| {
        drop(task);
        Ok::<_, Error>(())
    });
    assert_eq!(operation.error_code(), hresult::ERROR_OPERATION_ABORTED);

    let (future, dropped) = endless();
    let operation = Operation::start(future, |_| Err(failure()));
    dropped.try_recv().unwrap();
    assert_eq!(operation.error_code(), hresult::WSAEHOSTUNREACH);
}

/// Any number of tasks and threads wait for one operation.
#[tokio::test]
async fn everything_that_waits_gets_the_result() {
    let (operation, completer) = Operation::<Vec<u8>>::pending();
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let operation = operation.clone();
            tokio::spawn(async move { operation.await })
        })
        .collect();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let operation = operation.clone();
            thread::spawn(move || operation.get())
        })
        .collect();
    tokio::task::yield_now().await;
    completer.complete(Ok(vec![1, 2, 3]));
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), [1, 2, 3]);
    }
    for thread in threads {
        assert_eq!(thread.join().unwrap().unwrap(), [1, 2, 3]);
    }
    assert_eq!((&operation).await.unwrap(), [1, 2, 3]);
}

/// A task that awaits only operations that have ended still lets others run.
#[tokio::test(flavor = "current_thread")]
async fn awaiting_what_is_ready_leaves_room_for_others() {
    let (sender, mut other) = tokio::sync::oneshot::channel();
    tokio::spawn(async move { sender.send(()) });
    for round in 0.. {
        assert!(round < 100_000, "the other task never runs");
        Operation::<u32>::ready(1).await.unwrap();
        if other.try_recv().is_ok() {
            break;
        }
    }
}

/// Sockets work from a plain thread, in any runtime, and in handlers, whose waiting holds up nothing.
#[test]
fn a_handler_may_wait_for_another_operation() {
    let bind = || {
        Operation::<DatagramSocket>::run(async {
            Ok(DatagramSocket::builder().bind("localhost:0").await?)
        })
    };
    let socket = bind().get().unwrap();
    let local = socket.local_addr().unwrap();
    let receiving = {
        let socket = socket.clone();
        Operation::<Vec<u8>>::run(async move { Ok(socket.recv().await?.payload().to_vec()) })
    };
    assert_eq!(receiving.status(), AsyncStatus::Started);
    let (sender, done) = mpsc::channel();
    let handler = move |receiving: &Operation<Vec<u8>>, _| {
        let first = receiving.get().unwrap();
        // Waits for a datagram that it sends itself.
        let again = {
            let socket = socket.clone();
            Operation::<Vec<u8>>::run(async move { Ok(socket.recv().await?.payload().to_vec()) })
        };
        let other = bind().get().unwrap();
        let sent = Action::run(async move {
            other.send_to(b"second", local).await?;
            Ok(())
        });
        sent.get().unwrap();
        sender.send((first, again.get().unwrap())).unwrap();
    };
    receiving.set_completed(handler).unwrap();

    // In a runtime of one thread, which is blocked meanwhile.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let other = bind().get().unwrap();
        let sent = Action::run(async move {
            other.send_to(b"first", local).await?;
            Ok(())
        });
        sent.get().unwrap();
    });
    let (first, second) = done.recv_timeout(TIMEOUT).unwrap();
    assert_eq!(
        (&first[..], &second[..]),
        (b"first".as_slice(), b"second".as_slice())
    );
}

/// An executor that is not tokio.
#[test]
fn operations_are_awaited_in_any_executor() {
    let mut polls = 0;
    let operation = Operation::<u32>::run(future::poll_fn(move |cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls < 5 {
            Poll::Pending
        } else {
            Poll::Ready(Ok(polls))
        }
    }));
    assert_eq!(smol::block_on(operation.into_future()).unwrap(), 5);
}

/// The threads that do the work may wait for other work, however many wait: others take their place.
#[test]
fn work_may_wait_for_other_work() {
    const MANY: u32 = 40;
    let (waiting, completer) = Operation::<u32>::pending();
    let operations: Vec<_> = (0..MANY)
        .map(|number| {
            let waiting = waiting.clone();
            let mut polls = 0;
            Operation::<u32>::run(future::poll_fn(move |cx| {
                polls += 1;
                if polls == 1 {
                    // The first poll is on the thread of the caller.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Ok(number + waiting.get().unwrap()))
            }))
        })
        .collect();
    let last = Operation::<u32>::run(async {
        completer.complete(Ok(100));
        Ok(0)
    });
    last.get().unwrap();
    for (number, operation) in (0..MANY).zip(operations) {
        assert_eq!(operation.get().unwrap(), number + 100);
    }
}

/// STR-03: progress comes in order, before the end, one call at a time.
#[test]
fn progress_comes_in_order_and_before_the_end() {
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let mut polls = 0;
    let operation = OperationWithProgress::<u32, u32>::run_with_progress(|reporter| {
        future::poll_fn(move |cx| {
            polls += 1;
            if polls < 3 {
                // The first poll is inside the call, when there is no handler yet.
                reporter.report(0);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            may_go_on.recv_timeout(TIMEOUT).unwrap();
            for number in 1..=50 {
                reporter.report(number);
            }
            Poll::Ready(Ok(50))
        })
    });
    let (sender, events) = mpsc::channel();
    let progress = sender.clone();
    operation
        .set_progress(move |operation, number| {
            assert!(operation.id() > 0);
            progress.send(number).unwrap();
        })
        .unwrap();
    operation
        .set_completed(move |_, _| sender.send(1_000).unwrap())
        .unwrap();
    go_on.send(()).unwrap();
    let mut found = Vec::new();
    while found.last() != Some(&1_000) {
        found.push(events.recv_timeout(TIMEOUT).unwrap());
    }
    found.retain(|number| *number != 0);
    let expected: Vec<_> = (1..=50).chain([1_000]).collect();
    assert_eq!(found, expected);
}

/// STR-03: a late handler waits for the progress that is being reported.
#[test]
fn a_late_handler_comes_after_the_progress() {
    let (operation, completer) = OperationWithProgress::<u32, u32>::pending();
    let (sender, events) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let progress = sender.clone();
    operation
        .set_progress(move |_, number| {
            progress.send("begins").unwrap();
            may_go_on.lock().unwrap().recv_timeout(TIMEOUT).unwrap();
            assert_eq!(number, 1);
            progress.send("ends").unwrap();
        })
        .unwrap();
    completer.report(1);
    assert_eq!(events.recv_timeout(TIMEOUT).unwrap(), "begins");
    completer.complete(Ok(1));
    operation
        .set_completed(move |_, _| sender.send("completed").unwrap())
        .unwrap();
    assert!(events.try_recv().is_err());
    go_on.send(()).unwrap();
    assert_eq!(events.recv_timeout(TIMEOUT).unwrap(), "ends");
    assert_eq!(events.recv_timeout(TIMEOUT).unwrap(), "completed");
}

/// STR-03: after the end nothing is reported, and a handler that is replaced is not called.
#[test]
fn no_progress_comes_after_the_end() {
    let (operation, completer) = OperationWithProgress::<u32, u32>::pending();
    operation.set_progress(|_, _| panic!("replaced")).unwrap();
    let (sender, progress) = mpsc::channel();
    operation
        .set_progress(move |_, number| sender.send(number).unwrap())
        .unwrap();
    completer.report(1);
    operation.cancel();
    completer.report(2);
    drop(completer);
    assert_eq!(progress.recv_timeout(TIMEOUT).unwrap(), 1);
    operation.close().unwrap();
    assert!(progress.recv_timeout(TIMEOUT).is_err());
}

/// A panic in a handler does not keep other handlers from being called.
#[test]
fn a_panic_in_a_handler_is_contained() {
    let (operation, completer) = OperationWithProgress::<u32, u32>::pending();
    operation.set_progress(|_, _| panic!("on purpose")).unwrap();
    let (sender, called) = mpsc::channel();
    operation
        .set_completed(move |_, _| {
            sender.send(()).unwrap();
            panic!("on purpose");
        })
        .unwrap();
    completer.report(1);
    completer.complete(Ok(1));
    called.recv_timeout(TIMEOUT).unwrap();
}

/// Foreign code may use the operation that calls it: wakers, handlers, values that are dropped.
#[test]
fn foreign_code_may_use_the_operation() {
    struct Uses(Operation<Shared>);
    impl std::task::Wake for Uses {
        fn wake(self: Arc<Self>) {
            let _ = self.0.get_results();
            self.0.cancel();
        }
    }
    impl Drop for Uses {
        fn drop(&mut self) {
            self.0.status();
        }
    }
    type Shared = Arc<Mutex<u32>>;
    let (operation, completer) = Operation::<Shared>::pending();
    let waker = Waker::from(Arc::new(Uses(operation.clone())));
    let mut future = pin!((&operation).into_future());
    for _ in 0..2 {
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        // Replaced, and dropped.
        let other = Waker::from(Arc::new(Uses(operation.clone())));
        let polled = future.as_mut().poll(&mut Context::from_waker(&other));
        assert!(polled.is_pending());
    }
    let uses = operation.clone();
    operation
        .set_completed(move |_, _| drop(uses.close()))
        .unwrap();
    completer.complete(Ok(Arc::default()));
    assert_ne!(operation.status(), AsyncStatus::Started);
}

/// DR-19: the operation of a load, with everything that an operation has.
#[test]
fn a_load_is_an_operation() {
    let reads = Arc::new(Reads::default());
    let reader = DataReader::new(reads.clone());
    reader
        .set_input_stream_options(InputStreamOptions::Partial)
        .unwrap();
    let load = reader.load(3);
    assert_eq!(load.status(), AsyncStatus::Started);
    assert_eq!(code(load.close()), hresult::E_ILLEGAL_METHOD_CALL);
    let (sender, called) = mpsc::channel();
    load.set_completed(move |_, status| sender.send(status).unwrap())
        .unwrap();
    reads.take().complete(b"abc");
    assert_eq!(
        called.recv_timeout(TIMEOUT).unwrap(),
        AsyncStatus::Completed
    );
    assert_eq!(load.get_results().unwrap(), 3);
    load.close().unwrap();
    assert_eq!(code(load.get_results()), hresult::E_ILLEGAL_METHOD_CALL);
}

/// GEN-08: an error of the library below keeps its HRESULT, its status and its source.
#[test]
fn errors_keep_what_they_say() {
    let below = "".parse::<udpair::HostName>().unwrap_err();
    let error = Error::from(below.clone());
    assert_eq!(error.code(), below.hresult());
    assert_eq!(error.status(), below.status());
    assert_eq!(error.to_string(), below.to_string());
    assert!(error.as_udpair().is_some());
    let own = failure();
    assert_eq!(own.code(), hresult::WSAEHOSTUNREACH);
    assert_eq!(
        own.status(),
        udpair_winrt::SocketErrorStatus::UnreachableHost
    );
    assert_eq!(own.raw_os_error(), None);
    assert!(own.as_udpair().is_none());
    assert!(format!("{own:?}").contains("0x80072751"), "{own:?}");
    let io: std::io::Error = own.into();
    assert_eq!(io.to_string(), "no route");
}

/// A late handler is the caller's own code on the caller's own thread.
#[test]
fn a_panic_of_a_late_handler_reaches_the_caller() {
    let operation = Operation::<Buffer>::ready(Buffer::with_capacity(1));
    let set = AssertUnwindSafe(|| operation.set_completed(|_, _| panic!("on purpose")));
    assert!(panic::catch_unwind(set).is_err());
    assert_eq!(operation.status(), AsyncStatus::Completed);
}

/// A binding learns the end any number of times, beside the handler, on a thread that may block.
#[test]
fn any_number_of_actions_follow_the_end() {
    let (operation, completer) = Operation::<u32>::pending();
    let (sender, ended) = mpsc::channel();
    for number in 0..3 {
        let (sender, other) = (sender.clone(), Operation::<u32>::run(async { Ok(7) }));
        operation.when_ended(move |status| {
            assert_eq!(other.get().unwrap(), 7);
            sender
                .send((number, status, thread::current().id()))
                .unwrap();
        });
    }
    operation.set_completed(|_, _| ()).unwrap();
    assert!(ended.try_recv().is_err());
    completer.complete(Ok(1));
    operation.when_ended(move |status| sender.send((3, status, thread::current().id())).unwrap());
    let mut numbers = HashSet::new();
    for (number, status, thread) in (0..4).map(|_| ended.recv_timeout(TIMEOUT).unwrap()) {
        assert_eq!(status, AsyncStatus::Completed);
        assert_ne!(thread, thread::current().id());
        numbers.insert(number);
    }
    assert_eq!(numbers.len(), 4);
}
