// Measures the package beside node:dgram, in shuffled order, and prints a table.
//
//   node bench/run.mjs [--seconds S] [--repetitions N] [--json FILE]
//
// Receiving counts events for each second of the receiver's processor time; sending and echo count what
// they say. Only ratios within one run mean something. The processes are neither pinned nor given a
// priority: the compiler threads of V8 would not run.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '1' },
    repetitions: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
});
const seconds = Number(values.seconds);

const script = (name) => fileURLToPath(new URL(name, import.meta.url));

async function message(child) {
  const [result] = await once(child, 'message');
  return result;
}

/** Receives from a sender, and returns events for each CPU second. */
function receiving(kind, bytes, state = '') {
  return async (implementation) => {
    const receiver = fork(script('receive.mjs'), [implementation, String(seconds), state]);
    const { port } = await message(receiver);
    const sender = fork(script('flood.mjs'), [kind, String(port), String(bytes)]);
    await message(sender);
    receiver.send('go');
    const { events, cpu } = await message(receiver);
    sender.kill();
    return { value: events / cpu };
  };
}

/** Sends in a loop, and returns datagrams for each second. */
function sending(kind) {
  return async (implementation) => {
    const child = fork(script('send.mjs'), [implementation, kind, String(seconds)]);
    return message(child);
  };
}

/** Echoes, and returns round trips for each second, or the median of their times. */
function echoing(inFlight) {
  return async (implementation) => {
    const server = fork(script('echo.mjs'), [implementation]);
    const { port } = await message(server);
    const client = fork(script('ask.mjs'), [String(port), String(inFlight), String(seconds)]);
    const { p50, perSecond, trips } = await message(client);
    server.send('stop');
    const { cpu } = await message(server);
    client.kill();
    return { value: inFlight === 1 ? p50 : perSecond, cpu: (cpu / trips) * 1e6 };
  };
}

const FACES = ['dgram', 'udpair', 'windows'];
const SENDS = ['dgram', 'udpair', 'windows'];

const WORKLOADS = [
  ['receive 64 B, batching sender', 'events/CPU s', FACES, receiving('batch', 64)],
  ['receive 1,200 B, batching sender', 'events/CPU s', FACES, receiving('batch', 1200)],
  ['receive 64 B, plain sender', 'events/CPU s', FACES, receiving('plain', 64)],
  ['receive 1,200 B, plain sender', 'events/CPU s', FACES, receiving('plain', 1200)],
  ['receive 64 B, plain sender, receiver behind', 'events/CPU s', FACES, receiving('plain', 64, 'behind')],
  ['receive 1,200 B, plain sender, receiver behind', 'events/CPU s', FACES, receiving('plain', 1200, 'behind')],
  ['receive 64 B, 100,000/s', 'events/CPU s', FACES, receiving('paced', 64)],
  ['echo, 1 in flight', 'p50 us', FACES, echoing(1)],
  ['echo, 64 in flight', 'round trips/s', FACES, echoing(64)],
  ['send 64 B in a loop', 'datagrams/CPU s', SENDS, sending('loop')],
  ['send 64 B in a loop, awaited', 'datagrams/CPU s', SENDS, sending('awaited')],
  ['send 64 B in batches', 'datagrams/CPU s', ['dgram', 'udpair'], sending('batch')],
];

const runs = [];
for (let i = 0; i < Number(values.repetitions); i++) {
  for (const [name, , implementations, measure] of WORKLOADS) {
    for (const implementation of implementations) runs.push({ name, implementation, measure });
  }
}
for (let i = runs.length - 1; i > 0; i--) {
  const j = Math.floor(Math.random() * (i + 1));
  [runs[i], runs[j]] = [runs[j], runs[i]];
}

/** @type {Map<string, Array<{ value: number, cpu?: number }>>} */
const results = new Map();
for (const [index, { name, implementation, measure }] of runs.entries()) {
  process.stderr.write(`\r${index + 1}/${runs.length} ${name}, ${implementation}`.padEnd(78));
  const key = `${name}|${implementation}`;
  results.set(key, [...(results.get(key) ?? []), await measure(implementation)]);
}
process.stderr.write('\r'.padEnd(79) + '\r');

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

console.log(`Node.js ${process.version}, medians of ${values.repetitions} runs of ${seconds} s\n`);
console.log('| workload | unit | dgram | udpair | x dgram | Windows | x dgram |');
console.log('|---|---|---:|---:|---:|---:|---:|');
const table = [];
for (const [name, unit, implementations] of WORKLOADS) {
  const of = (implementation, field) =>
    implementations.includes(implementation)
      ? median(results.get(`${name}|${implementation}`).map((result) => result[field] ?? NaN))
      : NaN;
  const row = (label, label2, field) => {
    const [dgram, udpair, windows] = FACES.map((implementation) => of(implementation, field));
    const text = (value) => (Number.isNaN(value) ? '' : value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en'));
    const ratio = (value) => (Number.isNaN(value) ? '' : (value / dgram).toFixed(2));
    console.log(
      `| ${label} | ${label2} | ${text(dgram)} | ${text(udpair)} | ${ratio(udpair)} | ${text(windows)} | ${ratio(windows)} |`,
    );
    table.push({ name: label, unit: label2, dgram, udpair, windows });
  };
  row(name, unit, 'value');
  if (name.startsWith('echo')) row(`${name}: server`, 'CPU us each', 'cpu');
}
if (values.json) writeFileSync(values.json, JSON.stringify(table, null, 2));
