// The client of an echo: the same for all servers.
//
//   node bench/ask.mjs PORT IN_FLIGHT SECONDS

import { createRequire } from 'node:module';

const [port, inFlight, seconds] = process.argv.slice(2).map(Number);
const { DatagramSocket } = createRequire(import.meta.url)('..');

const socket = await DatagramSocket.connect(`127.0.0.1:${port}`);
const { output } = socket;
const times = [];
const payload = Buffer.alloc(64);
let trips = 0;
let sentAt = 0n;

socket.on('message', () => {
  trips += 1;
  if (inFlight === 1) {
    const now = process.hrtime.bigint();
    times.push(Number(now - sentAt));
    sentAt = now;
  }
  output.write(payload);
});

const started = process.hrtime.bigint();
sentAt = started;
for (let i = 0; i < inFlight; i++) output.write(payload);

setTimeout(() => {
  const elapsed = Number(process.hrtime.bigint() - started) / 1e9;
  times.sort((a, b) => a - b);
  const p50 = (times[Math.floor(times.length / 2)] ?? 0) / 1e3;
  process.send({ p50, perSecond: trips / elapsed, trips });
}, seconds * 1000);
