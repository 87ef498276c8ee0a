// Two sockets share a port and join a group; a datagram to the group comes to both.

import { Windows } from 'udpair';

const { DatagramSocket } = Windows.Networking.Sockets;
const { NetworkInformation } = Windows.Networking.Connectivity;
const group = new Windows.Networking.HostName('239.255.42.99');

const profile = NetworkInformation.getInternetConnectionProfile();
console.log(`on ${profile?.profileName ?? 'all adapters'}`);

let port = '';
let count = 0;
/** @type {InstanceType<typeof DatagramSocket>[]} */
const sockets = [];
for (let i = 0; i < 2; i++) {
  const socket = new DatagramSocket();
  socket.control.multicastOnly = true;
  socket.onmessagereceived = (event) => {
    const reader = event.getDataReader();
    console.log(`socket ${i}: ${reader.readString(reader.unconsumedBufferLength)}`);
    count += 1;
    if (count === 2) sockets.forEach((socket) => socket.close());
  };
  const adapter = profile?.networkAdapter;
  if (adapter) await socket.bindServiceNameAsync(port, adapter);
  else await socket.bindServiceNameAsync(port);
  socket.joinMulticastGroup(group);
  port = socket.information.localPort;
  sockets.push(socket);
}

const stream = await sockets[0].getOutputStreamAsync(group, port);
await stream.writeAsync(Buffer.from('Hello'));
