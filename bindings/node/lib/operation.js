'use strict';

// Operations: promises that can also be looked at, as `IAsyncInfo` of the Windows Runtime.

const {
  E_ILLEGAL_DELEGATE_ASSIGNMENT,
  E_ILLEGAL_METHOD_CALL,
  failure,
} = require('./failure.js');
const { CancellablePromise } = require('./promise.js');
const { runtime, whenSettled } = require('./runtime.js');

/** How far an operation is (GEN-04). */
const AsyncStatus = Object.freeze({ started: 0, completed: 1, canceled: 2, error: 3 });

let nextId = 1;

/**
 * An operation that has started.
 *
 * @template T
 * @extends {CancellablePromise<T>}
 */
class AsyncOperation extends CancellablePromise {
  /** @type {number} */
  #status = AsyncStatus.started;

  /** @type {any} */
  #result = undefined;

  /** @type {any} */
  #error = null;

  #id = 0;

  /** The number by which the native part knows this; 0 if it has ended. */
  #number = 0;

  #isClosed = false;

  /** @type {((operation: this, status: number) => void) | null} */
  #completed = null;

  #isCompletedSet = false;

  /** @type {((operation: this, progress: any) => void) | null} */
  #progress = null;

  /**
   * Returns an operation that has completed.
   *
   * @template T
   * @param {T} result
   * @returns {AsyncOperation<T>}
   */
  static completed(result) {
    const operation = new AsyncOperation();
    operation.#end(AsyncStatus.completed, null, result);
    return operation;
  }

  /**
   * Returns an operation that has failed.
   *
   * @param {any} error
   * @returns {AsyncOperation<any>}
   */
  static failed(error) {
    const operation = new AsyncOperation();
    operation.#end(AsyncStatus.error, error, undefined);
    return operation;
  }

  /**
   * Returns the operation that the native part has started.
   *
   * @template T
   * @param {[number, any]} started
   * @param {(result: any) => T} [convert] makes the result of the native part's
   * @param {() => void} [atEnd] is called before anything that waits for the end; what it throws is the
   *   error of the operation
   * @returns {AsyncOperation<T>}
   */
  static of([kind, value], convert = identity, atEnd = nothing) {
    const operation = new AsyncOperation();
    const settle = (/** @type {any} */ error, /** @type {any} */ result) => {
      operation.#number = 0;
      try {
        atEnd();
        if (error === null) operation.#end(AsyncStatus.completed, null, convert(result));
      } catch (thrown) {
        error ??= thrown;
      }
      if (error === null) return;
      const status = error.name === 'Canceled' ? AsyncStatus.canceled : AsyncStatus.error;
      operation.#end(status, error, undefined);
    };
    if (kind === 0) {
      settle(null, value);
    } else if (kind === 1) {
      settle(value, undefined);
    } else {
      operation.#number = value;
      whenSettled(value, settle);
    }
    return operation;
  }

  /** The operation itself. WinJS gives the promise of an operation this member. */
  get operation() {
    return this;
  }

  /** The number of this operation. No other operation has it. */
  get id() {
    if (this.#id === 0) this.#id = nextId++;
    return this.#id;
  }

  /** How far the operation is: a number of `AsyncStatus`. */
  get status() {
    return this.#status;
  }

  /** The HRESULT of the error; 0 if there is none. @returns {number} */
  get errorCode() {
    return this.#error?.number ?? 0;
  }

  /**
   * Returns the result of an operation that has ended.
   *
   * @returns {T}
   */
  getResults() {
    if (this.#isClosed) throw failure(E_ILLEGAL_METHOD_CALL, 'the operation is closed');
    if (this.#status === AsyncStatus.started) {
      throw failure(E_ILLEGAL_METHOD_CALL, 'the operation has not ended');
    }
    if (this.#error !== null) throw this.#error;
    return this.#result;
  }

  /** Releases the result of an operation that has ended. */
  close() {
    if (this.#status === AsyncStatus.started) {
      throw failure(E_ILLEGAL_METHOD_CALL, 'the operation has not ended');
    }
    this.#isClosed = true;
    this.#result = undefined;
  }

  /** Cancels the operation, which then ends as `canceled`. */
  cancel() {
    if (this.#number !== 0) runtime.cancel(this.#number);
  }

  /** What is called at the end, once. It can be set once. */
  get completed() {
    return this.#completed;
  }

  set completed(handler) {
    if (this.#isCompletedSet) {
      throw failure(E_ILLEGAL_DELEGATE_ASSIGNMENT, 'the operation has a handler already');
    }
    if (this.#isClosed) throw failure(E_ILLEGAL_METHOD_CALL, 'the operation is closed');
    this.#isCompletedSet = true;
    this.#completed = handler;
    if (this.#status !== AsyncStatus.started) handler?.(this, this.#status);
  }

  /** What is called with the progress. */
  get progress() {
    return this.#progress;
  }

  set progress(handler) {
    if (this.#isClosed) throw failure(E_ILLEGAL_METHOD_CALL, 'the operation is closed');
    this.#progress = handler;
  }

  /** @internal @param {any} progress */
  report(progress) {
    this.#progress?.(this, progress);
    this.progressed(progress);
  }

  /**
   * @param {number} status
   * @param {any} error
   * @param {any} result
   */
  #end(status, error, result) {
    if (this.#status !== AsyncStatus.started) return;
    this.#status = status;
    this.#error = error;
    this.#result = result;
    if (error === null) this.complete(result);
    else this.fail(error);
    this.#completed?.(this, status);
  }
}

/** @param {any} value */
function identity(value) {
  return value;
}

function nothing() {}

module.exports = { AsyncOperation, AsyncStatus };
