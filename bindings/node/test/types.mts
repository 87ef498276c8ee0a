// What the compiler has to accept, and what it has to refuse. This file is checked, and not run.

import udpair, { DatagramSocket, Message, Windows, adapters, resolve } from 'udpair';
import type { Address, SocketOptions, UdpairError } from 'udpair';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<_ extends true>(): void {}

const options: SocketOptions = { inboundBufferBytes: 1 << 20, overflow: 'dropOldest', ttl: 9 };
// @ts-expect-error: not a policy
const wrong: SocketOptions = { overflow: 'never' };

async function node(): Promise<void> {
  const socket = await DatagramSocket.bind({ address: '::1', port: 0 }, options);
  is<Equal<typeof socket.local, Address | null>>();
  socket.on('message', (message) => is<Equal<typeof message, Message>>());
  socket.on('peerError', (error) => is<Equal<typeof error, UdpairError>>());
  // @ts-expect-error: no such event
  socket.on('nothing', () => {});
  for await (const message of socket) is<Equal<typeof message.payload, Buffer>>();
  const sent = socket.send('text', 9, 'localhost');
  is<Equal<typeof sent, Promise<number>>>();
  // @ts-expect-error: a payload is text or bytes
  void socket.send(9);
  const found = await resolve('contoso.com:stun', { dnsServers: ['127.0.0.1'], signal: AbortSignal.timeout(9) });
  is<Equal<typeof found, Address[]>>();
  adapters().map((adapter) => adapter.addresses[0]?.prefixLength ?? 0);
  await using disposed = socket;
  void disposed;
}

async function windows(): Promise<void> {
  const { DatagramSocket, SocketError, SocketErrorStatus } = Windows.Networking.Sockets;
  const { EndpointPair, HostName } = Windows.Networking;
  const socket = new DatagramSocket();
  socket.onmessagereceived = (event) => {
    const reader = event.getDataReader();
    is<Equal<ReturnType<typeof reader.readString>, string>>();
    is<Equal<ReturnType<typeof reader.readInt64>, number | bigint>>();
  };
  socket.addEventListener('messagereceived', (event) => event.target.close());
  const pair = new EndpointPair(null, '', new HostName('contoso.com'), 'stun');
  socket.connectAsync(pair).done(
    () => socket.outputStream.writeAsync(new Uint8Array(1)),
    (error) => SocketError.getStatus(error.number) === SocketErrorStatus.hostNotFound,
  );
  // @ts-expect-error: a service name is text
  socket.connectAsync(new HostName('contoso.com'), 9);
  const stream = await socket.getOutputStreamAsync(new HostName('contoso.com'), 'stun');
  const written = await stream.writeAsync(new Windows.Storage.Streams.Buffer(1));
  is<Equal<typeof written, number>>();
  using disposed = socket;
  void disposed;
}

void [udpair.Windows, wrong, node, windows];
