'use strict';

// Streams of `Windows.Storage.Streams`: those of sockets and events, and those that a program has
// written in JavaScript.

const { uint32 } = require('../failure.js');
const { AsyncOperation } = require('../operation.js');
const { native, runtime } = require('../runtime.js');
const { OF_NATIVE } = require('./networking.js');
const { bufferOf, bytesOf, roomOf } = require('./buffers.js');

const InputStreamOptions = Object.freeze({ none: 0, partial: 1, readAhead: 2 });

/** @typedef {import('./buffers.js').IBuffer} IBuffer */

/** Where bytes come from: an `IInputStream`. */
class InputStream {
  /** @type {any} */
  #native;

  constructor() {
    this.#native = given(arguments);
  }

  /**
   * Reads up to `count` bytes into `buffer`, which is the result. A length of 0 is the end.
   *
   * @param {IBuffer | import('./buffers.js').Buffer} buffer
   * @param {number} count
   * @param {number} [options] of `InputStreamOptions`
   * @returns {AsyncOperation<any>}
   */
  readAsync(buffer, count, options = InputStreamOptions.none) {
    const room = roomOf(buffer, 'the buffer');
    const started = this.#native.read(
      runtime,
      room.length,
      uint32(count, 'the number of bytes'),
      uint32(options, 'the options'),
    );
    return AsyncOperation.of(started, (bytes) => filled(buffer, room, bytes));
  }

  close() {
    this.#native.close();
  }

  [Symbol.dispose]() {
    this.close();
  }

  /** @internal @param {any} stream @returns {any} */
  static nativeOf(stream) {
    return #native in stream ? stream.#native : null;
  }
}

/** Where bytes go: an `IOutputStream` of a socket. One write is one datagram. */
class OutputStream {
  /** @type {any} */
  #native;

  /** Writes without an operation. @type {(bytes: Uint8Array) => boolean} */
  #tryWrite;

  /** What is to be done when a write may have opened the socket. @type {() => void} */
  #opened;

  constructor() {
    this.#native = given(arguments);
    this.#tryWrite = this.#native.writer();
    this.#opened = arguments[2];
  }

  /**
   * Sends the bytes as one datagram. The result is their number.
   *
   * @param {IBuffer | import('./buffers.js').Buffer} buffer
   * @returns {AsyncOperation<number>}
   */
  writeAsync(buffer) {
    const bytes = bytesOf(buffer, 'the buffer');
    let written;
    try {
      written = this.#tryWrite(bytes);
    } catch (error) {
      if (isRefusal(error)) throw error;
      return AsyncOperation.failed(error);
    }
    if (written) return AsyncOperation.completed(bytes.length);
    const started = this.#native.write(runtime, bytes);
    return AsyncOperation.of(started, (count) => count, this.#opened);
  }

  /**
   * Sends the bytes as one datagram at once, without an operation, and returns their number; -1 if that
   * is not possible now.
   *
   * @param {IBuffer | import('./buffers.js').Buffer} buffer
   * @returns {number}
   */
  tryWrite(buffer) {
    const bytes = bytesOf(buffer, 'the buffer');
    return this.#tryWrite(bytes) ? bytes.length : -1;
  }

  /**
   * Waits for the writes before it. The result is whether they all have succeeded.
   *
   * @returns {AsyncOperation<boolean>}
   */
  flushAsync() {
    return AsyncOperation.of(this.#native.flush(runtime));
  }

  close() {
    this.#native.close();
  }

  [Symbol.dispose]() {
    this.close();
  }

  /** @internal @param {any} stream @returns {any} */
  static nativeOf(stream) {
    return #native in stream ? stream.#native : null;
  }

  /** @internal @param {any} stream @returns {() => void} */
  static openedOf(stream) {
    return stream.#opened;
  }
}

/**
 * Serves what the native part asks of a stream that is written in JavaScript.
 */
class StandIn {
  #stream;

  #native = new native.NativeStandIn();

  /** @param {any} stream */
  constructor(stream) {
    this.#stream = stream;
  }

  get native() {
    return this.#native;
  }

  /** Calls the stream for each request that there is. */
  serve() {
    for (let request = this.#native.next(); request !== null; request = this.#native.next()) {
      this.#answer(request);
    }
  }

  /** @param {any} request */
  #answer({ number, what, count, options, bytes }) {
    const fail = (/** @type {any} */ error) => {
      this.#native.fail(number, error?.number ?? E_FAIL, String(error?.message ?? error));
    };
    const answer = (/** @type {any} */ result) => {
      try {
        this.#native.answer(number, result);
      } catch (error) {
        fail(error);
      }
    };
    try {
      if (what === 'read') {
        const buffer = bufferOf(new Uint8Array(count));
        buffer.length = 0;
        const toBytes = (/** @type {any} */ read) => answer(bytesOf(read ?? buffer, 'the buffer').slice());
        this.#stream.readAsync(buffer, count, options).then(toBytes, fail);
      } else if (what === 'write') {
        this.#stream.writeAsync(bufferOf(bytes)).then(answer, fail);
      } else if (what === 'flush') {
        if (typeof this.#stream.flushAsync === 'function') {
          this.#stream.flushAsync().then(answer, fail);
        } else {
          answer(true);
        }
      } else {
        this.#stream.close?.();
      }
    } catch (error) {
      fail(error);
    }
  }
}

const E_FAIL = -2147467259;

/** @param {any} buffer @param {Uint8Array} room @param {Uint8Array} bytes */
function filled(buffer, room, bytes) {
  room.set(bytes);
  if (buffer instanceof require('./buffers.js').Buffer) {
    buffer.length = bytes.length;
    return buffer;
  }
  return room.subarray(0, bytes.length);
}

/** Whether an error says that the call was not allowed (GEN-01). @param {any} error */
function isRefusal(error) {
  const { number } = error;
  return number === -2147483634 || number === -2147024809 || number === -2147483629;
}

/** @param {IArguments} parameters */
function given(parameters) {
  if (parameters[0] !== OF_NATIVE) throw new TypeError('Illegal constructor');
  return parameters[1];
}

module.exports = { InputStream, InputStreamOptions, OutputStream, StandIn };
