'use strict';

// Errors for the rules of the language: null where none is allowed, and values of another type.
// All other errors come from the native part.

const native = require('./native.js');

const E_INVALIDARG = -2147024809;
const E_ILLEGAL_METHOD_CALL = -2147483634;
const E_ILLEGAL_DELEGATE_ASSIGNMENT = -2147483624;
const E_FAIL = -2147467259;
const ERROR_OPERATION_ABORTED = -2147023901;

/**
 * An error with an HRESULT.
 *
 * @typedef {Error & {
 *   number: number,
 *   status: number,
 *   code?: string,
 *   errno?: number,
 *   advice?: string,
 * }} UdpairError
 */

/**
 * @param {number} number
 * @param {string} message
 * @returns {UdpairError}
 */
function failure(number, message) {
  const error = native.makeError(number, message);
  Error.captureStackTrace?.(error, failure);
  return error;
}

/**
 * @param {string} message
 * @returns {UdpairError}
 */
function invalidArgument(message) {
  return failure(E_INVALIDARG, message);
}

/**
 * Returns a string that is not null (PRJ-05).
 *
 * @param {unknown} value
 * @param {string} name
 * @returns {string}
 */
function string(value, name) {
  if (value === null || value === undefined) throw invalidArgument(`${name} is ${value}`);
  return typeof value === 'string' ? value : String(value);
}

/**
 * Returns a whole number within a range.
 *
 * @param {unknown} value
 * @param {string} name
 * @param {number} min
 * @param {number} max
 * @returns {number}
 */
function whole(value, name, min, max) {
  const number = typeof value === 'number' ? value : Number(value);
  if (value === null || !Number.isInteger(number) || number < min || number > max) {
    throw invalidArgument(`${name} is ${String(value)}: it has to be a number from ${min} to ${max}`);
  }
  return number;
}

/**
 * Returns an unsigned number of 32 bits.
 *
 * @param {unknown} value
 * @param {string} name
 */
function uint32(value, name) {
  return whole(value, name, 0, 0xffffffff);
}

/**
 * Returns the number of an enumeration; the native part knows which ones there are.
 *
 * @param {unknown} value
 * @param {string} name
 */
function enumerator(value, name) {
  return whole(value, name, -0x80000000, 0x7fffffff);
}

module.exports = {
  E_FAIL,
  E_ILLEGAL_DELEGATE_ASSIGNMENT,
  E_ILLEGAL_METHOD_CALL,
  E_INVALIDARG,
  ERROR_OPERATION_ABORTED,
  enumerator,
  failure,
  invalidArgument,
  string,
  uint32,
  whole,
};
