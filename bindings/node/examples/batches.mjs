// Many datagrams in one call of the system, both ways.

import { DatagramSocket } from 'udpair';

const receiver = await DatagramSocket.bind('127.0.0.1:0', { inboundBufferBytes: 1 << 20 });
const sender = await DatagramSocket.connect(`127.0.0.1:${receiver.address().port}`);

let received = 0;
receiver.on('message', (message) => {
  received += message.size;
  if (received < 64 * 100 * 10) return;
  const { datagramsReceived, receiveCalls } = receiver.statistics();
  console.log(`${datagramsReceived} datagrams in ${receiveCalls < datagramsReceived ? 'fewer' : 'as many'} calls`);
  receiver.close();
  sender.close();
});

// 100 datagrams of 64 bytes in each call.
const run = Buffer.alloc(64 * 100, 'x');
for (let i = 0; i < 10; i++) await sender.output.sendRun(run, 64);
