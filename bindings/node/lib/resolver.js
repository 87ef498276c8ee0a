'use strict';

// How the sockets of the object model resolve names, whose constructor has no options.

/**
 * How names are resolved. What is left out is the system's.
 *
 * @typedef {object} ResolverOptions
 * @property {string[]} [dnsServers] addresses of name servers, with a port if it is not 53
 * @property {string} [servicesFile] the file to read in place of `/etc/services`
 * @property {string} [services] the text of such a file
 * @property {string} [hostsFile] the file to read in place of `/etc/hosts`
 * @property {boolean} [srvOnly] whether service names are looked up in DNS although the file has them
 * @property {number} [timeout] milliseconds for a whole resolution
 * @property {number} [attemptTimeout] milliseconds for each query
 * @property {number} [attempts] how often each name server is asked
 * @property {boolean} [cache] whether answers are kept
 * @property {4 | 6} [family] the only family of addresses to use
 */

/** @type {ResolverOptions | undefined} */
let options;

/**
 * Sets how the sockets of `Windows` that this thread creates from now on resolve names; without options,
 * as the system does.
 *
 * @param {ResolverOptions} [resolver]
 */
function useResolver(resolver) {
  options = resolver === undefined ? undefined : { ...resolver };
}

function resolverOptions() {
  return options;
}

module.exports = { resolverOptions, useResolver };
