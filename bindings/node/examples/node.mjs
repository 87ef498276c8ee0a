// The same job as connect.mjs, in the words of Node.js.

import { DatagramSocket, resolve } from 'udpair';
import { DOMAIN, start } from './environment.mjs';

const { resolver, stop } = await start();
console.log('addresses:', await resolve(`${DOMAIN}:echo`, resolver));

const socket = await DatagramSocket.connect(`${DOMAIN}:echo`, { resolver });
console.log('connected to', socket.remote);
for (const text of ['one', 'two', 'three']) await socket.send(text);

let count = 0;
for await (const message of socket) {
  console.log(`${message} came to ${message.local} with ${message.hopLimit} hops left`);
  count += 1;
  if (count === 3) break;
}
console.log(socket.statistics().datagramsReceived, 'received');
socket.close();
stop();
