// The adapters of this machine, and their addresses.

import { adapters } from 'udpair';

for (const adapter of adapters()) {
  const addresses = adapter.addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  console.log(`${adapter.index} ${adapter.name} ${adapter.isUp ? 'up' : 'down'} ${addresses.join(' ')}`);
}
