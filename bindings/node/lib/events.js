'use strict';

// Handlers of an event: `addEventListener`, `removeEventListener` and the `on…` property (PRJ-03).

const { invalidArgument } = require('./failure.js');
const { native } = require('./runtime.js');

/** @typedef {(event: any) => void} Listener */

/** The handlers of one event, in the order of their registration. */
class Handlers {
  /** @type {Array<{ listener: Listener, token: any }>} */
  #list = [];

  /** @type {Listener | null} */
  #property = null;

  #add;
  #remove;

  /**
   * @param {() => any} add asks the model whether a handler may be added; returns its token
   * @param {(token: any) => void} remove tells the model that a handler was removed
   */
  constructor(add, remove) {
    this.#add = add;
    this.#remove = remove;
  }

  get isEmpty() {
    return this.#list.length === 0;
  }

  /** @param {unknown} listener */
  add(listener) {
    const handler = callable(listener);
    if (handler === null) throw invalidArgument('a listener is not a function');
    const token = this.#add();
    if (this.#list.some((entry) => entry.listener === handler)) {
      // Registered already, as with any other event target.
      this.#remove(token);
      return;
    }
    // A new list, so that a delivery under way keeps its own.
    this.#list = [...this.#list, { listener: handler, token }];
  }

  /** @param {unknown} listener */
  remove(listener) {
    const handler = callable(listener);
    const entry = this.#list.find((entry) => entry.listener === handler);
    if (entry === undefined) return;
    this.#list = this.#list.filter((other) => other !== entry);
    this.#remove(entry.token);
  }

  clear() {
    this.#list = [];
    this.#property = null;
  }

  get property() {
    return this.#property;
  }

  set property(listener) {
    const handler = typeof listener === 'function' ? listener : null;
    if (handler !== null) {
      const token = this.#add();
      const former = this.#list.find((entry) => entry.listener === this.#property);
      const list = this.#list.filter((entry) => entry.listener !== handler && entry !== former);
      this.#list = [...list, { listener: handler, token }];
      if (former !== undefined) this.#remove(former.token);
    } else if (this.#property !== null) {
      this.remove(this.#property);
    }
    this.#property = handler;
  }

  /**
   * Calls all handlers. An error of one goes to `uncaughtException`, and the others are called.
   *
   * @param {any} target
   * @param {any} event
   */
  raise(target, event) {
    const list = this.#list;
    if (list.length === 1) {
      list[0].listener.call(target, event);
      return;
    }
    for (const { listener } of list) {
      try {
        listener.call(target, event);
      } catch (error) {
        native.raise(error);
      }
    }
  }
}

/** @type {WeakMap<object, Listener>} */
const objects = new WeakMap();

/**
 * Returns a listener as a function: objects with `handleEvent` are listeners, too.
 *
 * @param {any} listener
 * @returns {Listener | null}
 */
function callable(listener) {
  if (typeof listener === 'function') return listener;
  if (listener === null || typeof listener?.handleEvent !== 'function') return null;
  let handler = objects.get(listener);
  if (handler === undefined) {
    handler = (event) => listener.handleEvent(event);
    objects.set(listener, handler);
  }
  return handler;
}

module.exports = { Handlers };
