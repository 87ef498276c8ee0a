// Sends datagrams of 64 bytes to a socket that nothing reads, and prints how many a CPU second sends.
//
//   node bench/send.mjs IMPLEMENTATION KIND SECONDS

import { createRequire } from 'node:module';
import dgram from 'node:dgram';
import { once } from 'node:events';

const [implementation, kind, seconds] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const udpair = require('..');

// The same sink for all: one that the system hands whole batches to. What nothing reads is dropped.
const sink = await udpair.DatagramSocket.bind('127.0.0.1:0');
const { port } = sink.address();
const one = Buffer.alloc(64);

async function dgramSocket() {
  const socket = dgram.createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

const senders = {
  async dgram() {
    const socket = await dgramSocket();
    return {
      // The last callback says that all were sent.
      loop: (count) =>
        new Promise((resolve) => {
          for (let i = 1; i < count; i++) socket.send(one);
          socket.send(one, resolve);
        }),
      awaited: async (count) => {
        for (let i = 0; i < count; i++) await new Promise((resolve) => socket.send(one, resolve));
      },
      batch: (count) => senders.loopOf(socket, count),
    };
  },
  loopOf: (socket, count) =>
    new Promise((resolve) => {
      for (let i = 1; i < count; i++) socket.send(one);
      socket.send(one, resolve);
    }),
  async udpair() {
    const { output } = await udpair.DatagramSocket.connect(`127.0.0.1:${port}`);
    const run = Buffer.alloc(64 * 64);
    return {
      loop: (count) => {
        for (let i = 0; i < count; i++) output.write(one);
      },
      awaited: async (count) => {
        for (let i = 0; i < count; i++) await output.send(one);
      },
      batch: (count) => {
        for (let i = 0; i < count; i += 64) output.writeRun(run, 64);
      },
    };
  },
  async windows() {
    const { Windows } = udpair;
    const socket = new Windows.Networking.Sockets.DatagramSocket();
    await socket.connectAsync(new Windows.Networking.HostName('127.0.0.1'), String(port));
    const { outputStream } = socket;
    return {
      loop: (count) => {
        for (let i = 0; i < count; i++) outputStream.tryWrite(one);
      },
      awaited: async (count) => {
        for (let i = 0; i < count; i++) await outputStream.writeAsync(one);
      },
    };
  },
};

const send = (await senders[implementation]())[kind];
const COUNT = 6400;
await send(COUNT);
const before = process.cpuUsage();
const started = process.hrtime.bigint();
let sent = 0;
while (Number(process.hrtime.bigint() - started) < Number(seconds) * 1e9) {
  await send(COUNT);
  sent += COUNT;
}
const { user, system } = process.cpuUsage(before);
process.send({ value: sent / ((user + system) / 1e6) }, () => process.exit());
