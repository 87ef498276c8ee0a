'use strict';

// A received datagram, for programs that are not written for the object model.

const record = require('./record.js');

/** @typedef {{ address: string, port: number, family: 'IPv4' | 'IPv6' }} Address */

/**
 * A received datagram. It stays valid for as long as it is kept.
 *
 * It has the members of dgram's `rinfo`: `address`, `port`, `family` and `size`.
 */
class Message {
  /** @type {import('./record.js').Block} */
  #block;

  #at;
  #socket;

  /** @type {Buffer | undefined} */
  #payload;

  /**
   * @internal
   * @param {import('./record.js').Block} block
   * @param {number} at
   * @param {any} socket
   */
  constructor(block, at, socket) {
    this.#block = block;
    this.#at = at;
    this.#socket = socket;
  }

  /** The bytes of the datagram: the same buffer each time. */
  get payload() {
    this.#payload ??= record.payload(this.#block, this.#at);
    return this.#payload;
  }

  /** The number of bytes. */
  get size() {
    return record.payloadLength(this.#block, this.#at);
  }

  /** The address of the sender. */
  get address() {
    return record.remoteAddress(this.#block, this.#at);
  }

  /** The port of the sender. */
  get port() {
    return record.remotePort(this.#block, this.#at);
  }

  /** The family of the sender's address. @returns {'IPv4' | 'IPv6'} */
  get family() {
    return record.remoteFamily(this.#block, this.#at) === 4 ? 'IPv4' : 'IPv6';
  }

  /** The sender. @returns {Address} */
  get remote() {
    return { address: this.address, port: this.port, family: this.family };
  }

  /** The local address that received the datagram; null if the system does not tell. */
  get local() {
    return record.localAddress(this.#block, this.#at);
  }

  /** The index of the adapter that received the datagram; null if the system does not tell. */
  get adapter() {
    return record.adapter(this.#block, this.#at);
  }

  /** How many hops were left; null if the system does not tell. */
  get hopLimit() {
    return record.hopLimit(this.#block, this.#at);
  }

  /** The congestion notification, 0 to 3; null if the system does not tell. */
  get ecn() {
    return record.ecn(this.#block, this.#at);
  }

  /**
   * How many datagrams the system has dropped between the one before and this one: a lower bound while
   * `receiveOffload` is on.
   */
  get droppedBefore() {
    return record.droppedBefore(this.#block, this.#at);
  }

  /** Whether the system has cut the payload. */
  get isTruncated() {
    return record.isTruncated(this.#block, this.#at);
  }

  /**
   * Sends a datagram to the sender.
   *
   * @param {string | Uint8Array} payload
   * @returns {Promise<number>} the number of bytes
   */
  reply(payload) {
    return this.#socket.send(payload, this.port, this.address);
  }

  toString() {
    return this.payload.toString();
  }

  [Symbol.for('nodejs.util.inspect.custom')]() {
    return `Message(${this.size} bytes from ${this.address} port ${this.port})`;
  }
}

module.exports = { Message };
