// The line of the reference page, and programs as people wrote them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  DataReader,
  DataWriter,
  DatagramSocket,
  EndpointPair,
  HostName,
  WSAEADDRINUSE,
  Windows,
  events,
  failsWith,
  loopback,
  peer,
  run,
  sendTo,
  textOf,
} from './support.mjs';

const { SocketError, SocketErrorStatus } = Windows.Networking.Sockets;

// PRJ-01: `datagramSocket.connectAsync(endpointPair).done(ok, err)`, without WinJS.
test('the line of the page runs', async () => {
  const { code, output, errors } = await run('winjs.cjs', ['plain']);
  assert.deepEqual([code, output, errors], [0, 'connected 9\nfailed true\n', '']);
});

// PRJ-01: the same, with the winjs package: its `join`, `as` and chains take our promises.
test('the line of the page runs with the winjs package', async () => {
  const { code, output, errors } = await run('winjs.cjs', ['winjs']);
  assert.deepEqual([code, output, errors], [0, 'joined true\nconnected 9\nfailed true\n', '']);
});

// PRJ-01: `done` gives an error that has no handler to `uncaughtException`.
test('done rethrows what no handler takes', async () => {
  const { output } = await run('done.cjs', ['unhandled']);
  assert.match(output, /^uncaught cannot connect .* -2147013895\n$/);
});

// PRJ-01
test('done rethrows what a handler throws', async () => {
  assert.equal((await run('done.cjs', ['thrown'])).output, 'uncaught on purpose \n');
});

// PRJ-01, GEN-05: that an operation was cancelled is not an error that ends a program.
test('done does not rethrow that an operation was cancelled', async () => {
  const { code, output } = await run('done.cjs', ['canceled']);
  assert.deepEqual([code, output], [0, '']);
});

// PRJ-01
test('a chain without a handler for errors reports the error as the language does', async () => {
  assert.equal((await run('done.cjs', ['chain'])).output, 'rejection -2147013895\n');
});

/** Binds a socket as the public sample does, and returns it with the texts that arrive. */
async function listener(bind) {
  const socket = new DatagramSocket();
  const next = events(socket);
  await bind(socket);
  return { socket, next };
}

// MSG-08, DW-08: the first four scenarios of the public sample: start the listener, connect to it, send
// data, and close.
test('a client sends text to a listener, which answers', async () => {
  const { socket: server, next } = await listener((socket) => socket.bindServiceNameAsync(''));
  const client = new DatagramSocket();
  const answers = events(client);
  await client.connectAsync(new HostName('localhost'), server.information.localPort);
  const writer = new DataWriter(client.outputStream);
  const text = "hello from WinRT";
  writer.writeString(text);
  assert.equal(await writer.storeAsync(), text.length);
  const event = await next();
  assert.equal(textOf(event), text);
  assert.equal(event.remotePort, client.information.localPort);
  // The listener echoes, as the sample does: by a stream to the sender.
  const stream = await server.getOutputStreamAsync(event.remoteAddress, event.remotePort);
  await stream.writeAsync(DataReader.fromBuffer(new TextEncoder().encode('echo')).detachBuffer());
  assert.equal(textOf(await answers()), 'echo');
  writer.close();
  client.close();
  server.close();
});

// MCG-13, CTL-12: the fifth scenario: multicast, on the adapter of the internet profile where there is
// one, with a port that two sockets share.
test('two sockets of one port receive a multicast', async (t) => {
  const { NetworkInformation } = Windows.Networking.Connectivity;
  const profile = NetworkInformation.getInternetConnectionProfile();
  const port = await unusedPort();
  const group = new HostName('224.3.0.5');
  const sockets = [];
  const waiting = [];
  for (let i = 0; i < 2; i++) {
    const socket = new DatagramSocket();
    socket.control.multicastOnly = true;
    waiting.push(events(socket));
    if (profile === null) await socket.bindServiceNameAsync(port);
    else await socket.bindServiceNameAsync(port, profile.networkAdapter);
    socket.joinMulticastGroup(group);
    sockets.push(socket);
  }
  const stream = await sockets[0].getOutputStreamAsync(group, port);
  const writer = new DataWriter(stream);
  writer.writeString('Hello');
  await writer.storeAsync();
  assert.deepEqual((await Promise.all(waiting.map((next) => next()))).map(textOf), ['Hello', 'Hello']);
  sockets.forEach((socket) => socket.close());
  t.diagnostic(profile === null ? 'no adapter' : profile.profileName);
});

async function unusedPort() {
  const socket = await peer();
  await new Promise((resolve) => socket.close(resolve));
  return socket.port;
}

// PRJ-01: a bind with handlers for its end, an error and its progress.
test('done takes a handler for the progress', async () => {
  const socket = new DatagramSocket();
  await new Promise((resolve, reject) => {
    const result = socket.bindEndpointAsync(loopback, '').done(resolve, reject, () => {});
    assert.equal(result, undefined);
  });
  const other = new DatagramSocket();
  const error = await new Promise((resolve, reject) => {
    other.bindEndpointAsync(loopback, socket.information.localPort).done(reject, resolve, () => {});
  });
  assert.equal(error.number, WSAEADDRINUSE);
  assert.equal(SocketError.getStatus(error.number), SocketErrorStatus.addressAlreadyInUse);
  socket.close();
});

// MSG-22: text as a buffer that is written as it is.
test('a buffer of text is a datagram', async () => {
  const { CryptographicBuffer, BinaryStringEncoding } = Windows.Security.Cryptography;
  const { socket, next } = await listener((socket) => socket.bindEndpointAsync(loopback, ''));
  const buffer = CryptographicBuffer.convertStringToBinary('M-SEARCH * HTTP/1.1\r\n', BinaryStringEncoding.utf8);
  const client = new DatagramSocket();
  const stream = await client.getOutputStreamAsync(loopback, socket.information.localPort);
  assert.equal(await stream.writeAsync(buffer), buffer.length);
  const event = await next();
  const text = CryptographicBuffer.convertBinaryToString(0, event.getDataReader().detachBuffer());
  assert.equal(text, 'M-SEARCH * HTTP/1.1\r\n');
  client.close();
  socket.close();
});

// DR-07, MSG-19: a handler that reads more than there is fails, and later events still come.
test('an event whose text is read with a wrong length does not end the events', async () => {
  const sender = await peer();
  const socket = new DatagramSocket();
  const errors = [];
  const last = new Promise((resolve) => {
    socket.addEventListener('messagereceived', (event) => {
      const reader = event.getDataReader();
      try {
        reader.readString(5);
      } catch (error) {
        errors.push(error.number);
        resolve(reader.readString(3));
      }
    });
  });
  await socket.bindEndpointAsync(loopback, '');
  await sendTo(sender, socket.information.localPort, 'right');
  await sendTo(sender, socket.information.localPort, 'bad');
  assert.equal(await last, 'bad');
  assert.deepEqual(errors, [0x8000000b | 0]);
  sender.close();
  socket.close();
});

// CON-11: programs walk a list of endpoint pairs until one connects.
test('a list of endpoint pairs is walked', async () => {
  const server = await peer();
  const pairs = await DatagramSocket.getEndpointPairsAsync(new HostName('localhost'), server.port);
  assert.ok(pairs.length > 0 && pairs.every((pair) => pair instanceof EndpointPair));
  const socket = new DatagramSocket();
  await failsWith(-2147014847, socket.connectAsync(loopback, '0'));
  const pair = pairs.find((pair) => pair.remoteHostName.type === Windows.Networking.HostNameType.ipv4);
  assert.equal(pair.localServiceName, '0');
  await socket.connectAsync(pair);
  assert.equal(socket.information.remotePort, server.port);
  socket.close();
  server.close();
});
