'use strict';

// Operations of the native part as promises of the language, with `AbortSignal`.

const { runtime, whenSettled } = require('./runtime.js');

/**
 * @template T
 * @param {() => [number, any]} start
 * @param {(result: any) => T} convert
 * @param {{ atEnd?: () => void, signal?: AbortSignal }} [options]
 * @returns {Promise<T>}
 */
function promised(start, convert, { atEnd, signal } = {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const [kind, value] = start();
    if (kind !== 2) {
      atEnd?.();
      if (kind === 0) resolve(convert(value));
      else reject(value);
      // What is thrown here rejects the promise.
      return;
    }
    const abort = () => runtime.cancel(value);
    signal?.addEventListener('abort', abort, { once: true });
    whenSettled(value, (error, result) => {
      signal?.removeEventListener('abort', abort);
      try {
        atEnd?.();
        if (error === null) resolve(convert(result));
      } catch (thrown) {
        error ??= thrown;
      }
      // A promise that is resolved stays so.
      reject(signal?.aborted ? signal.reason : error);
    });
  });
}

module.exports = { promised };
