// The face for programs that are not written for the object model.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import udpair, { DatagramSocket, Message, adapters, resolve } from '../index.mjs';
import { start } from '../examples/environment.mjs';
import { peer, sendTo } from './support.mjs';

test('both kinds of modules have the same objects', async () => {
  const required = createRequire(import.meta.url)('..');
  assert.equal(required.Windows, udpair.Windows);
  const names = Object.keys(await import('../index.mjs')).filter((name) => name !== 'default');
  assert.deepEqual(names.sort(), Object.keys(required).sort());
});

test('messages come to a listener and to a loop', async () => {
  const server = await DatagramSocket.bind('127.0.0.1:0');
  const client = await DatagramSocket.connect(`127.0.0.1:${server.local.port}`);
  server.on('message', (message) => message.reply(`${message} back`));
  assert.equal(await client.send('one'), 3);
  assert.equal(client.output.write('two'), 3);
  const texts = [];
  for await (const message of client) {
    assert.ok(message instanceof Message);
    assert.deepEqual(message.remote, server.local);
    assert.deepEqual([message.local, message.isTruncated, message.droppedBefore], ['127.0.0.1', false, 0]);
    texts.push(message.toString());
    if (texts.length === 2) break;
  }
  assert.deepEqual(texts, ['one back', 'two back']);
  client.close();
  server.close();
});

test('what a message has is read when it is asked for', async () => {
  const socket = await DatagramSocket.bind('[::1]:0', { hopLimit: 33 });
  const message = once(socket, 'message');
  await socket.send(Buffer.from([1, 2, 3]), socket.local.port, '::1');
  const [received] = await message;
  socket.close();
  assert.deepEqual([...received.payload], [1, 2, 3]);
  assert.equal(received.payload, received.payload);
  assert.deepEqual([received.address, received.family, received.size, received.hopLimit], ['::1', 'IPv6', 3, 33]);
  assert.equal(received.adapter, adapters().find((adapter) => adapter.isLoopback).index);
});

test('large messages have memory of their own', async () => {
  const socket = await DatagramSocket.bind('127.0.0.1:0', { inboundBufferBytes: 212992 });
  const payload = Buffer.alloc(60000, 'x');
  const messages = [];
  const done = new Promise((resolve) => {
    socket.on('message', (message) => {
      messages.push(message);
      if (messages.length === 4) resolve();
    });
  });
  for (let i = 0; i < 4; i++) {
    payload[0] = i;
    await socket.send(i % 2 ? payload : payload.subarray(0, 100), socket.local.port, '127.0.0.1');
  }
  await done;
  messages.forEach((message, i) => {
    assert.equal(message.payload.length, i % 2 ? 60000 : 100);
    assert.equal(message.payload[0], i);
    assert.ok(message.payload.subarray(1).every((byte) => byte === 0x78));
  });
  socket.close();
});

test('messages that nothing reads wait in the system', async () => {
  const sender = await peer();
  const socket = await DatagramSocket.bind('127.0.0.1:0');
  for (const text of ['a', 'b', 'c']) await sendTo(sender, socket.local.port, text);
  // They come to whatever asks first, in order.
  const texts = [];
  for await (const message of socket) {
    texts.push(message.toString());
    if (texts.length === 3) break;
  }
  assert.deepEqual(texts, ['a', 'b', 'c']);
  socket.close();
  sender.close();
});

test('a queue that is full pauses, or drops and counts', async () => {
  for (const overflow of ['pause', 'dropNewest', 'dropOldest']) {
    const sender = await peer();
    const socket = await DatagramSocket.bind('127.0.0.1:0', { queueMessages: 2, overflow });
    const loop = socket[Symbol.asyncIterator]();
    const fence = new Promise((resolve) => socket.on('message', (message) => `${message}` === '4' && resolve()));
    for (let i = 0; i < 5; i++) await sendTo(sender, socket.local.port, String(i));
    const take = async (count) => {
      const texts = [];
      while (texts.length < count) texts.push((await loop.next()).value.toString());
      return texts;
    };
    if (overflow === 'pause') {
      assert.deepEqual(await take(5), ['0', '1', '2', '3', '4']);
      assert.equal(socket.queueDropped, 0);
    } else {
      await fence;
      assert.equal(socket.queueDropped, 3);
      assert.deepEqual(await take(2), overflow === 'dropNewest' ? ['0', '1'] : ['3', '4']);
    }
    socket.close();
    assert.deepEqual(await loop.next(), { value: undefined, done: true });
    sender.close();
  }
});

test('one call sends many datagrams', async () => {
  const socket = await DatagramSocket.bind('127.0.0.1:0');
  const output = await socket.outputTo(`127.0.0.1:${socket.local.port}`);
  assert.equal(await output.sendBatch(['a', Buffer.from('bb'), '']), 3);
  assert.equal(await output.sendRun(Buffer.from('ccddeef'), 2), 4);
  assert.equal(output.writeRun(Buffer.from('gghh'), 2), 2);
  const texts = [];
  for await (const message of socket) {
    texts.push(message.toString());
    if (texts.length === 9) break;
  }
  assert.deepEqual(texts, ['a', 'bb', '', 'cc', 'dd', 'ee', 'f', 'gg', 'hh']);
  socket.close();
});

test('a send to a name, a port that is a service, and a callback', async () => {
  const receiver = dgram.createSocket('udp4');
  receiver.bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  const { port } = receiver.address();
  const socket = new DatagramSocket({ resolver: { family: 4 }, ttl: 9, recvBufferSize: 20000 });
  const messages = [];
  receiver.on('message', (message) => messages.push(message.toString()));
  assert.equal(await socket.send('name', port, 'localhost'), 4);
  const bytes = await new Promise((resolve, reject) => {
    socket.send('callback', String(port), '127.0.0.1', (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
  assert.equal(bytes, 8);
  while (messages.length < 2) await once(receiver, 'message');
  assert.deepEqual(messages, ['name', 'callback']);
  const options = Object.fromEntries(socket.options().map((option) => [option.option, option]));
  assert.match(options.HopLimit.requested, /9/);
  assert.equal(socket.statistics().datagramsSent, 2);
  socket.close();
  receiver.close();
});

test('errors of the network are events, and do not end a loop', async () => {
  const closed = await peer();
  await new Promise((resolve) => closed.close(resolve));
  const socket = await DatagramSocket.bind('127.0.0.1:0');
  socket.on('message', () => {});
  const event = once(socket, 'peerError');
  await socket.send('lost', Number(closed.port), '127.0.0.1');
  const [error] = await event;
  assert.deepEqual([error.code, error.address, error.port], ['ECONNREFUSED', '127.0.0.1', Number(closed.port)]);
  socket.close();
});

test('a signal ends what waits', async () => {
  const silent = await peer();
  const resolver = { dnsServers: [`127.0.0.1:${silent.port}`], services: '' };
  const controller = new AbortController();
  const waiting = resolve('a.test:service', { ...resolver, signal: controller.signal });
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(waiting, reason);
  await assert.rejects(resolve('a.test:service', { ...resolver, signal: controller.signal }), reason);

  const closing = new AbortController();
  const socket = await DatagramSocket.bind('127.0.0.1:0', { signal: closing.signal });
  const loop = socket[Symbol.asyncIterator]();
  const next = loop.next();
  const closed = once(socket, 'close');
  closing.abort();
  assert.deepEqual(await next, { value: undefined, done: true });
  await closed;
  assert.ok(socket.isClosed);
  silent.close();
});

test('a socket is disposed of at the end of a block', async () => {
  const socket = await DatagramSocket.bind('127.0.0.1:0');
  const { port } = socket.local;
  socket[Symbol.dispose]();
  // The port is free.
  const other = await DatagramSocket.bind(`127.0.0.1:${port}`);
  await other[Symbol.asyncDispose]();
  assert.ok(other.isClosed);
});

test('errors are those that programs of Node.js expect', async () => {
  const socket = await DatagramSocket.bind('127.0.0.1:0');
  await assert.rejects(DatagramSocket.bind(`127.0.0.1:${socket.local.port}`), { code: 'EADDRINUSE', errno: -98 });
  const { resolver, stop } = await start();
  await assert.rejects(DatagramSocket.connect('unknown.test:9', { resolver }), { code: 'ENOTFOUND' });
  stop();
  await assert.rejects(socket.send(Buffer.alloc(70000), 9, '127.0.0.1'), { code: 'EMSGSIZE' });
  await assert.rejects(socket.send(7), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => new DatagramSocket({ hopLimit: 300 }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => new DatagramSocket().address(), { code: 'ERR_INVALID_STATE' });
  socket.close();
  await assert.rejects(socket.send('x'), { code: 'ERR_SOCKET_CLOSED' });
});

test('a group can be joined and left', async () => {
  const socket = await DatagramSocket.bind(':0');
  const loopback = adapters().find((adapter) => adapter.isLoopback);
  await socket.joinMulticast('239.255.77.5', { adapter: loopback.name });
  socket.leaveMulticast('239.255.77.5', { adapter: loopback.name });
  assert.throws(() => socket.leaveMulticast('239.255.77.5', { adapter: loopback.name }));
  socket.close();
});
