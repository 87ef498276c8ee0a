'use strict';

// A destination of a socket, for programs that are not written for the object model.

const { Buffer } = require('node:buffer');
const { promised } = require('./promised.js');
const { runtime } = require('./runtime.js');
const { invalidArgument } = require('./failure.js');

const NOTHING = new Uint8Array(0);

/** A destination of a socket. One write is one datagram. */
class OutputStream {
  /** @type {any} */
  #native;

  /** Writes without an operation. @type {(bytes: Uint8Array) => boolean} */
  #tryWrite;

  /** @type {() => void} */
  #opened;

  /**
   * @internal
   * @param {any} sender
   * @param {() => void} opened
   */
  constructor(sender, opened) {
    this.#native = sender;
    this.#tryWrite = sender.writer();
    this.#opened = opened;
  }

  /**
   * Sends a datagram at once. Returns the number of its bytes; -1 if the system has no space for it
   * now, or the socket is not bound yet: nothing was sent then, and {@link send} waits.
   *
   * @param {string | Uint8Array} payload
   * @returns {number}
   */
  write(payload) {
    const bytes = toBytes(payload);
    return this.#tryWrite(bytes) ? bytes.length : -1;
  }

  /**
   * Sends a datagram, and waits for space in the system's send buffer. An unbound socket is bound.
   *
   * @param {string | Uint8Array} payload
   * @returns {Promise<number>} the number of bytes
   */
  send(payload) {
    /** @type {Uint8Array} */
    let bytes = NOTHING;
    try {
      bytes = toBytes(payload);
      if (this.#tryWrite(bytes)) return Promise.resolve(bytes.length);
    } catch (error) {
      if (/** @type {any} */ (error).code !== 'ERR_INVALID_STATE') return Promise.reject(error);
    }
    const { length } = bytes;
    return promised(() => this.#native.write(runtime, bytes), () => length, { atEnd: this.#opened });
  }

  /**
   * Sends each payload as a datagram, many in one call of the system.
   *
   * @param {Array<string | Uint8Array>} payloads
   * @returns {Promise<number>} the number of datagrams
   */
  sendBatch(payloads) {
    const start = () => this.#native.writeBatch(runtime, payloads.map(toBytes));
    return promised(start, () => payloads.length, { atEnd: this.#opened });
  }

  /**
   * Sends `payload` as datagrams of `size` bytes each, the last one with what is left, at once and in
   * one call of the system. Returns how many datagrams were sent: the others found no space.
   *
   * @param {Uint8Array} payload
   * @param {number} size
   * @returns {number}
   */
  writeRun(payload, size) {
    return this.#native.tryWriteRun(payload, size);
  }

  /**
   * Sends `payload` as datagrams of `size` bytes each, and waits for space.
   *
   * @param {Uint8Array} payload
   * @param {number} size
   * @returns {Promise<number>} the number of datagrams
   */
  sendRun(payload, size) {
    const start = () => this.#native.writeRun(runtime, payload, size);
    return promised(start, () => Math.ceil(payload.length / size), { atEnd: this.#opened });
  }

  /** The address; null until the socket is connected. @returns {import('./message.js').Address | null} */
  get destination() {
    return this.#native.destination();
  }

  /** The largest payload that fits into one datagram. @returns {number} */
  get payloadBytesMax() {
    return this.#native.payloadBytesMax();
  }
}

/**
 * @param {any} payload
 * @returns {Uint8Array}
 */
function toBytes(payload) {
  if (payload instanceof Uint8Array) return payload;
  if (typeof payload === 'string') return Buffer.from(payload);
  if (ArrayBuffer.isView(payload)) {
    return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  }
  if (Array.isArray(payload)) return Buffer.concat(payload.map(toBytes));
  throw invalidArgument('a payload is a string or bytes');
}

module.exports = { OutputStream, toBytes };
