// What the tests share.

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import udpair from '../index.mjs';

export const { Windows } = udpair;
export const { DatagramSocket } = Windows.Networking.Sockets;
export const { HostName, EndpointPair } = Windows.Networking;
export const { DataReader, DataWriter } = Windows.Storage.Streams;

/** The HRESULTs that the tests name. */
export const E_ILLEGAL_METHOD_CALL = 0x8000000e | 0;
export const E_INVALIDARG = 0x80070057 | 0;
export const RO_E_CLOSED = 0x80000013 | 0;
export const E_BOUNDS = 0x8000000b | 0;
export const E_NOTIMPL = 0x80004001 | 0;
export const E_ILLEGAL_DELEGATE_ASSIGNMENT = 0x80000018 | 0;
export const ERROR_OPERATION_ABORTED = 0x800703e3 | 0;
export const ERROR_NO_UNICODE_TRANSLATION = 0x80070459 | 0;
export const WSAECONNRESET = 0x80072746 | 0;
export const WSAEADDRINUSE = 0x80072740 | 0;

export const loopback = new HostName('127.0.0.1');

/** Asserts that `action` throws an error with this HRESULT. */
export function throwsWith(number, action, message) {
  assert.throws(action, (error) => {
    assert.equal(error.number, number, `${message ?? ''} ${error.stack}`);
    return true;
  });
}

/** Asserts that the promise fails with this HRESULT. */
export async function failsWith(number, promise) {
  const error = await promise.then(
    () => assert.fail('it did not fail'),
    (error) => error,
  );
  assert.equal(error.number, number, error.stack);
  return error;
}

/** A socket of dgram, bound to a port of the loopback address. */
export async function peer(address = '127.0.0.1') {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  return Object.assign(socket, { port: String(socket.address().port) });
}

/** Sends to a port of the loopback address, from a socket of dgram. */
export function sendTo(peer, port, payload) {
  return new Promise((resolve, reject) => {
    peer.send(payload, Number(port), '127.0.0.1', (error) => (error ? reject(error) : resolve()));
  });
}

/** Returns a promise of the next event, and of those after it. */
export function events(target, property = 'onmessagereceived') {
  const arrived = [];
  const waiting = [];
  target[property] = (event) => {
    const next = waiting.shift();
    if (next) next(event);
    else arrived.push(event);
  };
  return () =>
    arrived.length > 0
      ? Promise.resolve(arrived.shift())
      : new Promise((resolve) => waiting.push(resolve));
}

/** Returns the text of an event. */
export function textOf(event) {
  const reader = event.getDataReader();
  return reader.readString(reader.unconsumedBufferLength);
}

/** Runs a program of the folder `programs`, and returns what it printed and how it ended. */
export async function run(program, parameters = [], options = {}) {
  const path = fileURLToPath(new URL(`programs/${program}`, import.meta.url));
  const child = fork(path, parameters, { silent: true, ...options });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  const [code, signal] = await once(child, 'close');
  return { code, signal, output, errors };
}
