// An error that no handler of `done` takes, and one that a handler throws.

const { Windows } = require('../..');

const how = process.argv[2];
const socket = new Windows.Networking.Sockets.DatagramSocket();
const { HostName } = Windows.Networking;
process.on('uncaughtException', (error) => console.log('uncaught', error.message, error.number ?? ''));

if (how === 'unhandled') socket.connectAsync(new HostName('224.0.0.1'), '9').done();
if (how === 'thrown') {
  socket.connectAsync(new HostName('127.0.0.1'), '9').done(() => {
    socket.close();
    throw new Error('on purpose');
  });
}
if (how === 'canceled') {
  const { useResolver } = require('../..');
  // A name server that does not answer.
  const silent = require('node:dgram').createSocket('udp4');
  silent.bind(0, '127.0.0.1', () => {
    useResolver({ dnsServers: [`127.0.0.1:${silent.address().port}`], services: '' });
    const other = new Windows.Networking.Sockets.DatagramSocket();
    const operation = other.connectAsync(new HostName('a.test'), 'b');
    operation.done();
    operation.cancel();
    silent.close();
  });
}
if (how === 'chain') {
  process.on('unhandledRejection', (error) => console.log('rejection', error.number));
  socket.connectAsync(new HostName('224.0.0.1'), '9').then(() => {});
}
