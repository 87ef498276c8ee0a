// Receives a flood, and ends in the middle of it: by process.exit, or by the end of a worker.

import dgram from 'node:dgram';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const how = isMainThread ? process.argv[2] : workerData;

async function receive(atCount) {
  const { Windows } = (await import('../../index.mjs')).default;
  const socket = new Windows.Networking.Sockets.DatagramSocket();
  let count = 0;
  socket.onmessagereceived = () => {
    count += 1;
    if (count === 200) atCount();
  };
  await socket.bindEndpointAsync(new Windows.Networking.HostName('127.0.0.1'), '');
  // Operations that are under way at the end.
  const opening = new Windows.Networking.Sockets.DatagramSocket();
  opening.connectAsync(new Windows.Networking.HostName('a-name-that-takes-a-while.invalid'), '9').done(
    () => {},
    () => {},
  );
  return socket.information.localPort;
}

function flood(port) {
  const sender = dgram.createSocket('udp4');
  const send = () => {
    for (let i = 0; i < 50; i++) sender.send('flood', port, '127.0.0.1');
    setImmediate(send);
  };
  send();
  return sender;
}

if (!isMainThread) {
  const port = await receive(() => parentPort.postMessage('busy'));
  parentPort.postMessage(Number(port));
} else if (how === 'exit') {
  flood(Number(await receive(() => process.exit(7))));
} else {
  const worker = new Worker(new URL(import.meta.url), { workerData: how });
  worker.on('message', async (message) => {
    if (message === 'busy') {
      await worker.terminate();
      console.log('terminated');
      process.exit(0);
    } else {
      flood(message);
    }
  });
}
