'use strict';

// What the methods of the object model return: promises as WinJS has them, with `then`, `done` and
// `cancel`. They can be awaited.

/**
 * @template T
 * @typedef {(value: T) => any} OnCompleted
 */

/** @typedef {(error: any) => any} OnError */

/** @typedef {(progress: any) => void} OnProgress */

const PENDING = 0;
const COMPLETED = 1;
const FAILED = 2;

/**
 * A promise that can be cancelled.
 *
 * @template T
 */
class CancellablePromise {
  /** @type {0 | 1 | 2} */
  #state = PENDING;

  /** @type {any} */
  #value = undefined;

  /** @type {Array<{ onCompleted: OnCompleted<T>, onError: OnError, onProgress?: OnProgress }> | null} */
  #reactions = null;

  #isHandled = false;

  /** What this waits for: to cancel this is to cancel that. @type {any} */
  #source = null;

  /**
   * Calls `onCompleted` with the result, or `onError` with the error. Returns a promise of what they
   * return.
   *
   * @param {OnCompleted<T> | null} [onCompleted]
   * @param {OnError | null} [onError]
   * @param {OnProgress | null} [onProgress]
   * @returns {CancellablePromise<any>}
   */
  then(onCompleted, onError, onProgress) {
    const next = new CancellablePromise();
    next.#source = this;
    next.#reportsUnhandled = true;
    this.#react({
      onCompleted: (value) => {
        if (typeof onCompleted !== 'function') next.complete(value);
        else next.#follow(() => onCompleted(value));
      },
      onError: (error) => {
        if (typeof onError !== 'function') next.fail(error);
        else next.#follow(() => onError(error));
      },
      onProgress: (progress) => {
        onProgress?.(progress);
        next.progressed(progress);
      },
    });
    return next;
  }

  /**
   * Calls `onCompleted` or `onError` like {@link then}, at the end of a chain: an error without a
   * handler, and an error of a handler, goes to `uncaughtException`. That an operation was cancelled is
   * not such an error.
   *
   * @param {OnCompleted<T> | null} [onCompleted]
   * @param {OnError | null} [onError]
   * @param {OnProgress | null} [onProgress]
   * @returns {void}
   */
  done(onCompleted, onError, onProgress) {
    this.#react({
      onCompleted: (value) => {
        if (typeof onCompleted === 'function') rethrowing(() => onCompleted(value));
      },
      onError: (error) => {
        if (typeof onError === 'function') rethrowing(() => onError(error));
        else if (!isCanceled(error)) rethrow(error);
      },
      onProgress: (progress) => onProgress?.(progress),
    });
  }

  /**
   * @param {OnError} onError
   * @returns {CancellablePromise<any>}
   */
  catch(onError) {
    return this.then(undefined, onError);
  }

  /**
   * @param {() => any} action
   * @returns {CancellablePromise<any>}
   */
  finally(action) {
    return this.then(
      (value) => Promise.resolve(action()).then(() => value),
      (error) =>
        Promise.resolve(action()).then(() => {
          throw error;
        }),
    );
  }

  /** Cancels what this waits for. */
  cancel() {
    if (this.#state === PENDING) this.#source?.cancel?.();
  }

  /** @protected @returns {boolean} */
  get isPending() {
    return this.#state === PENDING;
  }

  /** @protected @param {any} value */
  complete(value) {
    this.#end(COMPLETED, value);
  }

  /** @protected @param {any} error */
  fail(error) {
    this.#end(FAILED, error);
    if (this.#reportsUnhandled && !this.#isHandled && !isCanceled(error)) {
      // As with promises of the language: a handler may still come in this turn.
      process.nextTick(() => {
        if (!this.#isHandled) Promise.reject(error);
      });
    }
  }

  /** @protected @param {any} progress */
  progressed(progress) {
    if (this.#state !== PENDING || this.#reactions === null) return;
    for (const reaction of this.#reactions) reaction.onProgress?.(progress);
  }

  /** Whether an error without a handler is reported: that of a chain, not that of an operation. */
  #reportsUnhandled = false;

  /** @param {{ onCompleted: OnCompleted<T>, onError: OnError, onProgress?: OnProgress }} reaction */
  #react(reaction) {
    this.#isHandled = true;
    if (this.#state === PENDING) (this.#reactions ??= []).push(reaction);
    else this.#run(reaction);
  }

  /** @param {{ onCompleted: OnCompleted<T>, onError: OnError }} reaction */
  #run(reaction) {
    const handler = this.#state === COMPLETED ? reaction.onCompleted : reaction.onError;
    queueMicrotask(() => handler(this.#value));
  }

  /**
   * @param {1 | 2} state
   * @param {any} value
   */
  #end(state, value) {
    if (this.#state !== PENDING) return;
    this.#state = state;
    this.#value = value;
    this.#source = null;
    const reactions = this.#reactions;
    this.#reactions = null;
    reactions?.forEach((reaction) => this.#run(reaction));
  }

  /**
   * Ends with what `action` returns: with its end, if that is a promise.
   *
   * @param {() => any} action
   */
  #follow(action) {
    let value;
    try {
      value = action();
    } catch (error) {
      this.fail(error);
      return;
    }
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
      this.complete(value);
      return;
    }
    let then;
    try {
      then = value.then;
    } catch (error) {
      this.fail(error);
      return;
    }
    if (typeof then !== 'function') {
      this.complete(value);
      return;
    }
    this.#source = value;
    then.call(
      value,
      (/** @type {any} */ result) => this.complete(result),
      (/** @type {any} */ error) => this.fail(error),
      (/** @type {any} */ progress) => this.progressed(progress),
    );
  }
}

/** @param {any} error */
function isCanceled(error) {
  return error?.name === 'Canceled' || error?.message === 'Canceled';
}

/** @param {() => void} action */
function rethrowing(action) {
  try {
    action();
  } catch (error) {
    rethrow(error);
  }
}

/** @param {any} error */
function rethrow(error) {
  queueMicrotask(() => {
    throw error;
  });
}

module.exports = { CancellablePromise };
