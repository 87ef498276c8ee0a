'use strict';

// Types of the Windows Runtime as JavaScript has them (PRJ-06): numbers of 64 bits, dates and spans.

const { invalidArgument } = require('../failure.js');

/** 1601-01-01 as a date of JavaScript has it, in ticks of 100 ns. */
const EPOCH_TICKS = 116444736000000000n;
const TICKS_PER_MILLISECOND = 10000;

/**
 * Returns a number where it is exact, and a BigInt otherwise.
 *
 * @param {bigint} value
 * @returns {number | bigint}
 */
function number64(value) {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/**
 * Returns the BigInt of a number of 64 bits; the native part knows its range.
 *
 * @param {unknown} value
 * @returns {bigint}
 */
function bigint64(value) {
  if (typeof value === 'bigint') return value;
  const number = value === null ? NaN : Number(value);
  if (!Number.isInteger(number)) throw invalidArgument(`${String(value)} is not a whole number`);
  return BigInt(number);
}

/** @param {bigint} ticks @returns {Date} */
function dateOfTicks(ticks) {
  const relative = ticks - EPOCH_TICKS;
  const scale = BigInt(TICKS_PER_MILLISECOND);
  // Rounded down, as a date before 1970 needs it.
  const milliseconds = relative >= 0n ? relative / scale : -((-relative + scale - 1n) / scale);
  return new Date(Number(milliseconds));
}

/** @param {unknown} date @returns {bigint} */
function ticksOfDate(date) {
  const time = date instanceof Date ? date.getTime() : Number(date ?? NaN);
  if (!Number.isFinite(time)) throw invalidArgument(`${String(date)} is not a date`);
  return BigInt(Math.round(time)) * BigInt(TICKS_PER_MILLISECOND) + EPOCH_TICKS;
}

/** @param {bigint} ticks @returns {number} milliseconds */
function spanOfTicks(ticks) {
  return Number(ticks) / TICKS_PER_MILLISECOND;
}

/** @param {unknown} milliseconds @returns {bigint} */
function ticksOfSpan(milliseconds) {
  const ticks = Math.round(Number(milliseconds ?? NaN) * TICKS_PER_MILLISECOND);
  if (!Number.isFinite(ticks)) throw invalidArgument(`${String(milliseconds)} is not a time span`);
  return BigInt(ticks);
}

module.exports = { bigint64, dateOfTicks, number64, spanOfTicks, ticksOfDate, ticksOfSpan };
