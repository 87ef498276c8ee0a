// Receives for a while, and prints how many events there were and what they cost.
//
//   node bench/receive.mjs IMPLEMENTATION SECONDS

import { createRequire } from 'node:module';
import dgram from 'node:dgram';

const [implementation, seconds, state] = process.argv.slice(2);
const isBehind = state === 'behind';
const require = createRequire(import.meta.url);

let events = 0;
let bytes = 0;

const BUFFER_BYTES = 4 << 20;

const implementations = {
  dgram() {
    const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES });
    socket.on('message', (message) => {
      events += 1;
      bytes += message.length;
    });
    return new Promise((resolve) => {
      socket.bind(0, '127.0.0.1', () => resolve(socket.address().port));
    });
  },
  async udpair() {
    const { DatagramSocket } = require('..');
    const socket = await DatagramSocket.bind('127.0.0.1:0', { inboundBufferBytes: BUFFER_BYTES });
    socket.on('message', (message) => {
      events += 1;
      bytes += message.payload.length;
    });
    return socket.local.port;
  },
  async windows() {
    const { Windows } = require('..');
    const socket = new Windows.Networking.Sockets.DatagramSocket();
    socket.control.inboundBufferSizeInBytes = BUFFER_BYTES;
    socket.onmessagereceived = (event) => {
      events += 1;
      bytes += event.getDataReader().unconsumedBufferLength;
    };
    await socket.bindEndpointAsync(new Windows.Networking.HostName('127.0.0.1'), '');
    return Number(socket.information.localPort);
  },
};

process.send({ port: await implementations[implementation]() });

// A program that is behind: it sleeps for 3 of 6 ms, and then finds a queue.
if (isBehind) {
  const never = new Int32Array(new SharedArrayBuffer(4));
  setInterval(() => Atomics.wait(never, 0, 0, 3), 6);
}

process.on('message', () => {
  events = 0;
  bytes = 0;
  const before = process.cpuUsage();
  const started = process.hrtime.bigint();
  setTimeout(() => {
    const { user, system } = process.cpuUsage(before);
    const elapsed = Number(process.hrtime.bigint() - started) / 1e9;
    process.send({ events, bytes, seconds: elapsed, cpu: (user + system) / 1e6, user: user / 1e6 });
    process.exit();
  }, seconds * 1000);
});
