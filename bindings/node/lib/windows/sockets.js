'use strict';

// `Windows.Networking.Sockets`: the datagram socket.

const { enumerator, string, uint32 } = require('../failure.js');
const { Handlers } = require('../events.js');
const { AsyncOperation } = require('../operation.js');
const { Reception } = require('../reception.js');
const { isFailure, failureCode } = require('../record.js');
const { resolverOptions } = require('../resolver.js');
const { native, runtime } = require('../runtime.js');
const { DatagramSocketMessageReceivedEventArgs } = require('./arguments.js');
const { contextBytes } = require('./broker.js');
const { NetworkAdapter } = require('./connectivity.js');
const {
  EndpointPair,
  HostName,
  HostNameSortOptions,
  OF_NATIVE,
  nativeHost,
  nativeOf,
  nativePair,
  ofNative,
  optionalHost,
} = require('./networking.js');
const { OutputStream } = require('./streams.js');

const SocketQualityOfService = Object.freeze({ normal: 0, lowLatency: 1 });

/** The numbers of a socket's errors, as `SocketError.getStatus` returns them. */
const SocketErrorStatus = Object.freeze({
  unknown: 0,
  operationAborted: 1,
  httpInvalidServerResponse: 2,
  connectionTimedOut: 3,
  addressFamilyNotSupported: 4,
  socketTypeNotSupported: 5,
  hostNotFound: 6,
  noDataRecordOfRequestedType: 7,
  nonAuthoritativeHostNotFound: 8,
  classTypeNotFound: 9,
  addressAlreadyInUse: 10,
  cannotAssignRequestedAddress: 11,
  connectionRefused: 12,
  networkIsUnreachable: 13,
  unreachableHost: 14,
  networkIsDown: 15,
  networkDroppedConnectionOnReset: 16,
  softwareCausedConnectionAbort: 17,
  connectionResetByPeer: 18,
  hostIsDown: 19,
  noAddressesFound: 20,
  tooManyOpenFiles: 21,
  messageTooLong: 22,
  certificateExpired: 23,
  certificateUntrustedRoot: 24,
  certificateCommonNameIsIncorrect: 25,
  certificateWrongUsage: 26,
  certificateRevoked: 27,
  certificateNoRevocationCheck: 28,
  certificateRevocationServerOffline: 29,
  certificateIsInvalid: 30,
});

/** What the number of an error means. */
class SocketError {
  /**
   * Returns the status of an error's `number`; `unknown` for every other number.
   *
   * @param {number} hresult
   * @returns {number}
   */
  static getStatus(hresult) {
    // Numbers above 2^31 are those of unsigned HRESULTs.
    return native.socketErrorStatus(Number(hresult) | 0);
  }
}

/** The options of a socket. All but the hop limit can be set until the socket is bound or connected. */
class DatagramSocketControl {
  /** @type {any} */
  #native;

  /** @internal @param {any} socket */
  constructor(socket) {
    this.#native = socket;
  }

  /** Whether fragmentation is off. Default: false. @type {boolean} */
  get dontFragment() {
    return this.#native.dontFragment();
  }

  set dontFragment(value) {
    this.#native.setDontFragment(Boolean(value));
  }

  /** The size of the receive buffer. Default: the system's. @type {number} */
  get inboundBufferSizeInBytes() {
    return this.#native.inboundBufferSize();
  }

  set inboundBufferSizeInBytes(value) {
    this.#native.setInboundBufferSize(Number(value));
  }

  /** Whether the socket receives only multicasts and broadcasts, and shares its port. @type {boolean} */
  get multicastOnly() {
    return this.#native.multicastOnly();
  }

  set multicastOnly(value) {
    this.#native.setMulticastOnly(Boolean(value));
  }

  /** The hop limit of datagrams to one host. Default: 128. @type {number} */
  get outboundUnicastHopLimit() {
    return this.#native.hopLimit();
  }

  set outboundUnicastHopLimit(value) {
    this.#native.setHopLimit(Number(value));
  }

  /** A number of `SocketQualityOfService`. @type {number} */
  get qualityOfService() {
    return this.#native.qualityOfService();
  }

  set qualityOfService(value) {
    const number = Number(value);
    this.#native.setQualityOfService(Number.isInteger(number) ? number : -1);
  }
}

/** The addresses and ports of a socket. Reading them never fails. */
class DatagramSocketInformation {
  /** @type {any} */
  #native;

  /** @internal @param {any} socket */
  constructor(socket) {
    this.#native = socket;
  }

  /** The local address; null if the socket is not open. */
  get localAddress() {
    return hostOf(this.#native.localAddress());
  }

  /** The local port in decimal digits. @returns {string} */
  get localPort() {
    return this.#native.localPort();
  }

  /** The address of the peer; null unless the socket is connected. */
  get remoteAddress() {
    return hostOf(this.#native.remoteAddress());
  }

  /** The port of the peer in decimal digits. @returns {string} */
  get remotePort() {
    return this.#native.remotePort();
  }
}

/**
 * A socket for datagrams.
 *
 * Handlers of `messagereceived` have to be registered before the socket is bound or connected. A socket
 * that is open keeps the process running until it is closed, or until {@link unref}.
 */
class DatagramSocket {
  #native = new native.NativeSocket(socketOptions());
  #control = new DatagramSocketControl(this.#native);
  #information = new DatagramSocketInformation(this.#native);

  /** @type {OutputStream | null} */
  #outputStream = null;

  #keepsRunning = true;

  #handlers = new Handlers(
    () => this.#native.addHandler(),
    (token) => {
      this.#native.removeHandler(token);
      this.#native.setDiscards(this.#handlers.isEmpty);
    },
  );

  #reception = new Reception(this.#native, (block, at) => {
    // An error of a kind for which the model has no event.
    if (isFailure(block, at) && failureCode(block, at) === 0) return;
    if (this.#handlers.isEmpty) return;
    const event = new DatagramSocketMessageReceivedEventArgs(block, at, this);
    this.#handlers.raise(this, event);
  });

  /** What is done at the end of each operation that may have opened the socket. */
  #opened = () => {
    if (!this.#reception.begin()) return;
    this.#native.setDiscards(this.#handlers.isEmpty);
    if (!this.#keepsRunning) this.#native.setKeepsRunning(false);
  };

  /** The options: the same object each time. */
  get control() {
    return this.#control;
  }

  /** The addresses and ports: the same object each time. */
  get information() {
    return this.#information;
  }

  /**
   * Binds the socket to a local host and service.
   *
   * @param {HostName | null} localHostName null for all addresses
   * @param {string} localServiceName an empty one lets the system choose the port
   * @returns {AsyncOperation<void>}
   */
  bindEndpointAsync(localHostName, localServiceName) {
    const host = optionalHost(localHostName);
    const service = string(localServiceName, 'the local service name');
    return this.#start(this.#native.bindEndpoint(runtime, host, service));
  }

  /**
   * Binds the socket to a service on all addresses, or on one adapter.
   *
   * @param {string} localServiceName
   * @param {NetworkAdapter} [adapter]
   * @returns {AsyncOperation<void>}
   */
  bindServiceNameAsync(localServiceName, adapter) {
    const service = string(localServiceName, 'the local service name');
    if (arguments.length < 2) return this.#start(this.#native.bindServiceName(runtime, service));
    const on = nativeOf(NetworkAdapter, adapter, 'the adapter');
    return this.#start(this.#native.bindServiceNameOn(runtime, service, on));
  }

  /**
   * Connects the socket to a remote host and service, or by an endpoint pair.
   *
   * @overload
   * @param {EndpointPair} endpointPair
   * @returns {AsyncOperation<void>}
   */
  /**
   * @overload
   * @param {HostName} remoteHostName
   * @param {string} remoteServiceName
   * @returns {AsyncOperation<void>}
   */
  /**
   * @param {EndpointPair | HostName} remote
   * @param {string} [remoteServiceName]
   * @returns {AsyncOperation<void>}
   */
  connectAsync(remote, remoteServiceName) {
    if (arguments.length < 2) {
      const pair = nativePair(remote, 'the endpoint pair');
      return this.#start(this.#native.connectPair(runtime, pair));
    }
    const host = nativeHost(remote, 'the remote host name');
    const service = string(remoteServiceName, 'the remote service name');
    return this.#start(this.#native.connect(runtime, host, service));
  }

  /**
   * Returns a stream to a remote host and service, or to the remote end of an endpoint pair.
   *
   * @overload
   * @param {EndpointPair} endpointPair
   * @returns {AsyncOperation<OutputStream>}
   */
  /**
   * @overload
   * @param {HostName} remoteHostName
   * @param {string} remoteServiceName
   * @returns {AsyncOperation<OutputStream>}
   */
  /**
   * @param {EndpointPair | HostName} remote
   * @param {string} [remoteServiceName]
   * @returns {AsyncOperation<OutputStream>}
   */
  getOutputStreamAsync(remote, remoteServiceName) {
    const streamOf = (/** @type {any} */ stream) => this.#streamOf(stream);
    if (arguments.length < 2) {
      const pair = nativePair(remote, 'the endpoint pair');
      return this.#start(this.#native.outputStreamToPair(runtime, pair), streamOf);
    }
    const host = nativeHost(remote, 'the remote host name');
    const service = string(remoteServiceName, 'the remote service name');
    return this.#start(this.#native.outputStreamTo(runtime, host, service), streamOf);
  }

  /** The stream to the peer: the same object each time. @returns {OutputStream} */
  get outputStream() {
    const stream = this.#native.outputStream();
    const made = this.#outputStream ?? this.#streamOf(stream);
    this.#outputStream = made;
    return made;
  }

  /**
   * Joins a multicast group, on the adapter that the socket is bound to or on all that are suitable.
   *
   * @param {HostName} host
   */
  joinMulticastGroup(host) {
    this.#native.joinMulticastGroup(nativeHost(host, 'the host name of the group'));
  }

  /**
   * Ends all operations that are under way, and stops receiving.
   *
   * @returns {AsyncOperation<void>}
   */
  cancelIOAsync() {
    return AsyncOperation.of(this.#native.cancelIo(runtime));
  }

  /** Closes the socket: no event starts after this, and the port is free. */
  close() {
    this.#reception.end();
    this.#handlers.clear();
    this.#native.close();
  }

  [Symbol.dispose]() {
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
   * Ties the socket to a background task.
   *
   * @param {string} taskId
   * @param {number} [connectedStandbyAction] of `SocketActivityConnectedStandbyAction`
   */
  enableTransferOwnership(taskId, connectedStandbyAction) {
    const task = string(taskId, 'the id of the task');
    const action =
      arguments.length < 2 ? undefined : enumerator(connectedStandbyAction, 'the action');
    this.#native.enableTransferOwnership(task, action);
  }

  /**
   * Hands the socket over to a broker. No system has one yet.
   *
   * @param {string} socketId
   * @param {import("./broker.js").SocketActivityContext | null} [data]
   * @param {number} [keepAliveTime] milliseconds
   */
  transferOwnership(socketId, data = null, keepAliveTime = 0) {
    const bytes = data === null ? undefined : contextBytes(data);
    this.#native.transferOwnership(string(socketId, 'the id of the socket'), bytes, Number(keepAliveTime));
  }

  /**
   * Registers a handler for `messagereceived`. Other types are ignored.
   *
   * @param {string} type
   * @param {(event: DatagramSocketMessageReceivedEventArgs) => void} listener
   */
  addEventListener(type, listener) {
    if (type === 'messagereceived') this.#handlers.add(listener);
  }

  /**
   * @param {string} type
   * @param {(event: DatagramSocketMessageReceivedEventArgs) => void} listener
   */
  removeEventListener(type, listener) {
    if (type === 'messagereceived') this.#handlers.remove(listener);
  }

  /**
   * A handler for `messagereceived`.
   *
   * @returns {((event: DatagramSocketMessageReceivedEventArgs) => void) | null}
   */
  get onmessagereceived() {
    return this.#handlers.property;
  }

  /** @param {((event: DatagramSocketMessageReceivedEventArgs) => void) | null} listener */
  set onmessagereceived(listener) {
    this.#handlers.property = listener;
  }

  /**
   * Returns the endpoint pairs by which a remote host and service can be reached, the best first.
   *
   * @param {HostName} remoteHostName
   * @param {string} remoteServiceName
   * @param {number} [sortOptions] of `HostNameSortOptions`
   * @returns {AsyncOperation<EndpointPair[]>}
   */
  static getEndpointPairsAsync(remoteHostName, remoteServiceName, sortOptions) {
    const host = nativeHost(remoteHostName, 'the remote host name');
    const service = string(remoteServiceName, 'the remote service name');
    const options =
      arguments.length < 3 ? HostNameSortOptions.none : uint32(sortOptions, 'the sort options');
    const resolver = resolverOptions();
    const started = native.endpointPairs(runtime, host, service, options, resolver);
    return AsyncOperation.of(started, (pairs) =>
      pairs.map((/** @type {any} */ pair) => ofNative(EndpointPair, pair)),
    );
  }

  /**
   * @template T
   * @param {[number, any]} started
   * @param {(result: any) => T} [convert]
   * @returns {AsyncOperation<T>}
   */
  #start(started, convert) {
    return AsyncOperation.of(started, convert, this.#opened);
  }

  /** @param {any} stream @returns {OutputStream} */
  #streamOf(stream) {
    return new /** @type {any} */ (OutputStream)(OF_NATIVE, stream, this.#opened);
  }
}

function socketOptions() {
  const resolver = resolverOptions();
  return resolver === undefined ? undefined : { resolver };
}

/** @param {any} host */
function hostOf(host) {
  return host === null ? null : ofNative(HostName, host);
}

module.exports = {
  DatagramSocket,
  DatagramSocketControl,
  DatagramSocketInformation,
  DatagramSocketMessageReceivedEventArgs,
  SocketError,
  SocketErrorStatus,
  SocketQualityOfService,
};
