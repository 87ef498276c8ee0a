'use strict';

// Delivers what a socket receives, one event after another.

const { native, runtime } = require('./runtime.js');
const { newBlock } = require('./record.js');

/** @typedef {import('./record.js').Block} Block */

/** How much space a block has for the next batch: at least for the largest datagram. */
const SPACE_BYTES_MIN = 66 * 1024;

// Microtasks and `process.nextTick` run after each event, as with dgram.
const runTicks =
  typeof (/** @type {any} */ (process)._tickCallback) === 'function'
    ? /** @type {() => void} */ (/** @type {any} */ (process)._tickCallback)
    : () => {};

// All sockets of a thread write to one block, until it is full.
let block = useNewBlock();

function useNewBlock() {
  const made = newBlock();
  runtime.useBlock(made.bytes, made.externals);
  return made;
}

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
    return this.#socket.begin(runtime, this.#deliverAll);
  }

  /** No event starts after this. */
  end() {
    this.#hasEnded = true;
  }

  /**
   * Delivers the records of one batch.
   *
   * @param {number} start in bytes
   * @param {number} end
   */
  #deliverAll = (start, end) => {
    const from = block;
    const { words } = from;
    if (from.bytes.length - end < SPACE_BYTES_MIN) block = useNewBlock();
    let at = start >>> 2;
    const last = end >>> 2;
    while (at < last && !this.#hasEnded) {
      const here = at;
      at += words[at] >>> 2;
      try {
        this.#deliver(from, here);
      } catch (error) {
        // To `uncaughtException`; later events still come.
        native.raise(error);
      }
      try {
        runTicks();
      } catch (error) {
        native.raise(error);
      }
    }
  };
}

module.exports = { Reception };
