'use strict';

// `Windows.Networking.Connectivity`: adapters and what the system knows about its networks.

const { invalidArgument, uint32 } = require('../failure.js');
const { Handlers } = require('../events.js');
const { AsyncOperation } = require('../operation.js');
const { handlers, native, runtime } = require('../runtime.js');
const { number64 } = require('./numbers.js');
const { EndpointPair, HostName, HostNameSortOptions, OF_NATIVE, nativePair, ofNative } = require('./networking.js');

const NetworkTypes = Object.freeze({ none: 0, internet: 1, privateNetwork: 2 });

/** A network adapter. Only the system makes such objects. */
class NetworkAdapter {
  /** @type {any} */
  #native;

  /** @type {NetworkItem | undefined} */
  #item;

  constructor() {
    this.#native = given(arguments);
  }

  /** The id, which stays the same when the machine restarts. @returns {string} */
  get networkAdapterId() {
    return this.#native.id();
  }

  /** The type as IANA numbers it: 6 for Ethernet, 71 for Wi-Fi. @returns {number} */
  get ianaInterfaceType() {
    return this.#native.ianaInterfaceType();
  }

  /** The nominal speed in bits per second; 0 if it is not known. */
  get inboundMaxBitsPerSecond() {
    return number64(this.#native.inboundMaxBitsPerSecond());
  }

  /** The nominal speed in bits per second; 0 if it is not known. */
  get outboundMaxBitsPerSecond() {
    return number64(this.#native.outboundMaxBitsPerSecond());
  }

  /** The network that the adapter is attached to. */
  get networkItem() {
    this.#item ??= ofNative(NetworkItem, this.#native);
    return this.#item;
  }

  /**
   * Returns the connection profile; null if the adapter is attached to no network.
   *
   * @returns {AsyncOperation<ConnectionProfile | null>}
   */
  getConnectedProfileAsync() {
    return AsyncOperation.of(this.#native.connectedProfile(runtime), profileOf);
  }

  /** @internal @param {any} adapter @returns {any} */
  static nativeOf(adapter) {
    return #native in adapter ? adapter.#native : null;
  }
}

/** A network that an adapter is attached to. */
class NetworkItem {
  /** @type {any} */
  #native;

  constructor() {
    this.#native = given(arguments);
  }

  /** @returns {string} */
  get networkId() {
    return this.#native.networkId();
  }

  /** Returns flags of `NetworkTypes`. @returns {number} */
  getNetworkTypes() {
    return this.#native.networkTypes();
  }
}

/** What is known about an address of this machine. */
class IPInformation {
  /** @type {any} */
  #native;

  /** @type {NetworkAdapter | undefined} */
  #adapter;

  constructor() {
    this.#native = given(arguments);
  }

  /** The adapter that has the address. */
  get networkAdapter() {
    this.#adapter ??= ofNative(NetworkAdapter, this.#native.networkAdapter());
    return this.#adapter;
  }

  /** The length of the network's prefix in bits. @returns {number | null} */
  get prefixLength() {
    return this.#native.prefixLength();
  }
}

/** A connection of this machine to a network. */
class ConnectionProfile {
  /** @type {any} */
  #native;

  /** @type {NetworkAdapter | null | undefined} */
  #adapter;

  constructor() {
    this.#native = given(arguments);
  }

  /** The name of the connection: that of its adapter. @returns {string} */
  get profileName() {
    return this.#native.name();
  }

  get networkAdapter() {
    if (this.#adapter === undefined) {
      const adapter = this.#native.networkAdapter();
      this.#adapter = adapter === null ? null : ofNative(NetworkAdapter, adapter);
    }
    return this.#adapter;
  }
}

const statusChanged = new Handlers(
  () => {
    const number = native.addStatusHandler(runtime);
    // The model calls each registration; all handlers are called for the first one.
    handlers.set(number, () => {
      if (number === Math.min(...handlers.keys())) statusChanged.raise(NetworkInformation, null);
    });
    return number;
  },
  (number) => {
    handlers.delete(number);
    native.removeStatusHandler(runtime, number);
  },
);

/** What the system knows about its networks. All members are static. */
class NetworkInformation {
  /**
   * Returns the names of this machine, and the addresses of its adapters.
   *
   * @returns {HostName[]}
   */
  static getHostNames() {
    return native.hostNames().map((/** @type {any} */ name) => ofNative(HostName, name));
  }

  /**
   * Returns the pairs in the order in which they should be tried.
   *
   * @param {Iterable<EndpointPair>} destinationList
   * @param {number} [sortOptions] of `HostNameSortOptions`
   * @returns {EndpointPair[]}
   */
  static getSortedEndpointPairs(destinationList, sortOptions = HostNameSortOptions.none) {
    if (destinationList === null || destinationList === undefined) {
      throw invalidArgument(`the list of destinations is ${destinationList}`);
    }
    const pairs = [...destinationList].map((pair) => nativePair(pair, 'a destination'));
    const sorted = native.sortedEndpointPairs(pairs, uint32(sortOptions, 'the sort options'));
    return sorted.map((/** @type {any} */ pair) => ofNative(EndpointPair, pair));
  }

  /**
   * Returns the profile of the adapter that the machine prefers for the internet; null if it has none.
   *
   * @returns {ConnectionProfile | null}
   */
  static getInternetConnectionProfile() {
    return profileOf(native.internetConnectionProfile());
  }

  /** Not implemented. @returns {never} */
  static getConnectionProfiles() {
    return /** @type {never} */ (native.connectionProfiles());
  }

  /** Not implemented. @param {any} [profileFilter] @returns {any} */
  static findConnectionProfilesAsync(profileFilter) {
    void profileFilter;
    return AsyncOperation.of(native.findConnectionProfiles(runtime));
  }

  /** Not implemented. @returns {never} */
  static getLanIdentifiers() {
    return /** @type {never} */ (native.lanIdentifiers());
  }

  /** Not implemented. @param {any} [uri] @returns {any} */
  static getProxyConfigurationAsync(uri) {
    void uri;
    return AsyncOperation.of(native.proxyConfiguration(runtime));
  }

  /**
   * Registers a handler for `networkstatuschanged`, which is called with null.
   *
   * @param {string} type
   * @param {(sender: null) => void} listener
   */
  static addEventListener(type, listener) {
    if (type === 'networkstatuschanged') statusChanged.add(listener);
  }

  /**
   * @param {string} type
   * @param {(sender: null) => void} listener
   */
  static removeEventListener(type, listener) {
    if (type === 'networkstatuschanged') statusChanged.remove(listener);
  }

  static get onnetworkstatuschanged() {
    return statusChanged.property;
  }

  static set onnetworkstatuschanged(listener) {
    statusChanged.property = listener;
  }
}

/** @param {any} profile */
function profileOf(profile) {
  return profile === null ? null : ofNative(ConnectionProfile, profile);
}

/** @param {IArguments} parameters */
function given(parameters) {
  if (parameters[0] !== OF_NATIVE) throw new TypeError('Illegal constructor');
  return parameters[1];
}

module.exports = {
  ConnectionProfile,
  IPInformation,
  NetworkAdapter,
  NetworkInformation,
  NetworkItem,
  NetworkTypes,
};
