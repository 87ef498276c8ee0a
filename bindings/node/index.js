'use strict';

// The package, for `require`. `index.mjs` has the same names for `import`.

const { Windows } = require('./lib/windows.js');
const { DatagramSocket } = require('./lib/socket.js');
const { Message } = require('./lib/message.js');
const { OutputStream } = require('./lib/output.js');
const { adapters, networkAdapter, resolve, useResolver } = require('./lib/resolve.js');

module.exports = {
  DatagramSocket,
  Message,
  OutputStream,
  Windows,
  adapters,
  networkAdapter,
  resolve,
  useResolver,
};
