// The package, for `import`: the names of `index.js`.

import udpair from './index.js';

export const {
  DatagramSocket,
  Message,
  OutputStream,
  Windows,
  adapters,
  networkAdapter,
  resolve,
  useResolver,
} = udpair;
export default udpair;
