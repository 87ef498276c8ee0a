// Writes the packages to publish: one with the native part of this platform, and the manifest of the
// main package that names those of all platforms.
//
//   npm run build:release && npm run packages
//
// The packages of the other platforms are written on those, and published before the main one.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

const PLATFORMS = [
  { os: 'linux', cpu: 'x64', libc: 'glibc', abi: 'gnu' },
  { os: 'linux', cpu: 'arm64', libc: 'glibc', abi: 'gnu' },
  { os: 'linux', cpu: 'x64', libc: 'musl', abi: 'musl' },
  { os: 'linux', cpu: 'arm64', libc: 'musl', abi: 'musl' },
  { os: 'darwin', cpu: 'x64' },
  { os: 'darwin', cpu: 'arm64' },
  { os: 'win32', cpu: 'x64' },
];

const nameOf = ({ os, cpu, abi }) => [os, cpu, abi].filter(Boolean).join('-');

const glibc = process.report.getReport().header.glibcVersionRuntime;
const here = PLATFORMS.find(
  ({ os, cpu, libc }) =>
    os === process.platform && cpu === process.arch && (!libc || (libc === 'glibc') === (glibc !== undefined)),
);
if (!here) throw new Error(`no package is published for ${process.platform} on ${process.arch}`);

const name = nameOf(here);
const target = join(folder, 'npm', name);
mkdirSync(target, { recursive: true });
copyFileSync(join(folder, 'udpair.node'), join(target, 'udpair.node'));
for (const licence of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(join(folder, licence), join(target, licence));
const { version, license, repository, engines } = manifest;
write(join(target, 'package.json'), {
  name: `@udpair/${name}`,
  version,
  description: `The native part of udpair for ${name}`,
  license,
  repository,
  engines,
  os: [here.os],
  cpu: [here.cpu],
  ...(here.libc ? { libc: [here.libc] } : {}),
  main: 'udpair.node',
  files: ['udpair.node', 'LICENSE-APACHE', 'LICENSE-MIT'],
});

const { devDependencies, scripts, ...published } = manifest;
void devDependencies;
void scripts;
write(join(folder, 'npm', 'package.json'), {
  ...published,
  optionalDependencies: Object.fromEntries(PLATFORMS.map((platform) => [`@udpair/${nameOf(platform)}`, version])),
});
console.log(`${target}\n${join(folder, 'npm', 'package.json')}: the manifest of the main package`);

function write(path, object) {
  writeFileSync(path, `${JSON.stringify(object, null, 2)}\n`);
}
