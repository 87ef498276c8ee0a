// The table of states and operations, which all languages share: conformance/states.txt.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import udpair from '../index.mjs';
import {
  DatagramSocket,
  E_ILLEGAL_METHOD_CALL,
  E_INVALIDARG,
  E_NOTIMPL,
  ERROR_OPERATION_ABORTED,
  EndpointPair,
  HostName,
  RO_E_CLOSED,
  Windows,
  loopback,
  peer,
} from './support.mjs';

const { AsyncStatus } = Windows.Foundation;
const TASK = '00000000-0000-0000-0000-000000000001';
const adapter = udpair.networkAdapter(udpair.adapters().find((adapter) => adapter.isLoopback).name);

let remote;
let silent;

before(async () => {
  remote = await peer();
  // A name server that does not answer keeps a socket in the state Opening.
  silent = await peer();
  udpair.useResolver({ dnsServers: [`127.0.0.1:${silent.port}`], services: '' });
});

after(() => {
  udpair.useResolver();
  remote.close();
  silent.close();
});

function table() {
  const text = readFileSync(new URL('../../../conformance/states.txt', import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const [[, ...states], ...rows] = lines.map((line) => line.split(/\s+/));
  for (const [operation, ...cells] of rows) assert.equal(cells.length, states.length, operation);
  return { states, rows };
}

/** Brings a socket into a state, for an operation. */
async function enter(state, operation) {
  const socket = new DatagramSocket();
  const stream = () => socket.getOutputStreamAsync(loopback, remote.port);
  if (operation === 'transfer-ownership-enabled') socket.enableTransferOwnership(TASK);
  const needsStream = ['write-to-stream', 'connect-after-output-stream'].includes(operation);
  const found = { socket, stream: undefined, opening: undefined };
  if (needsStream && state !== 'Connected') found.stream = await stream();
  const name = new HostName('name.test');
  if (state === 'Opening') {
    found.opening = needsStream
      ? socket.bindEndpointAsync(name, '')
      : socket.connectAsync(name, 'service');
    found.opening.then(null, () => {});
  } else if (state === 'Bound') {
    await socket.bindEndpointAsync(loopback, '');
  } else if (state === 'BoundAdapter') {
    await socket.bindServiceNameAsync('', adapter);
  } else if (state === 'Connected') {
    await socket.connectAsync(loopback, remote.port);
    if (needsStream) found.stream = await stream();
  } else if (state === 'Closed') {
    socket.close();
  }
  assert.equal(stateOf(found), state.replace('BoundAdapter', 'Bound'), operation);
  return found;
}

/** The state of a socket, as far as it shows: a socket on an adapter is bound. */
function stateOf({ socket, opening }) {
  const { information, control } = socket;
  try {
    void control.dontFragment;
  } catch {
    return 'Closed';
  }
  if (opening?.status === AsyncStatus.started) return 'Opening';
  if (information.remotePort !== '') return 'Connected';
  return information.localPort === '' ? 'Created' : 'Bound';
}

/** Whether a bound socket is bound to an adapter: then it accepts no local address. */
function isOnAdapter(socket) {
  const pair = new EndpointPair(socket.information.localAddress, '', loopback, '9');
  try {
    socket.getOutputStreamAsync(pair);
    return false;
  } catch (error) {
    return error.number === E_INVALIDARG;
  }
}

async function unused() {
  const socket = await peer();
  await new Promise((resolve) => socket.close(resolve));
  return socket.port;
}

async function pairFor(operation, { information }) {
  const pair = new EndpointPair(null, '', loopback, remote.port);
  if (operation.endsWith('host-same')) pair.localHostName = information.localAddress ?? loopback;
  if (operation.endsWith('host-other')) pair.localHostName = new HostName('127.0.0.9');
  if (operation.endsWith('host-name')) pair.localHostName = new HostName('localhost');
  if (operation.endsWith('service-same')) pair.localServiceName = information.localPort || (await unused());
  if (operation.endsWith('service-other')) pair.localServiceName = await unused();
  if (operation.endsWith('service-zero')) pair.localServiceName = '0';
  return pair;
}

function performed(operation, found, pair) {
  const { socket, stream } = found;
  const { control, information } = socket;
  const byName = {
    'add-message-received': () => atOnce(() => socket.addEventListener('messagereceived', () => {})),
    'remove-message-received': () => atOnce(() => socket.removeEventListener('messagereceived', () => {})),
    'set-dont-fragment': () => atOnce(() => (control.dontFragment = true)),
    'set-inbound-buffer-size': () => atOnce(() => (control.inboundBufferSizeInBytes = 10000)),
    'set-quality-of-service': () => atOnce(() => (control.qualityOfService = 1)),
    'set-multicast-only': () => atOnce(() => (control.multicastOnly = true)),
    'set-outbound-unicast-hop-limit': () => atOnce(() => (control.outboundUnicastHopLimit = 9)),
    'get-dont-fragment': () => atOnce(() => control.dontFragment),
    'get-inbound-buffer-size': () => atOnce(() => control.inboundBufferSizeInBytes),
    'get-quality-of-service': () => atOnce(() => control.qualityOfService),
    'get-multicast-only': () => atOnce(() => control.multicastOnly),
    'get-outbound-unicast-hop-limit': () => atOnce(() => control.outboundUnicastHopLimit),
    'get-local-information': () => read(information.localAddress, information.localPort),
    'get-remote-information': () => read(information.remoteAddress, information.remotePort),
    'bind-endpoint': () => ends(() => socket.bindEndpointAsync(loopback, '')),
    'bind-service-name': () => ends(() => socket.bindServiceNameAsync('')),
    'bind-service-name-on-adapter': () => ends(() => socket.bindServiceNameAsync('', adapter)),
    connect: () => ends(() => socket.connectAsync(loopback, remote.port)),
    'connect-after-output-stream': () => ends(() => socket.connectAsync(loopback, remote.port)),
    'get-output-stream': () => ends(() => socket.getOutputStreamAsync(loopback, remote.port)),
    'get-peer-stream': () => atOnce(() => socket.outputStream),
    'write-to-stream': () => written(found, () => stream.writeAsync(new Uint8Array(1))),
    'write-to-peer-stream': () => written(found, () => socket.outputStream.writeAsync(new Uint8Array(1))),
    'join-multicast-group': () => {
      const cell = atOnce(() => socket.joinMulticastGroup(new HostName('239.255.77.4')));
      // The state allows it, but a socket that is bound to one address receives from no group.
      return cell === 'NOTIMPL' ? 'ok' : cell;
    },
    'cancel-io': () => ends(() => socket.cancelIOAsync()),
    'enable-transfer-ownership': () => atOnce(() => socket.enableTransferOwnership(TASK)),
    'transfer-ownership': () => atOnce(() => socket.transferOwnership('id')),
    'transfer-ownership-enabled': () => atOnce(() => socket.transferOwnership('id')),
    close: () => atOnce(() => socket.close()),
    'get-endpoint-pairs': () => {
      const cell = atOnce(() => DatagramSocket.getEndpointPairsAsync(loopback, remote.port));
      return cell;
    },
  };
  if (byName[operation]) return byName[operation]();
  if (operation.startsWith('connect-pair')) return ends(() => socket.connectAsync(pair));
  assert.ok(operation.startsWith('get-output-stream-pair'), `no such operation: ${operation}`);
  return ends(() => socket.getOutputStreamAsync(pair));
}

const CELLS = new Map([
  [E_ILLEGAL_METHOD_CALL, 'IMC'],
  [E_INVALIDARG, 'INVAL'],
  [RO_E_CLOSED, 'CLOSED'],
  [E_NOTIMPL, 'NOTIMPL'],
]);

/** The cell for a call. What is refused is so by the call itself. */
function atOnce(call) {
  try {
    call();
    return 'ok';
  } catch (error) {
    return CELLS.get(error.number) ?? error.stack;
  }
}

function read(address, port) {
  if (address instanceof HostName && /^\d+$/.test(port)) return 'ok';
  return address === null && port === '' ? 'null' : `${address} and ${port}`;
}

function ends(call) {
  let operation;
  const cell = atOnce(() => (operation = call()));
  if (cell !== 'ok') return cell;
  operation.then(null, () => {});
  if (operation.status === AsyncStatus.started) return 'waits';
  return operation.status === AsyncStatus.completed ? 'ok' : `status ${operation.status}`;
}

/** The cell for a write. One that waits fails when the socket is closed. */
function written({ socket }, call) {
  let operation;
  const cell = ends(() => (operation = call()));
  if (cell === 'waits') {
    socket.close();
    waiting.push(
      operation.then(
        () => assert.fail('a write to a closed socket has succeeded'),
        (error) => assert.ok([RO_E_CLOSED, ERROR_OPERATION_ABORTED].includes(error.number), error.stack),
      ),
    );
  }
  return cell;
}

const waiting = [];

// PRJ-10, GEN-01, MSG-01: every cell of the table, in JavaScript.
test('sockets follow the table', async () => {
  const { states, rows } = table();
  const wrong = [];
  for (const [operation, ...cells] of rows) {
    for (const [index, expected] of cells.entries()) {
      const before = states[index];
      const found = await enter(before, operation);
      const cell = performed(operation, found, await pairFor(operation, found.socket));
      const after = stateOf(found);
      const [expectedCell, expectedAfter] = expected.startsWith('->')
        ? ['ok', expected.slice(2)]
        : [expected, before];
      const shown = expectedAfter.replace('BoundAdapter', 'Bound');
      const isRight =
        cell === expectedCell &&
        (cell === 'waits' || after === shown) &&
        (after !== 'Bound' || isOnAdapter(found.socket) === (expectedAfter === 'BoundAdapter'));
      if (!isRight) wrong.push(`${operation} in ${before}: ${cell}, and then ${after}; expected ${expected}`);
      found.socket.close();
    }
  }
  await Promise.all(waiting);
  assert.deepEqual(wrong, []);
});
