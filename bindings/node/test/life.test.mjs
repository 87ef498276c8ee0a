// What keeps a process running, and how sockets end with it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { run } from './support.mjs';

// Programs without libuv are served by a thread; that way is tested here, too.
const WAYS = [
  ['libuv', {}],
  ['a thread', { env: { ...process.env, UDPAIR_NODE_LIBUV: '0' } }],
];

const LIVES = {
  'never-bound': ['', 'a socket that was never bound does not keep the process running'],
  'failed-bind': ['-2147014847\n', 'nor does one whose bind has failed'],
  closed: ['', 'nor does one that was closed'],
  unref: ['', 'nor does one after unref'],
  'unref-before': ['', 'nor does one that is bound after unref'],
  'unref-node': ['', 'nor does one of the other face after unref'],
  open: ['open\n', 'a socket that is open keeps the process running'],
  'unread-node': ['open\n', 'also one whose messages nothing reads'],
};

for (const [way, options] of WAYS) {
  for (const [how, [output, what]] of Object.entries(LIVES)) {
    // CLS-01
    test(`${what}, with ${way}`, { timeout: 20_000 }, async () => {
      const found = await run('life.mjs', [how], options);
      assert.deepEqual([found.code, found.output, found.errors], [0, output, '']);
    });
  }

  // MSG-19, MSG-05: microtasks and ticks of an event run before the next one.
  test(`an error of a handler goes to uncaughtException, and later events come, with ${way}`, async () => {
    const { code, output } = await run('life.mjs', ['thrown'], options);
    const event = (count) => `tick ${count}\nmicrotask ${count}\n`;
    const expected = `uncaught on purpose\n${event(1)}event 2\n${event(2)}event 3\n${event(3)}`;
    assert.deepEqual([code, output], [0, expected]);
  });

  // CLS-05
  test(`process.exit ends a process under flood, with ${way}`, { timeout: 30_000 }, async () => {
    const { code, signal, errors } = await run('flooded.mjs', ['exit'], options);
    assert.deepEqual([code, signal, errors], [7, null, '']);
  });

  // CLS-05
  test(`a worker can be terminated under flood, with ${way}`, { timeout: 30_000 }, async () => {
    const { code, signal, output, errors } = await run('flooded.mjs', ['worker'], options);
    assert.deepEqual([code, signal, output, errors], [0, null, 'terminated\n', '']);
  });
}

// MSG-19
test('without a listener of uncaughtException, an error of a handler ends the process', async () => {
  const { code, errors } = await run('thrown.mjs');
  assert.equal(code, 1);
  assert.match(errors, /Error: on purpose/);
});

// CLS-01, CLS-04: descriptors and memory.
test('10,000 sockets leave nothing behind', { timeout: 120_000 }, async () => {
  const { code, output, errors } = await run('many.mjs', [], { execArgv: ['--expose-gc'] });
  assert.equal(code, 0, errors);
  const { descriptors, bytesPerSocket } = JSON.parse(output);
  assert.equal(descriptors, 0);
  assert.ok(bytesPerSocket < 1500, `${bytesPerSocket} bytes for each socket`);
});

const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { Windows } = require(workerData);
  const { DatagramSocket } = Windows.Networking.Sockets;
  const local = new Windows.Networking.HostName('127.0.0.1');
  const socket = new DatagramSocket();
  socket.onmessagereceived = (event) => {
    const reader = event.getDataReader();
    parentPort.postMessage(reader.readString(reader.unconsumedBufferLength));
    socket.close();
  };
  socket.bindEndpointAsync(local, '').done(() => {
    const sender = new DatagramSocket();
    sender.getOutputStreamAsync(local, socket.information.localPort).done((stream) => {
      stream.writeAsync(Buffer.from('in a worker')).done(() => sender.close());
    });
  });
`;

// GEN-06: each thread has its own runtime, and they come and go.
test('workers have sockets of their own', async () => {
  for (let round = 0; round < 3; round++) {
    const workers = Array.from({ length: 4 }, () => {
      const options = { eval: true, workerData: new URL('../index.js', import.meta.url).pathname };
      const worker = new Worker(WORKER, options);
      return new Promise((resolve, reject) => {
        let text;
        worker.on('message', (message) => (text = message));
        worker.on('error', reject);
        worker.on('exit', (code) => resolve([code, text]));
      });
    });
    assert.deepEqual(await Promise.all(workers), Array(4).fill([0, 'in a worker']));
  }
});
