'use strict';

// Names and adapters, for programs that are not written for the object model.

const { promised } = require('./promised.js');
const { useResolver } = require('./resolver.js');
const { native, runtime } = require('./runtime.js');
const { NetworkAdapter } = require('./windows/connectivity.js');
const { ofNative } = require('./windows/networking.js');

/** @typedef {import('./resolver.js').ResolverOptions} ResolverOptions */
/** @typedef {import('./message.js').Address} Address */

/**
 * An adapter of this machine.
 *
 * @typedef {object} Adapter
 * @property {string} name
 * @property {number} index
 * @property {string} id stays the same when the machine restarts
 * @property {number} ianaType 6 for Ethernet, 71 for Wi-Fi, 24 for loopback
 * @property {number | null} mtu
 * @property {boolean} isUp
 * @property {boolean} isRunning
 * @property {boolean} isLoopback
 * @property {boolean} isMulticast
 * @property {boolean} isBroadcast
 * @property {Array<{ address: string, family: 4 | 6, prefixLength: number | null }>} addresses
 */

/**
 * Resolves a remote endpoint, such as `contoso.com:stun`: the services file, SRV records, addresses.
 * The result is the addresses to try, the best first.
 *
 * @param {string} remote
 * @param {ResolverOptions & { signal?: AbortSignal }} [options]
 * @returns {Promise<Address[]>}
 */
function resolve(remote, options = {}) {
  const { signal, ...resolver } = options;
  return promised(() => native.resolve(runtime, String(remote), resolver), (addresses) => addresses, {
    signal,
  });
}

/**
 * Returns the adapters of this machine.
 *
 * @returns {Adapter[]}
 */
function adapters() {
  return native.adapters();
}

/**
 * Returns the adapter with this name as the object model has it, for `bindServiceNameAsync`.
 *
 * @param {string} name
 * @returns {import('./windows/connectivity.js').NetworkAdapter}
 */
function networkAdapter(name) {
  return ofNative(NetworkAdapter, native.networkAdapter(String(name)));
}

module.exports = { adapters, networkAdapter, resolve, useResolver };
