// Opens and closes 10,000 sockets, a hundred at a time, and prints what is left of them.

import { readdirSync } from 'node:fs';
import udpair from '../../index.mjs';

const { Windows, DatagramSocket } = udpair;
const local = new Windows.Networking.HostName('127.0.0.1');

async function round(count) {
  const sockets = Array.from({ length: count }, (_, i) => {
    const socket = i % 2 ? new Windows.Networking.Sockets.DatagramSocket() : new DatagramSocket();
    if (i % 2) socket.onmessagereceived = () => {};
    else socket.on('message', () => {});
    return socket;
  });
  await Promise.all(
    sockets.map((socket, i) => (i % 2 ? socket.bindEndpointAsync(local, '') : socket.bind('127.0.0.1:0'))),
  );
  // Each receives a datagram, so that all of a socket has been in use.
  await Promise.all(sockets.filter((_, i) => i % 2 === 0).map((socket) => socket.send('x', socket.local.port, '127.0.0.1')));
  sockets.forEach((socket) => socket.close());
  // The event loop closes its handles.
  await new Promise((resolve) => setImmediate(resolve));
}

const descriptors = () => readdirSync('/proc/self/fd').length;

async function settled() {
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// Whatever is made once has been made after a few rounds.
for (let i = 0; i < 20; i++) await round(100);
await settled();
const before = { rss: process.memoryUsage.rss(), descriptors: descriptors() };
for (let i = 0; i < 80; i++) await round(100);
await settled();
const grown = process.memoryUsage.rss() - before.rss;
console.log(JSON.stringify({ descriptors: descriptors() - before.descriptors, bytesPerSocket: Math.round(grown / 8000) }));
