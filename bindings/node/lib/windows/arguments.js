'use strict';

// What a handler of `messagereceived` is given.

const { failure } = require('../failure.js');
const native = require('../native.js');
const record = require('../record.js');
const { readerOf } = require('./data.js');
const { HostName, ofNative } = require('./networking.js');
const { InputStream } = require('./streams.js');

const HOSTS_MAX = 256;
const WSAEMSGSIZE = -2147014856;

/**
 * A datagram that has arrived, or an error that the network sent back for one that was sent. It stays
 * valid after the handler and after the socket; each member returns the same object each time, but for
 * `getDataStream`.
 */
class DatagramSocketMessageReceivedEventArgs {
  /** @type {import('../record.js').Block} */
  #block;

  #at;
  #target;

  /** @type {HostName | undefined} */
  #remote;

  /** @type {HostName | null | undefined} */
  #local;

  /** @type {import('./data.js').DataReader | undefined} */
  #reader;

  /**
   * @internal
   * @param {import('../record.js').Block} block
   * @param {number} at
   * @param {any} target
   */
  constructor(block, at, target) {
    this.#block = block;
    this.#at = at;
    this.#target = target;
  }

  get type() {
    return 'messagereceived';
  }

  /** The socket. @returns {import('./sockets.js').DatagramSocket} */
  get target() {
    return this.#target;
  }

  /** The arguments of the event, as WinJS has them. */
  get detail() {
    return [this];
  }

  /** The address of the sender; for an error, the destination that was not reached. */
  get remoteAddress() {
    this.#remote ??= hostOf(record.remoteAddress(this.#block, this.#at));
    return this.#remote;
  }

  /** The port of the sender in decimal digits; for an error, that of the destination. */
  get remotePort() {
    return String(record.remotePort(this.#block, this.#at));
  }

  /** The local address that received the datagram; null for an error. */
  get localAddress() {
    if (this.#local === undefined) {
      const text = record.localAddress(this.#block, this.#at);
      this.#local = text === null ? null : hostOf(text);
    }
    return this.#local;
  }

  /** Returns a reader of the payload, which is loaded already: the same one each time. */
  getDataReader() {
    this.#reader ??= readerOf(this.#payload());
    return this.#reader;
  }

  /** Returns a stream of the whole payload, independent of the reader. */
  getDataStream() {
    return ofNative(InputStream, new native.NativeInput(this.#payload()));
  }

  #payload() {
    const [block, at] = [this.#block, this.#at];
    if (record.isFailure(block, at)) {
      const to = `${record.remoteAddress(block, at)} port ${record.remotePort(block, at)}`;
      throw failure(record.failureCode(block, at), `a datagram to ${to} was not delivered`);
    }
    if (record.isTruncated(block, at)) {
      throw failure(WSAEMSGSIZE, 'the system has truncated the datagram');
    }
    return record.payload(block, at);
  }
}

/** Host names of the latest addresses: values that do not change. @type {Map<string, HostName>} */
const hosts = new Map();

/** @param {string} address */
function hostOf(address) {
  let host = hosts.get(address);
  if (host === undefined) {
    host = new HostName(address);
    if (hosts.size === HOSTS_MAX) hosts.clear();
    hosts.set(address, host);
  }
  return host;
}

module.exports = { DatagramSocketMessageReceivedEventArgs };
