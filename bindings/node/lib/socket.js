'use strict';

// The socket for programs that are not written for the object model: promises, `for await`, events.

const { EventEmitter } = require('node:events');
const { failure, invalidArgument } = require('./failure.js');
const { Message } = require('./message.js');
const { MessageQueue } = require('./message_queue.js');
const { OutputStream, toBytes } = require('./output.js');
const { promised } = require('./promised.js');
const { Reception } = require('./reception.js');
const record = require('./record.js');
const { native, runtime } = require('./runtime.js');

/** @typedef {import('./message.js').Address} Address */
/** @typedef {import('./resolver.js').ResolverOptions} ResolverOptions */
/** @typedef {import('./failure.js').UdpairError} UdpairError */

/**
 * Options of a socket. Those in the second group are dgram's names of options of the first.
 *
 * @typedef {object} SocketOptions
 * @property {ResolverOptions} [resolver] how names are resolved
 * @property {number} [inboundBufferBytes] the size of the receive buffer
 * @property {number} [sendBufferBytes]
 * @property {boolean} [dontFragment]
 * @property {number} [hopLimit] 1 to 255; 128 by default
 * @property {number} [multicastHops] 1 by default
 * @property {boolean} [multicastLoopback] true by default
 * @property {string} [multicastAdapter] the name of the adapter that multicasts leave by
 * @property {boolean} [multicastOnly] receives only multicasts and broadcasts, and shares its port
 * @property {boolean} [sharePort] lets other sockets that share have the same port
 * @property {boolean} [ipv6Only]
 * @property {number} [dscp] 0 to 63
 * @property {number} [ecn] 0, 1 or 2
 * @property {boolean} [lowLatency]
 * @property {boolean} [receiveOffload] true by default; without it, drops are counted exactly
 * @property {number} [queueMessages] how many messages wait for a `for await` loop; 1,024 by default
 * @property {'pause' | 'dropNewest' | 'dropOldest'} [overflow] what happens when they are more: by
 *   default, the others wait in the system's receive buffer
 * @property {AbortSignal} [signal] closes the socket
 * @property {number} [recvBufferSize] `inboundBufferBytes`
 * @property {number} [sendBufferSize] `sendBufferBytes`
 * @property {boolean} [reuseAddr] `sharePort`
 * @property {boolean} [reusePort] `sharePort`
 * @property {number} [ttl] `hopLimit`
 * @property {number} [multicastTTL] `multicastHops`
 * @property {string} [type] `udp4` or `udp6`: taken from dgram, and not needed
 */

/**
 * Where a socket is bound to: text such as `localhost:5004`, `[::1]:0` or `:5004`, a port, or its parts.
 *
 * @typedef {string | number | { address?: string, host?: string, port?: number | string,
 *   service?: number | string, adapter?: string, signal?: AbortSignal }} Local
 */

/**
 * Where a socket is connected to: text such as `contoso.com:stun`, or its parts.
 *
 * @typedef {string | { address?: string, host?: string, port?: number | string,
 *   service?: number | string, local?: Local, signal?: AbortSignal }} Remote
 */

/**
 * What a socket has counted, since it was opened.
 *
 * @typedef {object} Statistics
 * @property {number} datagramsReceived
 * @property {number} bytesReceived
 * @property {number} receiveCalls calls of the system
 * @property {number} datagramsSent
 * @property {number} bytesSent
 * @property {number} sendCalls calls of the system
 * @property {number} sendDropped datagrams that the system has dropped on their way out
 * @property {number} kernelDropped datagrams that found the receive buffer full
 * @property {boolean} kernelDroppedExact whether that number is exact, or a lower bound
 * @property {number} queueDropped
 * @property {number} nonPeerDropped datagrams of others than the peer
 * @property {number} peerErrors errors that the network has sent back
 * @property {number} truncated
 */

/**
 * The events of a socket, with the arguments of their listeners.
 *
 * @typedef {object} SocketEvents
 * @property {[message: Message]} message a datagram has arrived
 * @property {[error: UdpairError]} peerError the network has sent an error back for a datagram
 * @property {[]} listening the socket is bound
 * @property {[]} connect the socket is connected
 * @property {[]} close the socket was closed
 * @property {[error: UdpairError]} error a `send` without a callback has failed
 */

/**
 * A socket for datagrams.
 *
 * Messages are events, or what a `for await` loop gets. Without either they stay in the system's receive
 * buffer. A socket that is open keeps the process running until it is closed, or until {@link unref}.
 *
 * @extends {EventEmitter<SocketEvents>}
 */
class DatagramSocket extends EventEmitter {
  /** @type {any} */
  #native;

  /** @type {OutputStream | null} */
  #output = null;

  /** Streams by the destinations of `send`. @type {Map<string, Promise<OutputStream>>} */
  #outputs = new Map();

  /** @type {Set<MessageQueue>} */
  #queues = new Set();

  #isClosed = false;
  #isOpen = false;
  #keepsRunning = true;
  #isPaused = false;
  #queueOptions;

  #reception;

  /** @param {SocketOptions} [options] */
  constructor(options = {}) {
    super();
    this.#native = new native.NativeSocket(nativeOptions(options));
    const { queueMessages = 1024, overflow = 'pause', signal } = options;
    this.#queueOptions = { capacity: queueMessages, overflow };
    this.#reception = new Reception(this.#native, (block, at) => this.#deliver(block, at));
    const listeners = /** @type {EventEmitter} */ (/** @type {unknown} */ (this));
    listeners.on('newListener', (type) => {
      if (type === 'message') queueMicrotask(this.#adjust);
    });
    listeners.on('removeListener', (type) => {
      if (type === 'message') this.#adjust();
    });
    if (signal !== undefined) {
      if (signal.aborted) this.close();
      else signal.addEventListener('abort', () => this.close(), { once: true });
    }
  }

  /**
   * Creates a socket that is bound.
   *
   * @param {Local} [local] by default, a port of all addresses that the system chooses
   * @param {SocketOptions} [options]
   * @returns {Promise<DatagramSocket>}
   */
  static async bind(local, options) {
    return new DatagramSocket(options).#openedBy((socket) => socket.bind(local));
  }

  /**
   * Creates a socket that is connected.
   *
   * @param {Remote} remote
   * @param {SocketOptions} [options]
   * @returns {Promise<DatagramSocket>}
   */
  static async connect(remote, options) {
    return new DatagramSocket(options).#openedBy((socket) => socket.connect(remote));
  }

  /** @param {(socket: DatagramSocket) => Promise<any>} open */
  async #openedBy(open) {
    try {
      await open(this);
    } catch (error) {
      this.close();
      throw error;
    }
    return this;
  }

  /**
   * Binds the socket. An empty host is all addresses, and port 0 one that the system chooses.
   *
   * @param {Local} [local]
   * @returns {Promise<Address>} the local address
   */
  async bind(local = 0) {
    const { text, adapter, signal } = localOf(local);
    const start = () => this.#native.bindTo(runtime, text, adapter);
    await promised(start, () => undefined, { atEnd: this.#opened, signal });
    this.emit('listening');
    return /** @type {Address} */ (this.local);
  }

  /**
   * Connects the socket: services by the services file or SRV records, the first address that the
   * system accepts, and from then on only datagrams of that peer.
   *
   * @param {Remote} remote
   * @returns {Promise<Address>} the address of the peer
   */
  async connect(remote) {
    const { text, local, signal } = remoteOf(remote);
    const start = () => this.#native.connectTo(runtime, text, local);
    await promised(start, () => undefined, { atEnd: this.#opened, signal });
    this.emit('connect');
    return /** @type {Address} */ (this.remote);
  }

  /** The local address; null until the socket is open. @returns {Address | null} */
  get local() {
    return this.#native.local();
  }

  /** The address of the peer; null unless the socket is connected. @returns {Address | null} */
  get remote() {
    return this.#native.remote();
  }

  /** As in dgram: the local address. @returns {Address} */
  address() {
    const { local } = this;
    if (local === null) throw failure(E_ILLEGAL_METHOD_CALL, 'the socket is not bound');
    return local;
  }

  /** As in dgram: the address of the peer. @returns {Address} */
  remoteAddress() {
    const { remote } = this;
    if (remote === null) throw failure(E_ILLEGAL_METHOD_CALL, 'the socket is not connected');
    return remote;
  }

  /** The peer as a destination: the same object each time. */
  get output() {
    this.#output ??= new OutputStream(this.#native.sender(), this.#opened);
    return this.#output;
  }

  /**
   * Resolves a destination once, for any number of datagrams.
   *
   * @param {Remote} remote
   * @returns {Promise<OutputStream>}
   */
  outputTo(remote) {
    const { text, signal } = remoteOf(remote);
    const start = () => this.#native.senderTo(runtime, text);
    return promised(start, (sender) => new OutputStream(sender, this.#opened), { signal });
  }

  /**
   * Sends a datagram to the peer, or to a port of a host. The arguments are dgram's; without a callback
   * the result is a promise.
   *
   * @param {string | Uint8Array} payload
   * @param {number | string | ((error: Error | null, bytes: number) => void)} [port] or service name
   * @param {string | ((error: Error | null, bytes: number) => void)} [host] localhost by default
   * @param {(error: Error | null, bytes: number) => void} [callback]
   * @returns {Promise<number>} the number of bytes
   */
  send(payload, port, host, callback) {
    const done = [port, host, callback].find((argument) => typeof argument === 'function');
    const sent =
      port === undefined || typeof port === 'function'
        ? this.#sendToPeer(payload)
        : this.#sendTo(payload, port, typeof host === 'string' ? host : 'localhost');
    if (typeof done === 'function') {
      sent.then(
        (bytes) => done(null, bytes),
        (error) => done(error, 0),
      );
    }
    return sent;
  }

  /** @param {string | Uint8Array} payload */
  #sendToPeer(payload) {
    try {
      return this.output.send(payload);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * @param {string | Uint8Array} payload
   * @param {number | string} port
   * @param {string} host
   * @returns {Promise<number>}
   */
  async #sendTo(payload, port, host) {
    const bytes = toBytes(payload);
    if (typeof port === 'number' && this.#native.trySendTo(bytes, port, host) === true) {
      return bytes.length;
    }
    const text = join(host, port);
    let output = this.#outputs.get(text);
    if (output === undefined) {
      output = this.outputTo(text);
      this.#outputs.set(text, output);
      // A name that is not found may be there later.
      output.catch(() => this.#outputs.delete(text));
      if (this.#outputs.size > OUTPUTS_MAX) {
        this.#outputs.delete(/** @type {string} */ (this.#outputs.keys().next().value));
      }
    }
    return (await output).send(bytes);
  }

  /**
   * Joins a multicast group: on one adapter, or on all that are suitable.
   *
   * @param {string} group
   * @param {{ adapter?: string, source?: string }} [options]
   * @returns {Promise<void>}
   */
  async joinMulticast(group, { adapter, source } = {}) {
    const start = () => this.#native.join(runtime, String(group), adapter, source);
    await promised(start, () => undefined);
  }

  /**
   * @param {string} group
   * @param {{ adapter?: string, source?: string }} [options]
   */
  leaveMulticast(group, { adapter, source } = {}) {
    this.#native.leave(String(group), adapter, source);
  }

  /**
   * What the socket has counted.
   *
   * @returns {Statistics}
   */
  statistics() {
    return this.#native.statistics();
  }

  /**
   * What was asked of the system, and what it has granted.
   *
   * @returns {Array<{ option: string, requested: string | null, granted: string | null,
   *   whyNot: string | null, advice: string | null }>}
   */
  options() {
    return this.#native.options();
  }

  /** The messages that no `for await` loop has taken are at most so many; see `queueMessages`. */
  get queueDropped() {
    let dropped = 0;
    for (const queue of this.#queues) dropped += queue.dropped;
    return dropped;
  }

  get isClosed() {
    return this.#isClosed;
  }

  /**
   * Closes the socket. No event starts after this but `close`, and the port is free.
   *
   * @param {() => void} [callback] is called like a listener of `close`
   */
  close(callback) {
    if (typeof callback === 'function') this.once('close', callback);
    if (this.#isClosed) return this;
    this.#isClosed = true;
    this.#reception.end();
    this.#native.close();
    for (const queue of this.#queues) queue.end();
    process.nextTick(() => this.emit('close'));
    return this;
  }

  [Symbol.dispose]() {
    this.close();
  }

  async [Symbol.asyncDispose]() {
    this.close();
  }

  /** Lets the process end although the socket is open. */
  unref() {
    this.#keepsRunning = false;
    this.#native.setKeepsRunning(false);
    return this;
  }

  /** Keeps the process running while the socket is open. This is so by default. */
  ref() {
    this.#keepsRunning = true;
    this.#native.setKeepsRunning(true);
    return this;
  }

  /**
   * The messages, until the socket is closed.
   *
   * @returns {AsyncIterableIterator<Message>}
   */
  [Symbol.asyncIterator]() {
    const queue = new MessageQueue(this.#queueOptions, this.#adjust, () => {
      this.#queues.delete(queue);
      this.#adjust();
    });
    if (this.#isClosed) queue.end();
    else this.#queues.add(queue);
    this.#adjust();
    return queue;
  }

  /** What is done at the end of each operation that may have opened the socket. */
  #opened = () => {
    this.#native.openedByWrite();
    if (!this.#reception.begin()) return;
    this.#isOpen = true;
    this.#adjust();
    if (!this.#keepsRunning) this.#native.setKeepsRunning(false);
  };

  /** Receives while something wants messages and has space for them. */
  #adjust = () => {
    if (!this.#isOpen || this.#isClosed) return;
    const isWanted = this.listenerCount('message') > 0 || this.#queues.size > 0;
    const isFull = [...this.#queues].some((queue) => queue.isFull);
    const pauses = !isWanted || isFull;
    if (pauses === this.#isPaused) return;
    this.#isPaused = pauses;
    if (pauses) this.#native.pause();
    else this.#native.resume();
  };

  /**
   * @param {import('./record.js').Block} block
   * @param {number} at
   */
  #deliver(block, at) {
    if (record.isFailure(block, at)) {
      this.#deliverFailure(block, at);
      return;
    }
    const message = new Message(block, at, this);
    if (this.#queues.size > 0) {
      for (const queue of this.#queues) queue.push(message);
      this.#adjust();
    }
    this.emit('message', message);
  }

  /**
   * @param {import('./record.js').Block} block
   * @param {number} at
   */
  #deliverFailure(block, at) {
    const [address, port] = [record.remoteAddress(block, at), record.remotePort(block, at)];
    const code = record.failureCode(block, at) || E_FAIL;
    const error = failure(code, `a datagram to ${address} port ${port} was not delivered`);
    this.emit('peerError', Object.assign(error, { address, port }));
  }
}

/**
 * @param {SocketOptions} options
 * @returns {object}
 */
function nativeOptions(options) {
  const { recvBufferSize, sendBufferSize, reuseAddr, reusePort, ttl, multicastTTL, ...own } = options;
  const known = {
    ...own,
    inboundBufferBytes: own.inboundBufferBytes ?? recvBufferSize,
    sendBufferBytes: own.sendBufferBytes ?? sendBufferSize,
    sharePort: own.sharePort ?? reuseAddr ?? reusePort,
    hopLimit: own.hopLimit ?? ttl,
    multicastHops: own.multicastHops ?? multicastTTL,
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
}

/** @param {Local} local */
function localOf(local) {
  if (typeof local === 'string') return { text: local };
  if (typeof local === 'number') return { text: `:${local}` };
  if (local === null || typeof local !== 'object') throw invalidArgument('a local endpoint is text, a port or an object');
  const { host, address = host ?? '', service, port = service ?? 0, adapter, signal } = local;
  return { text: join(address, port), adapter, signal };
}

/** @param {Remote} remote */
function remoteOf(remote) {
  if (typeof remote === 'string') return { text: remote };
  if (remote === null || typeof remote !== 'object') throw invalidArgument('a remote endpoint is text or an object');
  const { host = 'localhost', address = host, service, port = service, local, signal } = remote;
  if (port === undefined) throw invalidArgument('a remote endpoint needs a port or a service');
  const from = local === undefined ? undefined : localOf(local).text;
  return { text: join(address, port), local: from, signal };
}

/**
 * @param {string} host
 * @param {number | string} service
 */
function join(host, service) {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${service}` : `${host}:${service}`;
}

const E_FAIL = -2147467259;
const E_ILLEGAL_METHOD_CALL = -2147483634;

/** How many destinations of `send` a socket remembers. */
const OUTPUTS_MAX = 256;

module.exports = { DatagramSocket };
