'use strict';

// The runtime of this thread of JavaScript: operations that are under way, by their numbers.

const native = require('./native.js');

/**
 * What is called at the end of an operation: with an error, or with null and the result.
 *
 * @typedef {(error: any, result?: any) => void} Settle
 */

/** @type {Map<number, Settle>} */
const underWay = new Map();

/** Handlers of changes of the network. @type {Map<number, () => void>} */
const handlers = new Map();

/**
 * @param {number} number
 * @param {any} error
 * @param {any} result
 */
function settle(number, error, result) {
  // An event: the network has changed or, in programs without libuv, a receiver has something to read.
  if (number < 0) {
    const repeated = handlers.get(-number);
    if (repeated !== undefined) repeated();
    else runtime.report(-number);
    return;
  }
  const settled = underWay.get(number);
  underWay.delete(number);
  runtime.forget(number);
  settled?.(error, result);
}

// Bun and Deno have functions of libuv that do nothing, or end the program.
const versions = /** @type {Record<string, string | undefined>} */ (process.versions);
const hasLibuv = versions.bun === undefined && versions.deno === undefined;
const isAllowed = process.env.UDPAIR_NODE_LIBUV !== '0';

const runtime = new native.Runtime(settle, hasLibuv && isAllowed);

/**
 * Notes what is to be called at the end of an operation.
 *
 * @param {number} number
 * @param {Settle} settled
 */
function whenSettled(number, settled) {
  underWay.set(number, settled);
}

module.exports = { handlers, native, runtime, whenSettled };
