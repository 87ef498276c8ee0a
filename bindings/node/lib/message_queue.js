'use strict';

// Messages that wait for a `for await` loop: a bounded number.

/** @typedef {import('./message.js').Message} Message */

/** An iterator over the messages of a socket. */
class MessageQueue {
  /** @type {Message[]} */
  #messages = [];

  /** @type {Array<(result: IteratorResult<Message, undefined>) => void>} */
  #waiting = [];

  #hasEnded = false;
  #capacity;
  #overflow;
  #changed;
  #left;

  /** How many messages were dropped because the queue was full. */
  dropped = 0;

  /**
   * @param {{ capacity: number, overflow: 'pause' | 'dropNewest' | 'dropOldest' }} options
   * @param {() => void} changed is called when there is space again
   * @param {() => void} left is called when the loop ends
   */
  constructor({ capacity, overflow }, changed, left) {
    this.#capacity = Math.max(1, capacity);
    this.#overflow = overflow;
    this.#changed = changed;
    this.#left = left;
  }

  /** Whether the socket is to pause. */
  get isFull() {
    return this.#overflow === 'pause' && this.#messages.length >= this.#capacity;
  }

  /** @param {Message} message */
  push(message) {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting({ value: message, done: false });
      return;
    }
    if (this.#overflow !== 'pause' && this.#messages.length >= this.#capacity) {
      this.dropped += 1;
      if (this.#overflow === 'dropNewest') return;
      this.#messages.shift();
    }
    this.#messages.push(message);
  }

  /** No more messages are to come. Those that wait are still taken. */
  end() {
    this.#hasEnded = true;
    for (const waiting of this.#waiting.splice(0)) waiting({ value: undefined, done: true });
  }

  /** @returns {Promise<IteratorResult<Message, undefined>>} */
  next() {
    const message = this.#messages.shift();
    if (message !== undefined) {
      if (this.#messages.length === this.#capacity - 1) this.#changed();
      return Promise.resolve({ value: message, done: false });
    }
    if (this.#hasEnded) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** @returns {Promise<IteratorResult<Message, undefined>>} */
  return() {
    this.#messages = [];
    this.end();
    this.#left();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

module.exports = { MessageQueue };
