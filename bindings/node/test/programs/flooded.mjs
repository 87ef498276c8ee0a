// Receives a flood, and ends in the middle of it: by process.exit, or by the end of a worker.

import dgram from 'node:dgram';
import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const how = isMainThread ? process.argv[2] : workerData;

async function receive(atCount) {
  const { Windows, useResolver } = (await import('../../index.mjs')).default;
  const socket = new Windows.Networking.Sockets.DatagramSocket();
  let count = 0;
  socket.onmessagereceived = () => {
    count += 1;
    if (count === 200) atCount();
  };
  await socket.bindEndpointAsync(new Windows.Networking.HostName('127.0.0.1'), '');
  // An operation that is under way at the end: its name server does not answer.
  const silent = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(silent, 'listening');
  useResolver({ dnsServers: [`127.0.0.1:${silent.address().port}`], services: '' });
  const opening = new Windows.Networking.Sockets.DatagramSocket();
  opening.connectAsync(new Windows.Networking.HostName('a.test'), 'service').done(
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
