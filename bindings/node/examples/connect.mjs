// The line of the reference page: connect a socket by an endpoint pair. The service is found by SRV, the
// socket lets in only the peer, and a datagram goes there and back.
//
//   node examples/connect.mjs                           with a DNS server and an echo peer of its own
//   node examples/connect.mjs HOST SERVICE              with the resolver of this machine
//   node examples/connect.mjs HOST SERVICE NAME-SERVER  with this name server
//
// `udpair demo --serve` starts a DNS server and echo peers, and prints the address of the server. Then
//
//   node examples/connect.mjs example.test echo 127.0.0.1:PORT
//
// does the main job with them.

import { Windows, useResolver } from 'udpair';
import { DOMAIN, start } from './environment.mjs';

const { DatagramSocket, SocketError } = Windows.Networking.Sockets;
const { EndpointPair, HostName } = Windows.Networking;
const { DataWriter } = Windows.Storage.Streams;

const [host, service, nameServer] = process.argv.slice(2);
const environment = host === undefined ? await start() : undefined;
// The services file of the machine may list the service, and would take precedence over DNS.
const ofArgument = nameServer ? { dnsServers: [nameServer], services: '' } : undefined;
useResolver(environment?.resolver ?? ofArgument);

const datagramSocket = new DatagramSocket();
const endpointPair = new EndpointPair(null, '', new HostName(host ?? DOMAIN), service ?? 'echo');

datagramSocket.addEventListener('messagereceived', (event) => {
  const reader = event.getDataReader();
  const text = reader.readString(reader.unconsumedBufferLength);
  console.log(`received "${text}" from ${event.remoteAddress.displayName} port ${event.remotePort}`);
  datagramSocket.close();
  environment?.stop();
});

datagramSocket.connectAsync(endpointPair).done(
  () => {
    const { information } = datagramSocket;
    console.log(`connected to ${information.remoteAddress} port ${information.remotePort}`);
    const writer = new DataWriter(datagramSocket.outputStream);
    writer.writeString('hello');
    writer.storeAsync().done((bytes) => console.log(`sent ${bytes} bytes`));
  },
  (error) => {
    console.error(`${error.message} (status ${SocketError.getStatus(error.number)})`);
    process.exitCode = 1;
    environment?.stop();
  },
);
