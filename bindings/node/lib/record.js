'use strict';

// Records of datagrams in a block of memory: what the native part has written (record.rs), read when
// something asks for it.

/**
 * A block of memory with records.
 *
 * @typedef {object} Block
 * @property {Buffer} bytes
 * @property {Uint32Array} words the same memory
 * @property {number} used the number of bytes that have records
 * @property {ArrayBuffer[]} externals payloads that have memory of their own
 */

/**
 * How many bytes a block has: enough for the largest datagram, and few enough that one message that a
 * program keeps does not keep much.
 */
const { Buffer } = require('node:buffer');
const BLOCK_BYTES = 256 * 1024;

const HEADER_WORDS = 16;

const LENGTH = 1;
const FLAGS = 2;
const PORT_HOPS_ECN = 3;
const SCOPE = 4;
const REMOTE = 5;
const LOCAL = 9;
const ADAPTER = 13;
const DROPPED_BEFORE = 14;
const EXTRA = 15;

const REMOTE_IS_V6 = 1;
const LOCAL_IS_V6 = 1 << 1;
const HAS_LOCAL = 1 << 2;
const IS_TRUNCATED = 1 << 3;
const IS_FAILURE = 1 << 4;
const IS_EXTERNAL = 1 << 5;
const HAS_ADAPTER = 1 << 6;
const HAS_HOP_LIMIT = 1 << 7;
const HAS_ECN = 1 << 8;

/** @returns {Block} */
function newBlock() {
  const bytes = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  return { bytes, words: new Uint32Array(bytes.buffer), used: 0, externals: [] };
}

/**
 * @param {Block} block
 * @param {number} at
 */
function payload({ bytes, words, externals }, at) {
  const length = words[at + LENGTH];
  if (words[at + FLAGS] & IS_EXTERNAL) return Buffer.from(externals[words[at + EXTRA]], 0, length);
  return Buffer.from(bytes.buffer, (at + HEADER_WORDS) * 4, length);
}

/** @param {Block} block @param {number} at */
function payloadLength({ words }, at) {
  return words[at + LENGTH];
}

/** @param {Block} block @param {number} at */
function remotePort({ words }, at) {
  return words[at + PORT_HOPS_ECN] & 0xffff;
}

/** @param {Block} block @param {number} at */
function remoteFamily({ words }, at) {
  return words[at + FLAGS] & REMOTE_IS_V6 ? 6 : 4;
}

/** @param {Block} block @param {number} at */
function remoteAddress({ words }, at) {
  const text = address(words, at + REMOTE, (words[at + FLAGS] & REMOTE_IS_V6) !== 0);
  const scope = words[at + SCOPE];
  return scope === 0 ? text : `${text}%${scope}`;
}

/** @param {Block} block @param {number} at */
function localAddress({ words }, at) {
  const flags = words[at + FLAGS];
  if ((flags & HAS_LOCAL) === 0) return null;
  return address(words, at + LOCAL, (flags & LOCAL_IS_V6) !== 0);
}

/** @param {Block} block @param {number} at */
function adapter({ words }, at) {
  return words[at + FLAGS] & HAS_ADAPTER ? words[at + ADAPTER] : null;
}

/** @param {Block} block @param {number} at */
function hopLimit({ words }, at) {
  return words[at + FLAGS] & HAS_HOP_LIMIT ? (words[at + PORT_HOPS_ECN] >>> 16) & 0xff : null;
}

/** @param {Block} block @param {number} at */
function ecn({ words }, at) {
  return words[at + FLAGS] & HAS_ECN ? words[at + PORT_HOPS_ECN] >>> 24 : null;
}

/** @param {Block} block @param {number} at */
function droppedBefore({ words }, at) {
  return words[at + DROPPED_BEFORE];
}

/** @param {Block} block @param {number} at */
function isTruncated({ words }, at) {
  return (words[at + FLAGS] & IS_TRUNCATED) !== 0;
}

/** @param {Block} block @param {number} at */
function isFailure({ words }, at) {
  return (words[at + FLAGS] & IS_FAILURE) !== 0;
}

/** The HRESULT of an error that the network has sent back. @param {Block} block @param {number} at */
function failureCode({ words }, at) {
  return words[at + EXTRA] | 0;
}

// Most datagrams of a burst come from one address.
let lastText = '';
let lastWords = [0, 0, 0, 0, 0];

/**
 * @param {Uint32Array} words
 * @param {number} at
 * @param {boolean} isV6
 */
function address(words, at, isV6) {
  const family = isV6 ? 6 : 4;
  if (
    lastWords[0] === family &&
    lastWords[1] === words[at] &&
    lastWords[2] === words[at + 1] &&
    lastWords[3] === words[at + 2] &&
    lastWords[4] === words[at + 3]
  ) {
    return lastText;
  }
  const text = isV6 ? ipv6(words, at) : ipv4(words[at]);
  lastWords = [family, words[at], words[at + 1], words[at + 2], words[at + 3]];
  lastText = text;
  return text;
}

/** @param {number} word */
function ipv4(word) {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

/**
 * Returns the text of RFC 5952: the longest run of zeros, of two or more, is "::".
 *
 * @param {Uint32Array} words
 * @param {number} at
 */
function ipv6(words, at) {
  const groups = [];
  for (let i = 0; i < 4; i++) groups.push(words[at + i] >>> 16, words[at + i] & 0xffff);
  let [start, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) [start, length] = [i, run];
    i += run;
  }
  const hex = (/** @type {number[]} */ part) => part.map((group) => group.toString(16)).join(':');
  if (start < 0) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

module.exports = {
  adapter,
  droppedBefore,
  ecn,
  failureCode,
  hopLimit,
  isFailure,
  isTruncated,
  localAddress,
  newBlock,
  payload,
  payloadLength,
  remoteAddress,
  remoteFamily,
  remotePort,
};
