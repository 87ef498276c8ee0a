'use strict';

// `DataReader` and `DataWriter`: values in bytes.

const { Buffer, isAscii, isUtf8 } = require('node:buffer');
const { enumerator, invalidArgument, string, uint32, whole } = require('../failure.js');
const { AsyncOperation } = require('../operation.js');
const { native, runtime } = require('../runtime.js');
const { bigint64, dateOfTicks, number64, spanOfTicks, ticksOfDate, ticksOfSpan } = require('./numbers.js');
const { bufferOf, bytesOf } = require('./buffers.js');
const { InputStream, OutputStream, StandIn } = require('./streams.js');

const ByteOrder = Object.freeze({ littleEndian: 0, bigEndian: 1 });
/** Passed to the constructor of a reader: it is one of bytes. */
const OF_BYTES = Symbol('of bytes');

const NOTHING = new Uint8Array(0);

const UnicodeEncoding = Object.freeze({ utf8: 0, utf16LE: 1, utf16BE: 2 });

/** @typedef {import('./buffers.js').IBuffer} IBuffer */

/** Reads values from a stream or a buffer. Numbers are big-endian and text is UTF-8 by default. */
class DataReader {
  /** The reader of the native part, once there is one. @type {any} */
  #made = null;

  /** The bytes of a reader that nothing but a whole text or buffer was read from. @type {Uint8Array} */
  #bytes = NOTHING;

  /** @type {any} */
  #stream = null;

  /** @type {StandIn | null} */
  #standIn = null;

  /** @param {any} inputStream an `IInputStream`, or an object with its members */
  constructor(inputStream) {
    if (arguments[0] === OF_BYTES) {
      this.#bytes = arguments[1];
      return;
    }
    const stream = object(inputStream, 'the input stream');
    const nativeStream = InputStream.nativeOf(stream);
    if (nativeStream !== null) {
      this.#made = native.NativeReader.ofInput(nativeStream);
    } else {
      if (typeof stream.readAsync !== 'function') throw invalidArgument('the input stream cannot be read');
      this.#standIn = new StandIn(stream);
      this.#made = native.NativeReader.ofStandIn(this.#standIn.native);
    }
    this.#stream = stream;
  }

  /**
   * The reader of the native part, which has the rules. Programs often read only the whole text of an
   * event: then none is made, which would cost more than the rest of the event.
   *
   * @returns {any}
   */
  get #native() {
    if (this.#made === null) {
      this.#made = native.NativeReader.ofBytes(this.#bytes);
      this.#bytes = NOTHING;
    }
    return this.#made;
  }

  /**
   * Returns a reader of the bytes of a buffer that are in use.
   *
   * @param {IBuffer | import('./buffers.js').Buffer} buffer
   * @returns {DataReader}
   */
  static fromBuffer(buffer) {
    return readerOf(bytesOf(buffer, 'the buffer').slice());
  }

  /** A number of `ByteOrder`. @type {number} */
  get byteOrder() {
    return this.#native.byteOrder();
  }

  set byteOrder(value) {
    this.#native.setByteOrder(enumerator(value, 'the byte order'));
  }

  /** A number of `UnicodeEncoding`. @type {number} */
  get unicodeEncoding() {
    return this.#native.unicodeEncoding();
  }

  set unicodeEncoding(value) {
    this.#native.setUnicodeEncoding(enumerator(value, 'the encoding'));
  }

  /** Flags of `InputStreamOptions`. @type {number} */
  get inputStreamOptions() {
    return this.#native.inputStreamOptions();
  }

  set inputStreamOptions(value) {
    this.#native.setInputStreamOptions(uint32(value, 'the options'));
  }

  /** The number of bytes that are loaded and unread. @returns {number} */
  get unconsumedBufferLength() {
    return this.#made === null ? this.#bytes.length : this.#native.unconsumedBufferLength();
  }

  /**
   * Loads up to `count` bytes from the stream. The result is how many were loaded.
   *
   * @param {number} count
   * @returns {AsyncOperation<number>}
   */
  loadAsync(count) {
    const operation = AsyncOperation.of(this.#native.load(runtime, uint32(count, 'the count')));
    this.#standIn?.serve();
    return operation;
  }

  /** Returns the unread bytes, and empties the reader. */
  detachBuffer() {
    if (this.#made === null) return bufferOf(this.#takeAll().slice());
    return bufferOf(this.#native.detachBuffer());
  }

  /** Returns the stream, which the reader no longer owns. @returns {any} */
  detachStream() {
    this.#native.detachStream();
    const stream = this.#stream;
    this.#stream = null;
    return stream;
  }

  /** Closes the reader and its stream. */
  close() {
    this.#native.close();
    this.#standIn?.serve();
  }

  [Symbol.dispose]() {
    this.close();
  }

  /** @returns {boolean} */
  readBoolean() {
    return this.#native.readBoolean();
  }

  /** @returns {number} */
  readByte() {
    return this.#native.readByte();
  }

  /** @returns {number} */
  readInt16() {
    return this.#native.readInt16();
  }

  /** @returns {number} */
  readInt32() {
    return this.#native.readInt32();
  }

  /** @returns {number | bigint} a number where it is exact */
  readInt64() {
    return number64(this.#native.readInt64());
  }

  /** @returns {number} */
  readUInt16() {
    return this.#native.readUInt16();
  }

  /** @returns {number} */
  readUInt32() {
    return this.#native.readUInt32();
  }

  /** @returns {number | bigint} a number where it is exact */
  readUInt64() {
    return number64(this.#native.readUInt64());
  }

  /** @returns {number} */
  readSingle() {
    return this.#native.readSingle();
  }

  /** @returns {number} */
  readDouble() {
    return this.#native.readDouble();
  }

  /** @returns {string} */
  readGuid() {
    return this.#native.readGuid();
  }

  /** @returns {Date} */
  readDateTime() {
    return dateOfTicks(this.#native.readDateTime());
  }

  /** @returns {number} milliseconds */
  readTimeSpan() {
    return spanOfTicks(this.#native.readTimeSpan());
  }

  /**
   * Fills the array.
   *
   * @param {Uint8Array} value
   */
  readBytes(value) {
    this.#native.readBytes(bytesOf(value, 'the array'));
  }

  /** @param {number} length */
  readBuffer(length) {
    const count = uint32(length, 'the length');
    if (this.#made === null && count === this.#bytes.length) {
      return bufferOf(this.#takeAll().slice());
    }
    return bufferOf(this.#native.readBuffer(count));
  }

  /**
   * @param {number} codeUnitCount bytes of UTF-8, or units of 16 bits
   * @returns {string}
   */
  readString(codeUnitCount) {
    const count = uint32(codeUnitCount, 'the number of code units');
    if (this.#made === null && count === this.#bytes.length) {
      const text = textOf(this.#bytes);
      if (text !== null) {
        this.#takeAll();
        return text;
      }
    }
    return this.#native.readString(count);
  }

  #takeAll() {
    const bytes = this.#bytes;
    this.#bytes = NOTHING;
    return bytes;
  }
}

/** Writes values into memory, and stores them in a stream as one datagram. */
class DataWriter {
  /** @type {any} */
  #native;

  /** @type {any} */
  #stream = null;

  /** @type {StandIn | null} */
  #standIn = null;

  /** @param {any} [outputStream] an `IOutputStream`, or an object with its members */
  constructor(outputStream) {
    if (arguments.length === 0) {
      this.#native = new native.NativeWriter();
      return;
    }
    const stream = object(outputStream, 'the output stream');
    const nativeStream = OutputStream.nativeOf(stream);
    if (nativeStream !== null) {
      this.#native = native.NativeWriter.ofOutput(nativeStream);
    } else {
      if (typeof stream.writeAsync !== 'function') throw invalidArgument('the output stream cannot be written');
      this.#standIn = new StandIn(stream);
      this.#native = native.NativeWriter.ofStandIn(this.#standIn.native);
    }
    this.#stream = stream;
  }

  /** A number of `ByteOrder`. @type {number} */
  get byteOrder() {
    return this.#native.byteOrder();
  }

  set byteOrder(value) {
    this.#native.setByteOrder(enumerator(value, 'the byte order'));
  }

  /** A number of `UnicodeEncoding`. @type {number} */
  get unicodeEncoding() {
    return this.#native.unicodeEncoding();
  }

  set unicodeEncoding(value) {
    this.#native.setUnicodeEncoding(enumerator(value, 'the encoding'));
  }

  /** The number of bytes that are written and not stored. @returns {number} */
  get unstoredBufferLength() {
    return this.#native.unstoredBufferLength();
  }

  /**
   * Writes what was written to the stream, as one datagram. The result is the number of its bytes.
   *
   * @returns {AsyncOperation<number>}
   */
  storeAsync() {
    const stream = this.#stream;
    const opened =
      stream !== null && this.#standIn === null ? OutputStream.openedOf(stream) : undefined;
    const operation = AsyncOperation.of(this.#native.store(runtime), undefined, opened);
    this.#standIn?.serve();
    return operation;
  }

  /**
   * Flushes the stream. The result is whether all earlier writes have succeeded.
   *
   * @returns {AsyncOperation<boolean>}
   */
  flushAsync() {
    const operation = AsyncOperation.of(this.#native.flush(runtime));
    this.#standIn?.serve();
    return operation;
  }

  /** Returns the bytes that are not stored, and empties the writer. */
  detachBuffer() {
    return bufferOf(this.#native.detachBuffer());
  }

  /** Returns the stream, which the writer no longer owns. @returns {any} */
  detachStream() {
    this.#native.detachStream();
    const stream = this.#stream;
    this.#stream = null;
    return stream;
  }

  /** Closes the writer and its stream. Bytes that are not stored are not sent. */
  close() {
    this.#native.close();
    this.#standIn?.serve();
  }

  [Symbol.dispose]() {
    this.close();
  }

  /**
   * Returns how many code units the text has in the writer's encoding.
   *
   * @param {string} value
   * @returns {number}
   */
  measureString(value) {
    return this.#native.measureString(string(value, 'the text'));
  }

  /** @param {boolean} value */
  writeBoolean(value) {
    this.#native.writeBoolean(Boolean(value));
  }

  /** @param {number} value */
  writeByte(value) {
    this.#native.writeByte(whole(value, 'the value', 0, 0xff));
  }

  /** @param {number} value */
  writeInt16(value) {
    this.#native.writeInt16(whole(value, 'the value', -0x8000, 0x7fff));
  }

  /** @param {number} value */
  writeInt32(value) {
    this.#native.writeInt32(whole(value, 'the value', -0x80000000, 0x7fffffff));
  }

  /** @param {number | bigint} value */
  writeInt64(value) {
    this.#native.writeInt64(bigint64(value));
  }

  /** @param {number} value */
  writeUInt16(value) {
    this.#native.writeUInt16(whole(value, 'the value', 0, 0xffff));
  }

  /** @param {number} value */
  writeUInt32(value) {
    this.#native.writeUInt32(uint32(value, 'the value'));
  }

  /** @param {number | bigint} value */
  writeUInt64(value) {
    this.#native.writeUInt64(bigint64(value));
  }

  /** @param {number} value */
  writeSingle(value) {
    this.#native.writeSingle(Number(value));
  }

  /** @param {number} value */
  writeDouble(value) {
    this.#native.writeDouble(Number(value));
  }

  /** @param {string} value */
  writeGuid(value) {
    this.#native.writeGuid(string(value, 'the GUID'));
  }

  /** @param {Date} value */
  writeDateTime(value) {
    this.#native.writeDateTime(ticksOfDate(value));
  }

  /** @param {number} value milliseconds */
  writeTimeSpan(value) {
    this.#native.writeTimeSpan(ticksOfSpan(value));
  }

  /** @param {Uint8Array | number[]} value */
  writeBytes(value) {
    const bytes = Array.isArray(value)
      ? Uint8Array.from(value, (byte) => whole(byte, 'a byte', 0, 0xff))
      : bytesOf(value, 'the array');
    this.#native.writeBytes(bytes);
  }

  /**
   * Writes the bytes of a buffer, or `count` of them from `start` on.
   *
   * @param {IBuffer | import('./buffers.js').Buffer} buffer
   * @param {number} [start]
   * @param {number} [count]
   */
  writeBuffer(buffer, start, count) {
    const bytes = bytesOf(buffer, 'the buffer');
    if (arguments.length < 2) this.#native.writeBuffer(bytes, 0, bytes.length);
    else this.#native.writeBuffer(bytes, uint32(start, 'the start'), uint32(count, 'the count'));
  }

  /**
   * Writes text: no length, byte order mark or terminator. Returns its code units.
   *
   * @param {string} value
   * @returns {number}
   */
  writeString(value) {
    return this.#native.writeString(string(value, 'the text'));
  }
}

/**
 * Returns a reader of bytes.
 *
 * @param {Uint8Array} bytes
 * @returns {DataReader}
 */
function readerOf(bytes) {
  return new /** @type {any} */ (DataReader)(OF_BYTES, bytes);
}

/**
 * Returns the text of bytes of UTF-8; null if they are not well-formed.
 *
 * @param {Uint8Array} bytes
 * @returns {string | null}
 */
function textOf(bytes) {
  if (bytes.length === 0) return '';
  // The slices are members of every buffer of Node.js, and the fastest way to text.
  const buffer = /** @type {any} */ (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  if (isAscii(buffer)) return buffer.latin1Slice(0, buffer.length);
  return isUtf8(buffer) ? buffer.utf8Slice(0, buffer.length) : null;
}

/** @param {any} value @param {string} name */
function object(value, name) {
  if (value === null || value === undefined) throw invalidArgument(`${name} is ${value}`);
  if (typeof value !== 'object') throw invalidArgument(`${name} is not a stream`);
  return value;
}

module.exports = { ByteOrder, DataReader, DataWriter, UnicodeEncoding, readerOf };
