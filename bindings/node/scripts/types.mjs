// Finishes the declarations that tsc has made of the JSDoc comments: those for `import` have the same
// names, and both have the types of options.

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';

const types = new URL('../types/', import.meta.url);
const OPTIONS = `
export type { Adapter } from './lib/resolve.js';
export type { Address } from './lib/message.js';
export type { Local, Remote, SocketEvents, SocketOptions, Statistics } from './lib/socket.js';
export type { ResolverOptions } from './lib/resolver.js';
export type { UdpairError } from './lib/failure.js';
`;

const index = readFileSync(new URL('../index.js', import.meta.url), 'utf8');
const exported = /module\.exports = \{([^}]*)\}/.exec(index)[1];
const names = exported.split(',').map((name) => name.trim()).filter(Boolean);

appendFileSync(new URL('index.d.ts', types), OPTIONS);
writeFileSync(
  new URL('index.d.mts', types),
  `import * as udpair from './index.js';
export { ${names.join(', ')} } from './index.js';
${OPTIONS}export default udpair;
`,
);
