// Builds the native part by cargo, and puts it where `lib/native.js` looks for it.
//
//   node scripts/build.mjs [--release]

import { spawnSync } from 'node:child_process';
import { copyFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const isRelease = process.argv.includes('--release');

const cargo = spawnSync(
  process.env.CARGO ?? 'cargo',
  [
    'build',
    '--package',
    'udpair-node',
    '--locked',
    '--message-format=json-render-diagnostics',
    ...(isRelease ? ['--release'] : []),
  ],
  { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28, encoding: 'utf8' },
);
if (cargo.error) throw cargo.error;
if (cargo.status !== 0) process.exit(cargo.status ?? 1);

const library = cargo.stdout
  .split('\n')
  .filter((line) => line.startsWith('{'))
  .map((line) => JSON.parse(line))
  .filter((message) => message.reason === 'compiler-artifact')
  .filter((message) => message.target.name === 'udpair_node' && message.target.kind.includes('cdylib'))
  .flatMap((message) => message.filenames)
  .find((name) => /\.(so|dylib|dll)$/.test(name));
if (!library) throw new Error('cargo has built no library');

// Renamed into its place: a program that has the old one loaded keeps it.
const target = join(folder, 'udpair.node');
copyFileSync(library, `${target}.new`);
renameSync(`${target}.new`, target);
console.log(`${target} (${isRelease ? 'release' : 'debug'})`);
