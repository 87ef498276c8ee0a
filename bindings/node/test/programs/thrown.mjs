// A handler that throws, without a listener of `uncaughtException`: the process ends.

import udpair from '../../index.mjs';

const socket = await udpair.DatagramSocket.bind('127.0.0.1:0');
socket.on('message', () => {
  throw new Error('on purpose');
});
await socket.send('x', socket.local.port, '127.0.0.1');
