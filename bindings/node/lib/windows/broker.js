'use strict';

// The types of a socket broker, which keeps sockets while their program does not run. No system has one
// yet: nothing makes a `SocketActivityInformation`.

const { invalidArgument } = require('../failure.js');
const { bufferOf, bytesOf } = require('./buffers.js');

const SocketActivityConnectedStandbyAction = Object.freeze({ doNotWake: 0, wake: 1 });
const SocketActivityKind = Object.freeze({
  none: 0,
  streamSocketListener: 1,
  datagramSocket: 2,
  streamSocket: 3,
});
const SocketActivityTriggerReason = Object.freeze({
  none: 0,
  socketActivity: 1,
  connectionAccepted: 2,
  keepAliveTimerExpired: 3,
  socketClosed: 4,
});

/** Data that travels with a socket that is handed over. */
class SocketActivityContext {
  #data;

  /** @param {import('./buffers.js').IBuffer | import('./buffers.js').Buffer} data */
  constructor(data) {
    this.#data = bufferOf(bytesOf(data, 'the data').slice());
  }

  get data() {
    return this.#data;
  }
}

/** A socket that was handed over. Only a broker makes such objects. */
class SocketActivityInformation {
  constructor() {
    throw new TypeError('Illegal constructor');
  }

  /**
   * The sockets that this program has handed over, by their ids: none without a broker.
   *
   * @returns {Map<string, SocketActivityInformation>}
   */
  static get allSockets() {
    return new Map();
  }

  /** @returns {SocketActivityContext | null} */
  get context() {
    return null;
  }

  /** @returns {any} */
  get datagramSocket() {
    return null;
  }

  /** @returns {string} */
  get id() {
    return '';
  }

  /** @returns {number} */
  get socketKind() {
    return SocketActivityKind.datagramSocket;
  }

  /** @returns {any} */
  get streamSocket() {
    return null;
  }

  /** @returns {any} */
  get streamSocketListener() {
    return null;
  }

  /** @returns {string} */
  get taskId() {
    return '';
  }
}

/** What the task of a socket is told when it starts. Only a broker makes such objects. */
class SocketActivityTriggerDetails {
  constructor() {
    throw new TypeError('Illegal constructor');
  }

  /** @returns {number} */
  get reason() {
    return SocketActivityTriggerReason.none;
  }

  /** @returns {SocketActivityInformation | null} */
  get socketInformation() {
    return null;
  }
}

/** Starts a task at the activity of a socket, once there is a broker. */
class SocketActivityTrigger {
  /** Whether the trigger can wake the machine: never. */
  get isWakeFromLowPowerSupported() {
    return false;
  }
}

/** @param {any} context @returns {Uint8Array} */
function contextBytes(context) {
  if (!(context instanceof SocketActivityContext)) throw invalidArgument('the data is not a context');
  return context.data.toUint8Array();
}

module.exports = {
  SocketActivityConnectedStandbyAction,
  SocketActivityContext,
  SocketActivityInformation,
  SocketActivityKind,
  SocketActivityTrigger,
  SocketActivityTriggerDetails,
  SocketActivityTriggerReason,
  contextBytes,
};
