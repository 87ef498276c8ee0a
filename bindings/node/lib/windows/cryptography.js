'use strict';

// `Windows.Security.Cryptography.CryptographicBuffer`: text as buffers.

const { enumerator, string } = require('../failure.js');
const native = require('../native.js');
const { bufferOf, bytesOf } = require('./buffers.js');

const BinaryStringEncoding = Object.freeze({ utf8: 0, utf16LE: 1, utf16BE: 2 });

/** Conversions between text and buffers. All members are static. */
class CryptographicBuffer {
  /**
   * Returns a buffer with the bytes of the text: no byte order mark, no terminator.
   *
   * @param {string} value
   * @param {number} encoding of `BinaryStringEncoding`
   */
  static convertStringToBinary(value, encoding) {
    const text = string(value, 'the text');
    return bufferOf(native.convertStringToBinary(text, enumerator(encoding, 'the encoding')));
  }

  /**
   * Returns the text of all bytes of a buffer.
   *
   * @param {number} encoding of `BinaryStringEncoding`
   * @param {import('./buffers.js').IBuffer | import('./buffers.js').Buffer} buffer
   * @returns {string}
   */
  static convertBinaryToString(encoding, buffer) {
    const bytes = bytesOf(buffer, 'the buffer');
    return native.convertBinaryToString(enumerator(encoding, 'the encoding'), bytes);
  }

  /**
   * Returns a buffer with a copy of these bytes.
   *
   * @param {Uint8Array} value
   */
  static createFromByteArray(value) {
    return bufferOf(bytesOf(value, 'the array').slice());
  }
}

module.exports = { BinaryStringEncoding, CryptographicBuffer };
