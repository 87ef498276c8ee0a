'use strict';

// Delivers what a socket receives, one event after another.

const { native, runtime } = require('./runtime.js');
const { newBlock } = require('./record.js');

/** @typedef {import('./record.js').Block} Block */

// Microtasks and `process.nextTick` run after each event, as with dgram.
const runTicks =
  typeof (/** @type {any} */ (process)._tickCallback) === 'function'
    ? /** @type {() => void} */ (/** @type {any} */ (process)._tickCallback)
    : () => {};

// All sockets of a thread write to one block, until it is full.
let block = newBlock();

/** The reception of a socket, which begins when the socket is open. */
class Reception {
  #socket;
  #deliver;
  #hasEnded = false;

  /**
   * @param {any} socket that of the native part
   * @param {(block: Block, at: number) => void} deliver handles one record
   */
  constructor(socket, deliver) {
    this.#socket = socket;
    this.#deliver = deliver;
  }

  /** Begins if the socket has been opened. Returns whether it has begun now. @returns {boolean} */
  begin() {
    return this.#socket.begin(runtime, () => this.#drain());
  }

  /** No event starts after this. */
  end() {
    this.#hasEnded = true;
  }

  /** Delivers one batch, so that the event loop gets its turn before the next one. */
  #drain() {
    for (;;) {
      if (block.bytes.length - block.used < SPACE_BYTES_MIN) block = newBlock();
      const start = block.used;
      const taken = this.#socket.take(block.bytes, start, block.externals);
      const hasMore = taken < 0;
      const end = hasMore ? -taken - 1 : taken;
      block.used = end;
      if (end > start) this.#deliverAll(block, start / 4, end / 4);
      if (!hasMore || this.#hasEnded) return;
      if (end === start) block = newBlock();
    }
  }

  /**
   * @param {Block} block
   * @param {number} at
   * @param {number} end
   */
  #deliverAll(block, at, end) {
    const { words } = block;
    while (at < end && !this.#hasEnded) {
      const here = at;
      at += words[at] / 4;
      try {
        this.#deliver(block, here);
        runTicks();
      } catch (error) {
        // To `uncaughtException`; later events still come.
        native.raise(error);
      }
    }
  }
}

/** With how much space in a block the next batch is taken into it. */
const SPACE_BYTES_MIN = 4096;

module.exports = { Reception };
