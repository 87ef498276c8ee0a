// Sends until it is ended: in batches, one by one, or paced.
//
//   node bench/flood.mjs KIND PORT BYTES

import { createRequire } from 'node:module';

const [kind, port, size] = process.argv.slice(2);
const { DatagramSocket } = createRequire(import.meta.url)('..');

const socket = await DatagramSocket.connect(`127.0.0.1:${port}`);
const bytes = Number(size);
const { output } = socket;
const run = Buffer.alloc(bytes * Math.min(64, Math.floor(65000 / bytes)));
const one = Buffer.alloc(bytes);

const kinds = {
  batch() {
    for (let i = 0; i < 16; i++) output.writeRun(run, bytes);
    setImmediate(kinds.batch);
  },
  plain() {
    for (let i = 0; i < 256; i++) output.write(one);
    setImmediate(kinds.plain);
  },
  // 100,000 in a second: what is due by now.
  paced() {
    const due = Math.floor(Number(process.hrtime.bigint() - started) / 1e4);
    for (; sent < due; sent++) output.write(one);
    setImmediate(kinds.paced);
  },
};

const started = process.hrtime.bigint();
let sent = 0;
kinds[kind]();
// The receiver's code is compiled while it warms up.
setTimeout(() => process.send('busy'), 500);
process.on('disconnect', () => process.exit());
