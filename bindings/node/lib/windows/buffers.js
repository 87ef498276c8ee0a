'use strict';

// Buffers of `Windows.Storage.Streams`, and what JavaScript passes in their place.

const { failure, invalidArgument, uint32 } = require('../failure.js');

/**
 * What a member takes that takes an `IBuffer`.
 *
 * @typedef {Buffer | ArrayBuffer | ArrayBufferView} IBuffer
 */

/** Passed to the constructor: the bytes are there already. */
const OF_BYTES = Symbol('of bytes');

const RO_E_CLOSED = -2147483629;

/** Bytes with a fixed capacity, and a length up to it. */
class Buffer {
  /** @type {Uint8Array} */
  #bytes;

  #length;

  /** @param {number} capacity */
  constructor(capacity) {
    if (arguments[0] === OF_BYTES) {
      this.#bytes = arguments[1];
      this.#length = this.#bytes.length;
      return;
    }
    this.#bytes = new Uint8Array(uint32(capacity, 'the capacity'));
    this.#length = 0;
  }

  /** The number of bytes that the buffer has room for. */
  get capacity() {
    return this.#bytes.length;
  }

  /** The number of bytes that are in use. */
  get length() {
    return this.#length;
  }

  set length(value) {
    const length = uint32(value, 'the length');
    if (length > this.#bytes.length) {
      throw invalidArgument(`cannot set the length to ${length}: the capacity is ${this.#bytes.length}`);
    }
    this.#length = length;
  }

  /** All bytes, also those that are not in use: not a copy. */
  get bytes() {
    return this.#bytes;
  }

  /** @returns {Uint8Array} the bytes that are in use: not a copy */
  toUint8Array() {
    return this.#bytes.subarray(0, this.#length);
  }

  /**
   * Returns a buffer with a copy of the bytes of a memory buffer.
   *
   * @param {MemoryBuffer} input
   * @returns {Buffer}
   */
  static createCopyFromMemoryBuffer(input) {
    if (!(input instanceof MemoryBuffer)) throw invalidArgument('the input is not a memory buffer');
    return bufferOf(input.bytes.slice());
  }

  /**
   * Returns a view of the bytes of a buffer.
   *
   * @param {IBuffer} input
   * @returns {MemoryBuffer}
   */
  static createMemoryBufferOverIBuffer(input) {
    return new MemoryBuffer(bytesOf(input, 'the buffer'));
  }

  /** @internal @param {any} buffer @returns {Uint8Array | null} */
  static bytesOf(buffer) {
    return #bytes in buffer ? buffer.toUint8Array() : null;
  }
}

/** A view of a buffer: what is written to one is seen in the other. */
class MemoryBuffer {
  /** @type {Uint8Array | null} */
  #bytes;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  /** @returns {Uint8Array} */
  get bytes() {
    if (this.#bytes === null) throw failure(RO_E_CLOSED, 'the memory buffer is closed');
    return this.#bytes;
  }

  get capacity() {
    return this.bytes.length;
  }

  /** @returns {Uint8Array} */
  createReference() {
    return this.bytes;
  }

  close() {
    this.#bytes = null;
  }
}

/** @param {Uint8Array} bytes @returns {Buffer} */
function bufferOf(bytes) {
  return new /** @type {any} */ (Buffer)(OF_BYTES, bytes);
}

/**
 * Returns the bytes of a buffer that are in use: not a copy.
 *
 * @param {any} buffer
 * @param {string} name
 * @returns {Uint8Array}
 */
function bytesOf(buffer, name) {
  if (buffer instanceof Uint8Array) return buffer;
  if (buffer === null || buffer === undefined) throw invalidArgument(`${name} is ${buffer}`);
  if (ArrayBuffer.isView(buffer)) {
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }
  if (buffer instanceof ArrayBuffer || buffer instanceof SharedArrayBuffer) {
    return new Uint8Array(/** @type {ArrayBuffer} */ (buffer));
  }
  const bytes = typeof buffer === 'object' ? Buffer.bytesOf(buffer) : null;
  if (bytes === null) throw invalidArgument(`${name} is not a buffer`);
  return bytes;
}

/**
 * Returns all bytes of a buffer to write to.
 *
 * @param {any} buffer
 * @param {string} name
 * @returns {Uint8Array}
 */
function roomOf(buffer, name) {
  return buffer instanceof Buffer ? buffer.bytes : bytesOf(buffer, name);
}

module.exports = { Buffer, MemoryBuffer, bufferOf, bytesOf, roomOf };
