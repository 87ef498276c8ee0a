// The examples run, and print what they say.

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../examples/', import.meta.url));

const EXPECTED = {
  'adapters.mjs': /^1 lo up /m,
  'batches.mjs': /^1000 datagrams in fewer calls$/m,
  'connect.mjs': /^connected to 127\.0\.0\.1 port (\d+)\nsent 5 bytes\nreceived "hello" from 127\.0\.0\.1 port \1$/m,
  'multicast.mjs': /^socket [01]: Hello\nsocket [01]: Hello$/m,
  'node.mjs': /^three came to 127\.0\.0\.1 with 128 hops left\n3 received$/m,
};

test('every example is run', () => {
  const found = readdirSync(folder).filter((name) => name !== 'environment.mjs');
  assert.deepEqual(found.sort(), Object.keys(EXPECTED));
});

for (const [name, expected] of Object.entries(EXPECTED)) {
  test(`${name} runs`, { timeout: 30_000 }, async () => {
    const child = fork(folder + name, [], { silent: true });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
    const [code] = await once(child, 'close');
    assert.equal(code, 0, output);
    assert.match(output, expected);
  });
}
