// Echoes until it is told to stop, and prints the processor time that it took.
//
//   node bench/echo.mjs IMPLEMENTATION

import { createRequire } from 'node:module';
import dgram from 'node:dgram';

const require = createRequire(import.meta.url);

const implementations = {
  dgram() {
    const socket = dgram.createSocket('udp4');
    socket.on('message', (message, from) => socket.send(message, from.port, from.address));
    return new Promise((resolve) => {
      socket.bind(0, '127.0.0.1', () => resolve(socket.address().port));
    });
  },
  async udpair() {
    const socket = await require('..').DatagramSocket.bind('127.0.0.1:0');
    socket.on('message', (message) => message.reply(message.payload));
    return socket.local.port;
  },
  async windows() {
    const { Windows } = require('..');
    const socket = new Windows.Networking.Sockets.DatagramSocket();
    // As the public sample does: a stream for each sender, which is kept.
    const streams = new Map();
    socket.onmessagereceived = (event) => {
      const buffer = event.getDataReader().detachBuffer();
      const stream = streams.get(event.remotePort);
      if (stream !== undefined) {
        stream.tryWrite(buffer);
        return;
      }
      socket.getOutputStreamAsync(event.remoteAddress, event.remotePort).done((made) => {
        streams.set(event.remotePort, made);
        made.writeAsync(buffer);
      });
    };
    await socket.bindEndpointAsync(new Windows.Networking.HostName('127.0.0.1'), '');
    return Number(socket.information.localPort);
  },
};

process.send({ port: await implementations[process.argv[2]]() });
const before = process.cpuUsage();
process.on('message', () => {
  const { user, system } = process.cpuUsage(before);
  process.send({ cpu: (user + system) / 1e6 }, () => process.exit());
});
