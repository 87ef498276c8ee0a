'use strict';

// `Windows.Networking`: names of hosts and pairs of endpoints.

const { invalidArgument, string } = require('../failure.js');
const native = require('../native.js');

const HostNameType = Object.freeze({ domainName: 0, ipv4: 1, ipv6: 2, bluetooth: 3 });
const HostNameSortOptions = Object.freeze({ none: 0, optimizeForLongConnections: 2 });
const DomainNameType = Object.freeze({ suffix: 0, fullyQualified: 1 });

/** Passed to a constructor: the object is one of the native part. */
const OF_NATIVE = Symbol('of native');

/** A name or an address of a host. Nothing is looked up when it is created. */
class HostName {
  /** @type {any} */
  #native;

  /** @type {any} */
  #ipInformation = undefined;

  /** @param {string} hostName */
  constructor(hostName) {
    if (arguments[0] === OF_NATIVE) this.#native = arguments[1];
    else this.#native = new native.NativeHostName(string(hostName, 'the host name'));
  }

  /** The form to compare: lower-case A-labels, or an address in its shortest form. @returns {string} */
  get canonicalName() {
    return this.#native.canonicalName();
  }

  /** The form for people. @returns {string} */
  get displayName() {
    return this.#native.displayName();
  }

  /** The text that the host name was created from. @returns {string} */
  get rawName() {
    return this.#native.rawName();
  }

  /** A number of `HostNameType`. @returns {number} */
  get type() {
    return this.#native.kind();
  }

  /**
   * What is known about an address of this machine; null unless `NetworkInformation.getHostNames`
   * returned the host name.
   *
   * @returns {import('./connectivity.js').IPInformation | null}
   */
  get ipInformation() {
    if (this.#ipInformation === undefined) {
      const information = this.#native.ipInformation();
      const { IPInformation } = require('./connectivity.js');
      this.#ipInformation = information === null ? null : ofNative(IPInformation, information);
    }
    return this.#ipInformation;
  }

  /**
   * Returns whether both have the same canonical name.
   *
   * @param {HostName} hostName
   * @returns {boolean}
   */
  isEqual(hostName) {
    return this.#native.isEqual(nativeHost(hostName, 'the host name'));
  }

  toString() {
    return this.displayName;
  }

  [Symbol.for('nodejs.util.inspect.custom')]() {
    return `HostName(${this.rawName})`;
  }

  /**
   * Compares the canonical names of two host names that are given as text.
   *
   * @param {string} value1
   * @param {string} value2
   * @returns {number}
   */
  static compare(value1, value2) {
    return native.compareHostNames(string(value1, 'a host name'), string(value2, 'a host name'));
  }

  /** @internal @param {any} hostName @returns {any} */
  static nativeOf(hostName) {
    return #native in hostName ? hostName.#native : null;
  }
}

/**
 * The host names and service names of both ends. A socket takes a copy of the names when it is given
 * the pair.
 */
class EndpointPair {
  /** @type {any} */
  #native;

  /** @type {HostName | null} */
  #local;

  /** @type {HostName} */
  #remote;

  /**
   * @param {HostName | null} localHostName null lets the system choose
   * @param {string} localServiceName an empty one lets the system choose the port
   * @param {HostName} remoteHostName
   * @param {string} remoteServiceName
   */
  constructor(localHostName, localServiceName, remoteHostName, remoteServiceName) {
    if (arguments[0] === OF_NATIVE) {
      this.#native = arguments[1];
      const local = this.#native.localHostName();
      this.#local = local === null ? null : ofNative(HostName, local);
      this.#remote = ofNative(HostName, this.#native.remoteHostName());
      return;
    }
    this.#native = new native.NativeEndpointPair(
      optionalHost(localHostName),
      string(localServiceName, 'the local service name'),
      nativeHost(remoteHostName, 'the remote host name'),
      string(remoteServiceName, 'the remote service name'),
    );
    this.#local = localHostName ?? null;
    this.#remote = remoteHostName;
  }

  get localHostName() {
    return this.#local;
  }

  set localHostName(value) {
    this.#native.setLocalHostName(optionalHost(value));
    this.#local = value ?? null;
  }

  /** @type {string} */
  get localServiceName() {
    return this.#native.localServiceName();
  }

  set localServiceName(value) {
    this.#native.setLocalServiceName(string(value, 'the local service name'));
  }

  get remoteHostName() {
    return this.#remote;
  }

  set remoteHostName(value) {
    this.#native.setRemoteHostName(nativeHost(value, 'the remote host name'));
    this.#remote = value;
  }

  /** @type {string} */
  get remoteServiceName() {
    return this.#native.remoteServiceName();
  }

  set remoteServiceName(value) {
    this.#native.setRemoteServiceName(string(value, 'the remote service name'));
  }

  /** @internal @param {any} pair @returns {any} */
  static nativeOf(pair) {
    return #native in pair ? pair.#native : null;
  }
}

/**
 * Returns an object of the native part as one of the model.
 *
 * @template T
 * @param {new (...parameters: any[]) => T} type
 * @param {any} object
 * @returns {T}
 */
function ofNative(type, object) {
  return new type(OF_NATIVE, object);
}

/**
 * Returns the native part's object of one of the model, which must not be null.
 *
 * @param {{ nativeOf(object: any): any }} type
 * @param {any} object
 * @param {string} name
 */
function nativeOf(type, object, name) {
  if (object === null || object === undefined) throw invalidArgument(`${name} is ${object}`);
  const found = typeof object === 'object' ? type.nativeOf(object) : null;
  if (found === null) throw invalidArgument(`${name} has the wrong type`);
  return found;
}

/** @param {any} host @param {string} name */
function nativeHost(host, name) {
  return nativeOf(HostName, host, name);
}

/** @param {any} host */
function optionalHost(host) {
  return host === null || host === undefined ? null : nativeHost(host, 'the local host name');
}

/** @param {any} pair @param {string} name */
function nativePair(pair, name) {
  return nativeOf(EndpointPair, pair, name);
}

module.exports = {
  DomainNameType,
  EndpointPair,
  HostName,
  HostNameSortOptions,
  HostNameType,
  OF_NATIVE,
  nativeHost,
  nativeOf,
  nativePair,
  ofNative,
  optionalHost,
};
