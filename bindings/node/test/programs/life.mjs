// What keeps a process running.

import udpair from '../../index.mjs';

const { Windows, DatagramSocket } = udpair;
const { HostName } = Windows.Networking;
const how = process.argv[2];
const socket = new Windows.Networking.Sockets.DatagramSocket();
const local = new HostName('127.0.0.1');

const programs = {
  'never-bound': () => {},
  async 'failed-bind'() {
    await socket.bindEndpointAsync(new HostName('192.0.2.1'), '').then(null, (error) => console.log(error.number));
  },
  async closed() {
    await socket.bindEndpointAsync(local, '');
    socket.close();
  },
  async unref() {
    await socket.bindEndpointAsync(local, '');
    socket.unref();
  },
  async 'unref-before'() {
    socket.unref();
    await socket.bindEndpointAsync(local, '');
  },
  async 'unref-node'() {
    const other = await DatagramSocket.bind('127.0.0.1:0');
    other.on('message', () => {});
    other.unref();
  },
  async 'unread-node'() {
    const other = await DatagramSocket.bind('127.0.0.1:0');
    setTimeout(() => {
      console.log('open');
      other.close();
    }, 50).unref();
  },
  async open() {
    await socket.bindEndpointAsync(local, '');
    // The timer does not keep the process running: the socket does.
    setTimeout(() => {
      console.log('open');
      socket.close();
    }, 50).unref();
  },
  async thrown() {
    let count = 0;
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    socket.onmessagereceived = () => {
      count += 1;
      process.nextTick(() => console.log('tick', count));
      Promise.resolve().then(() => console.log('microtask', count));
      if (count === 1) throw new Error('on purpose');
      console.log('event', count);
      if (count === 3) socket.close();
    };
    await socket.bindEndpointAsync(local, '');
    const sender = new Windows.Networking.Sockets.DatagramSocket();
    const stream = await sender.getOutputStreamAsync(local, socket.information.localPort);
    for (let i = 0; i < 3; i++) await stream.writeAsync(new Uint8Array(1));
    sender.close();
  },
};

await programs[how]();
