// How the members of the Windows Runtime look in JavaScript.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  DataReader,
  DataWriter,
  DatagramSocket,
  E_BOUNDS,
  E_ILLEGAL_DELEGATE_ASSIGNMENT,
  E_ILLEGAL_METHOD_CALL,
  E_INVALIDARG,
  E_NOTIMPL,
  ERROR_NO_UNICODE_TRANSLATION,
  ERROR_OPERATION_ABORTED,
  EndpointPair,
  HostName,
  RO_E_CLOSED,
  WSAECONNRESET,
  Windows,
  events,
  failsWith,
  loopback,
  peer,
  sendTo,
  textOf,
  throwsWith,
} from './support.mjs';
import udpair from '../index.mjs';

const { Streams } = Windows.Storage;
const { Sockets, Connectivity } = Windows.Networking;
const { AsyncStatus } = Windows.Foundation;

async function bound() {
  const socket = new DatagramSocket();
  await socket.bindEndpointAsync(loopback, '');
  return socket;
}

// PRJ-01, PRJ-02: every namespace, and enumerations whose members are numbers.
test('namespaces have the members of the model', () => {
  const enums = {
    [`AsyncStatus`]: [AsyncStatus, { started: 0, completed: 1, canceled: 2, error: 3 }],
    ByteOrder: [Streams.ByteOrder, { littleEndian: 0, bigEndian: 1 }],
    UnicodeEncoding: [Streams.UnicodeEncoding, { utf8: 0, utf16LE: 1, utf16BE: 2 }],
    InputStreamOptions: [Streams.InputStreamOptions, { none: 0, partial: 1, readAhead: 2 }],
    HostNameType: [Windows.Networking.HostNameType, { domainName: 0, ipv4: 1, ipv6: 2, bluetooth: 3 }],
    HostNameSortOptions: [Windows.Networking.HostNameSortOptions, { none: 0, optimizeForLongConnections: 2 }],
    DomainNameType: [Windows.Networking.DomainNameType, { suffix: 0, fullyQualified: 1 }],
    NetworkTypes: [Connectivity.NetworkTypes, { none: 0, internet: 1, privateNetwork: 2 }],
    SocketQualityOfService: [Sockets.SocketQualityOfService, { normal: 0, lowLatency: 1 }],
    SocketActivityConnectedStandbyAction: [Sockets.SocketActivityConnectedStandbyAction, { doNotWake: 0, wake: 1 }],
    SocketActivityKind: [Sockets.SocketActivityKind, { none: 0, streamSocketListener: 1, datagramSocket: 2, streamSocket: 3 }],
    SocketActivityTriggerReason: [
      Sockets.SocketActivityTriggerReason,
      { none: 0, socketActivity: 1, connectionAccepted: 2, keepAliveTimerExpired: 3, socketClosed: 4 },
    ],
  };
  for (const [name, [found, expected]] of Object.entries(enums)) assert.deepEqual({ ...found }, expected, name);
  assert.equal(Object.keys(Sockets.SocketErrorStatus).length, 31);
  assert.equal(Sockets.SocketErrorStatus.connectionResetByPeer, 18);
});

/** The members of each type in JavaScript, from section 4 of the specification. */
const MEMBERS = {
  DatagramSocket: [
    DatagramSocket,
    'bindEndpointAsync bindServiceNameAsync cancelIOAsync close connectAsync control enableTransferOwnership ' +
      'getOutputStreamAsync information joinMulticastGroup addEventListener removeEventListener onmessagereceived ' +
      'outputStream transferOwnership',
  ],
  DatagramSocketControl: [
    Sockets.DatagramSocketControl,
    'dontFragment inboundBufferSizeInBytes multicastOnly outboundUnicastHopLimit qualityOfService',
  ],
  DatagramSocketInformation: [
    Sockets.DatagramSocketInformation,
    'localAddress localPort remoteAddress remotePort',
  ],
  DatagramSocketMessageReceivedEventArgs: [
    Sockets.DatagramSocketMessageReceivedEventArgs,
    'getDataReader getDataStream localAddress remoteAddress remotePort target',
  ],
  SocketActivityContext: [Sockets.SocketActivityContext, 'data'],
  SocketActivityInformation: [
    Sockets.SocketActivityInformation,
    'context datagramSocket id socketKind streamSocket streamSocketListener taskId',
  ],
  SocketActivityTriggerDetails: [Sockets.SocketActivityTriggerDetails, 'reason socketInformation'],
  SocketActivityTrigger: [
    Windows.ApplicationModel.Background.SocketActivityTrigger,
    'isWakeFromLowPowerSupported',
  ],
  HostName: [HostName, 'canonicalName displayName ipInformation isEqual rawName toString type'],
  EndpointPair: [EndpointPair, 'localHostName localServiceName remoteHostName remoteServiceName'],
  NetworkAdapter: [
    Connectivity.NetworkAdapter,
    'getConnectedProfileAsync ianaInterfaceType inboundMaxBitsPerSecond networkAdapterId networkItem outboundMaxBitsPerSecond',
  ],
  IPInformation: [Connectivity.IPInformation, 'networkAdapter prefixLength'],
  NetworkItem: [Connectivity.NetworkItem, 'getNetworkTypes networkId'],
  ConnectionProfile: [Connectivity.ConnectionProfile, 'profileName networkAdapter'],
  Buffer: [Streams.Buffer, 'capacity length'],
  DataReader: [
    DataReader,
    'byteOrder inputStreamOptions unconsumedBufferLength unicodeEncoding close detachBuffer detachStream loadAsync ' +
      'readBoolean readByte readBuffer readBytes readDateTime readDouble readGuid readInt16 readInt32 readInt64 ' +
      'readSingle readString readTimeSpan readUInt16 readUInt32 readUInt64',
  ],
  DataWriter: [
    DataWriter,
    'byteOrder unicodeEncoding unstoredBufferLength close detachBuffer detachStream flushAsync measureString ' +
      'storeAsync writeBoolean writeBuffer writeByte writeBytes writeDateTime writeDouble writeGuid writeInt16 ' +
      'writeInt32 writeInt64 writeSingle writeString writeTimeSpan writeUInt16 writeUInt32 writeUInt64',
  ],
};

const STATICS = {
  DatagramSocket: [DatagramSocket, 'getEndpointPairsAsync'],
  SocketError: [Sockets.SocketError, 'getStatus'],
  HostName: [HostName, 'compare'],
  SocketActivityInformation: [Sockets.SocketActivityInformation, 'allSockets'],
  NetworkInformation: [
    Connectivity.NetworkInformation,
    'getHostNames getSortedEndpointPairs getInternetConnectionProfile addEventListener removeEventListener ' +
      'getConnectionProfiles findConnectionProfilesAsync getLanIdentifiers getProxyConfigurationAsync',
  ],
  Buffer: [Streams.Buffer, 'createCopyFromMemoryBuffer createMemoryBufferOverIBuffer'],
  DataReader: [DataReader, 'fromBuffer'],
};

// PRJ-01: every row of section 4 that is a member.
test('types have their members', () => {
  for (const [name, [type, members]] of Object.entries(MEMBERS)) {
    for (const member of members.split(' ')) assert.ok(member in type.prototype, `${name}.${member}`);
  }
  for (const [name, [type, members]] of Object.entries(STATICS)) {
    for (const member of members.split(' ')) assert.ok(member in type, `${name}.${member}`);
  }
});

// PRJ-01, GEN-04, DR-19: an operation is a promise, and can be looked at.
test('operations have the members of IAsyncInfo', async () => {
  const socket = new DatagramSocket();
  const operation = socket.bindEndpointAsync(loopback, '');
  assert.equal(operation.operation, operation);
  assert.equal(await operation, undefined);
  assert.equal(operation.status, AsyncStatus.completed);
  assert.equal(operation.errorCode, 0);
  assert.equal(operation.getResults(), undefined);
  assert.ok(operation.id > 0 && operation.id === operation.id);
  const seen = [];
  operation.completed = (info, status) => seen.push(info === operation, status);
  assert.deepEqual(seen, [true, AsyncStatus.completed]);
  throwsWith(E_ILLEGAL_DELEGATE_ASSIGNMENT, () => (operation.completed = () => {}));
  operation.close();
  throwsWith(E_ILLEGAL_METHOD_CALL, () => operation.getResults());
  socket.close();
});

// GEN-05, CAN-03: an operation that is cancelled ends as canceled, and the socket is as before.
test('an operation can be cancelled', async () => {
  const silent = await peer();
  udpair.useResolver({ dnsServers: [`127.0.0.1:${silent.port}`], services: '' });
  const socket = new DatagramSocket();
  udpair.useResolver();
  const operation = socket.connectAsync(new HostName('a.test'), 'service');
  throwsWith(E_ILLEGAL_METHOD_CALL, () => operation.close());
  throwsWith(E_ILLEGAL_METHOD_CALL, () => operation.getResults());
  const chain = operation.then(() => assert.fail('it has not connected'));
  chain.cancel();
  const error = await failsWith(ERROR_OPERATION_ABORTED, chain);
  assert.equal(error.name, 'Canceled');
  assert.equal(operation.status, AsyncStatus.canceled);
  assert.equal(operation.errorCode, ERROR_OPERATION_ABORTED);
  await socket.bindEndpointAsync(loopback, '');
  socket.close();
  silent.close();
});

// CLS-02: closing a socket ends its operations with an error.
test('closing a socket ends its operations', async () => {
  const silent = await peer();
  udpair.useResolver({ dnsServers: [`127.0.0.1:${silent.port}`], services: '' });
  const socket = new DatagramSocket();
  udpair.useResolver();
  const operation = socket.connectAsync(new HostName('a.test'), 'service');
  socket.close();
  await failsWith(ERROR_OPERATION_ABORTED, operation);
  assert.equal(operation.status, AsyncStatus.error);
  silent.close();
});

// PRJ-02: errors have the HRESULT as a signed number, and a message that says what failed.
test('errors have a number and a message', async () => {
  const socket = await bound();
  const other = new DatagramSocket();
  const operation = other.bindEndpointAsync(loopback, socket.information.localPort);
  const error = await failsWith(0x80072740 | 0, operation);
  assert.ok(error instanceof Error);
  assert.match(error.message, /cannot bind .*127\.0\.0\.1/);
  assert.equal(error.code, 'EADDRINUSE');
  assert.equal(Sockets.SocketError.getStatus(error.number), Sockets.SocketErrorStatus.addressAlreadyInUse);
  // An unsigned number is the same HRESULT.
  assert.equal(Sockets.SocketError.getStatus(0x80072740), Sockets.SocketErrorStatus.addressAlreadyInUse);
  assert.equal(Sockets.SocketError.getStatus(0), Sockets.SocketErrorStatus.unknown);
  socket.close();
});

// PRJ-03, MSG-02, MSG-03: handlers are called in order, and come and go before the socket is open.
test('handlers are event listeners', async () => {
  const sender = await peer();
  const socket = new DatagramSocket();
  const seen = [];
  const gone = () => seen.push('gone');
  socket.addEventListener('messagereceived', gone);
  socket.addEventListener('messagereceived', function () {
    seen.push('first', this === socket);
  });
  socket.onmessagereceived = () => seen.push('replaced');
  const last = new Promise((resolve) => {
    socket.onmessagereceived = (event) => resolve(event);
  });
  socket.addEventListener('something-else', () => seen.push('never'));
  socket.removeEventListener('messagereceived', gone);
  await socket.bindEndpointAsync(loopback, '');
  throwsWith(E_ILLEGAL_METHOD_CALL, () => (socket.onmessagereceived = () => {}));
  await sendTo(sender, socket.information.localPort, 'x');
  const event = await last;
  assert.deepEqual(seen, ['first', true]);
  assert.equal(event.type, 'messagereceived');
  socket.close();
  sender.close();
});

// PRJ-03, MSG-07, MSG-09, MSG-11, MSG-20: what an event has, and what it gives out again and again.
test('an event has the addresses and the payload', async () => {
  const sender = await peer('127.0.0.2');
  const socket = new DatagramSocket();
  const next = events(socket);
  await socket.bindEndpointAsync(loopback, '');
  await sendTo(sender, socket.information.localPort, Buffer.from('Très'));
  const event = await next();
  socket.close();
  assert.equal(event.target, socket);
  assert.equal(event.detail[0], event);
  assert.equal(event.remoteAddress.rawName, '127.0.0.2');
  assert.equal(event.remoteAddress, event.remoteAddress);
  assert.equal(event.remotePort, sender.port);
  assert.ok(event.localAddress.isEqual(loopback));
  assert.equal(event.localAddress, event.localAddress);
  assert.equal(event.getDataReader(), event.getDataReader());
  assert.notEqual(event.getDataStream(), event.getDataStream());
  const stream = event.getDataStream();
  const buffer = new Streams.Buffer(16);
  assert.equal(await stream.readAsync(buffer, 16, Streams.InputStreamOptions.none), buffer);
  assert.equal(Buffer.from(buffer.toUint8Array()).toString(), 'Très');
  assert.equal((await stream.readAsync(buffer, 16, 0)).length, 0);
  assert.equal(textOf(event), 'Très');
  assert.equal(event.getDataReader().unconsumedBufferLength, 0);
  sender.close();
});

// MSG-12, MSG-13: a port that nobody has is an event whose reader fails.
test('an unreachable port is an event', async () => {
  const closed = await peer();
  await new Promise((resolve) => closed.close(resolve));
  const socket = new DatagramSocket();
  const next = events(socket);
  await socket.connectAsync(loopback, closed.port);
  await socket.outputStream.writeAsync(new Uint8Array(1));
  const event = await next();
  throwsWith(WSAECONNRESET, () => event.getDataReader());
  throwsWith(WSAECONNRESET, () => event.getDataStream());
  assert.deepEqual([event.remotePort, event.localAddress], [closed.port, null]);
  socket.close();
});

// PRJ-04: overloads go by the number of arguments.
test('overloads go by the number of arguments', async () => {
  const socket = new DatagramSocket();
  throwsWith(E_INVALIDARG, () => socket.connectAsync(loopback));
  throwsWith(E_INVALIDARG, () => socket.connectAsync(loopback, undefined));
  // An argument that is undefined counts.
  const pair = new EndpointPair(null, '', loopback, '9');
  throwsWith(E_INVALIDARG, () => socket.connectAsync(pair, undefined));
  throwsWith(E_INVALIDARG, () => socket.getOutputStreamAsync(pair, undefined));
  throwsWith(E_INVALIDARG, () => socket.getOutputStreamAsync(loopback));
  throwsWith(E_INVALIDARG, () => socket.bindServiceNameAsync('', undefined));
  throwsWith(E_INVALIDARG, () => DatagramSocket.getEndpointPairsAsync(loopback, '9', 1));
  assert.equal((await DatagramSocket.getEndpointPairsAsync(loopback, '9', 2)).length, 1);
  const writer = new DataWriter();
  const bytes = Uint8Array.of(1, 2, 3);
  writer.writeBuffer(bytes);
  writer.writeBuffer(bytes, 1, 2);
  throwsWith(E_INVALIDARG, () => writer.writeBuffer(bytes, 2, 2));
  assert.deepEqual([...writer.detachBuffer().toUint8Array()], [1, 2, 3, 2, 3]);
  assert.equal(new HostName('a').ipInformation, null);
  socket.close();
});

// PRJ-05, GEN-10, HOST-02, EPP-01, EPP-03: null is never the text "null".
test('null is refused where the model has no null', () => {
  const socket = new DatagramSocket();
  const pair = new EndpointPair(null, '', loopback, '9');
  for (const nothing of [null, undefined]) {
    const calls = [
      () => new HostName(nothing),
      () => HostName.compare('a', nothing),
      () => loopback.isEqual(nothing),
      () => new EndpointPair(null, nothing, loopback, '9'),
      () => new EndpointPair(null, '', nothing, '9'),
      () => new EndpointPair(null, '', loopback, nothing),
      () => (pair.remoteHostName = nothing),
      () => (pair.localServiceName = nothing),
      () => (pair.remoteServiceName = nothing),
      () => socket.connectAsync(nothing),
      () => socket.connectAsync(nothing, '9'),
      () => socket.connectAsync(loopback, nothing),
      () => socket.bindServiceNameAsync(nothing),
      () => socket.bindEndpointAsync(null, nothing),
      () => socket.getOutputStreamAsync(nothing),
      () => socket.joinMulticastGroup(nothing),
      () => DatagramSocket.getEndpointPairsAsync(nothing, '9'),
      () => DatagramSocket.getEndpointPairsAsync(loopback, nothing),
      () => Connectivity.NetworkInformation.getSortedEndpointPairs(nothing, 0),
      () => socket.enableTransferOwnership(nothing),
      () => new Sockets.SocketActivityContext(nothing),
      () => new DataReader(nothing),
      () => DataReader.fromBuffer(nothing),
      () => new DataWriter(nothing),
      () => new DataWriter().writeString(nothing),
      () => new DataWriter().writeBuffer(nothing),
      () => new DataWriter().writeGuid(nothing),
      () => Windows.Security.Cryptography.CryptographicBuffer.convertStringToBinary(nothing, 0),
    ];
    calls.forEach((call) => throwsWith(E_INVALIDARG, call, call.toString()));
  }
  throwsWith(E_INVALIDARG, () => new HostName(''));
  throwsWith(E_INVALIDARG, () => new EndpointPair(null, '', loopback, ''));
  pair.localHostName = null;
  pair.remoteServiceName = '';
  throwsWith(E_INVALIDARG, () => socket.connectAsync(pair));
});

// STR-05, STR-01: a buffer that is null, and more bytes than a buffer has.
test('streams refuse a buffer that is null', async () => {
  const sender = await peer();
  const socket = new DatagramSocket();
  const next = events(socket);
  await socket.bindEndpointAsync(loopback, '');
  await sendTo(sender, socket.information.localPort, 'x');
  const event = await next();
  for (const nothing of [null, undefined]) {
    throwsWith(E_INVALIDARG, () => socket.outputStream.writeAsync(nothing));
    throwsWith(E_INVALIDARG, () => event.getDataStream().readAsync(nothing, 1, 0));
  }
  throwsWith(E_INVALIDARG, () => event.getDataStream().readAsync(new Streams.Buffer(1), 2, 0));
  const stream = event.getDataStream();
  stream.close();
  throwsWith(RO_E_CLOSED, () => stream.readAsync(new Streams.Buffer(1), 1, 0));
  socket.close();
  sender.close();
});

// PRJ-06, DR-09, DR-10, DR-11, DR-12, DW-02: each type, there and back.
test('values are those of JavaScript', () => {
  const writer = new DataWriter();
  const date = new Date(Date.UTC(1969, 6, 20, 20, 17, 40, 123));
  writer.byteOrder = Streams.ByteOrder.littleEndian;
  writer.writeBoolean(true);
  writer.writeByte(255);
  writer.writeInt16(-2);
  writer.writeUInt16(65535);
  writer.writeInt32(-3);
  writer.writeUInt32(4294967295);
  writer.writeInt64(-4);
  writer.writeInt64(-(2n ** 63n));
  writer.writeUInt64(2n ** 64n - 1n);
  writer.writeUInt64(5);
  writer.writeSingle(1.5);
  writer.writeDouble(0.1);
  writer.writeGuid('{00112233-4455-6677-8899-AABBCCDDEEFF}');
  writer.writeDateTime(date);
  writer.writeTimeSpan(1500.5);
  assert.equal(writer.writeString('Très 😀'), 10);
  const reader = DataReader.fromBuffer(writer.detachBuffer());
  reader.byteOrder = Streams.ByteOrder.littleEndian;
  assert.equal(reader.readBoolean(), true);
  assert.equal(reader.readByte(), 255);
  assert.equal(reader.readInt16(), -2);
  assert.equal(reader.readUInt16(), 65535);
  assert.equal(reader.readInt32(), -3);
  assert.equal(reader.readUInt32(), 4294967295);
  assert.equal(reader.readInt64(), -4);
  assert.equal(reader.readInt64(), -(2n ** 63n));
  assert.equal(reader.readUInt64(), 2n ** 64n - 1n);
  assert.equal(reader.readUInt64(), 5);
  assert.equal(reader.readSingle(), 1.5);
  assert.equal(reader.readDouble(), 0.1);
  assert.equal(reader.readGuid(), '00112233-4455-6677-8899-aabbccddeeff');
  assert.deepEqual(reader.readDateTime(), date);
  assert.equal(reader.readTimeSpan(), 1500.5);
  assert.equal(reader.readString(10), 'Très 😀');
  for (const call of [
    () => writer.writeByte(256),
    () => writer.writeInt16('x'),
    () => writer.writeInt64(2n ** 63n),
    () => writer.writeUInt64(-1),
    () => writer.writeDateTime(new Date(NaN)),
    () => writer.writeGuid('no'),
    () => writer.writeBytes([1, 256]),
  ]) {
    throwsWith(E_INVALIDARG, call, call.toString());
  }
  assert.equal(writer.unstoredBufferLength, 0);
});

// DW-04, DW-05, DR-14: code units, unpaired surrogates, bytes that are no text.
test('text has to be well-formed', () => {
  const writer = new DataWriter();
  assert.equal(writer.measureString('Très'), 5);
  writer.unicodeEncoding = Streams.UnicodeEncoding.utf16BE;
  assert.equal(writer.measureString('😀'), 2);
  throwsWith(ERROR_NO_UNICODE_TRANSLATION, () => writer.writeString('\ud800'));
  assert.equal(writer.unstoredBufferLength, 0);
  const reader = DataReader.fromBuffer(Uint8Array.of(0xff, 0x41));
  throwsWith(ERROR_NO_UNICODE_TRANSLATION, () => reader.readString(2));
  assert.equal(reader.unconsumedBufferLength, 2);
  throwsWith(E_BOUNDS, () => reader.readString(3));
  assert.equal(reader.readByte(), 0xff);
  assert.equal(reader.readString(1), 'A');
  // A byte order mark is a character.
  assert.equal(DataReader.fromBuffer(Uint8Array.of(0xef, 0xbb, 0xbf)).readString(3), '\ufeff');
});

// BUF-01, BUF-02, BUF-03, BUF-04, PRJ-06: buffers, and what takes their place.
test('buffers are views of bytes', () => {
  const buffer = new Streams.Buffer(4);
  assert.deepEqual([buffer.capacity, buffer.length, ...buffer.bytes], [4, 0, 0, 0, 0, 0]);
  buffer.bytes[0] = 7;
  throwsWith(E_INVALIDARG, () => (buffer.length = 5));
  assert.equal(buffer.length, 0);
  buffer.length = 2;
  const memory = Streams.Buffer.createMemoryBufferOverIBuffer(buffer);
  memory.bytes[1] = 8;
  const copy = Streams.Buffer.createCopyFromMemoryBuffer(memory);
  memory.bytes[1] = 9;
  memory.close();
  throwsWith(RO_E_CLOSED, () => memory.bytes);
  assert.deepEqual([...buffer.toUint8Array(), ...copy.toUint8Array()], [7, 9, 7, 8]);
  for (const bytes of [Uint8Array.of(1, 2), Uint8Array.of(1, 2).buffer, Buffer.from([1, 2]), new DataView(Uint8Array.of(1, 2).buffer)]) {
    assert.equal(DataReader.fromBuffer(bytes).readUInt16(), 0x102);
  }
});

// DR-01, DR-04, DR-06, DR-17, DW-08, DW-11, BUF-05: streams that a program has written.
test('readers and writers take streams of the program', async () => {
  const written = [];
  let isClosed = false;
  const output = {
    writeAsync(buffer) {
      if (written.length === 1) {
        written.push('failed');
        return Promise.reject(Object.assign(new Error('full'), { number: 0x80072747 | 0 }));
      }
      written.push(Buffer.from(buffer.toUint8Array()).toString());
      return Promise.resolve(buffer.length);
    },
    flushAsync: () => Promise.resolve(true),
    close: () => (isClosed = true),
  };
  const writer = new DataWriter(output);
  writer.writeString('one');
  assert.equal(await writer.storeAsync(), 3);
  writer.writeString('two');
  await failsWith(0x80072747 | 0, writer.storeAsync());
  assert.equal(writer.unstoredBufferLength, 3);
  assert.equal(await writer.storeAsync(), 3);
  assert.equal(await writer.flushAsync(), true);
  assert.deepEqual(written, ['one', 'failed', 'two']);
  writer.close();
  assert.ok(isClosed);

  const chunks = ['ab', 'cd'];
  const input = {
    readAsync: (buffer, count) => {
      const chunk = Buffer.from(chunks.shift() ?? '').subarray(0, count);
      return Promise.resolve(chunk);
    },
  };
  const reader = new DataReader(input);
  const load = reader.loadAsync(2);
  throwsWith(0x800710dd | 0, () => reader.readByte());
  assert.equal(await load, 2);
  assert.equal(await reader.loadAsync(2), 2);
  assert.equal(reader.readString(4), 'abcd');
  assert.equal(await reader.loadAsync(2), 0);
  assert.equal(reader.detachStream(), input);
  throwsWith(E_ILLEGAL_METHOD_CALL, () => reader.detachStream());
});

// NET-01, NET-05, NET-06, NET-10, NET-11, NET-12, NET-15, HOST-18: what the system knows of its networks.
test('network information is there', async () => {
  const { NetworkInformation } = Connectivity;
  const names = NetworkInformation.getHostNames();
  assert.ok(names.length > 0);
  for (const name of names.filter((name) => name.ipInformation !== null)) {
    const { networkAdapter, prefixLength } = name.ipInformation;
    assert.ok(networkAdapter instanceof Connectivity.NetworkAdapter && prefixLength >= 0);
    assert.match(networkAdapter.networkAdapterId, /^[0-9a-f-]{36}$/);
    assert.equal(typeof networkAdapter.networkItem.getNetworkTypes(), 'number');
    assert.ok(networkAdapter.inboundMaxBitsPerSecond >= 0 && networkAdapter.ianaInterfaceType > 0);
    const profile = await networkAdapter.getConnectedProfileAsync();
    assert.ok(profile === null || profile.networkAdapter.networkAdapterId === networkAdapter.networkAdapterId);
  }
  const pair = new EndpointPair(null, '', loopback, '9');
  const [sorted] = NetworkInformation.getSortedEndpointPairs([pair], 0);
  assert.equal(sorted.localHostName.rawName, '127.0.0.1');
  assert.deepEqual(NetworkInformation.getSortedEndpointPairs([], 0), []);
  throwsWith(E_NOTIMPL, () => NetworkInformation.getConnectionProfiles());
  throwsWith(E_NOTIMPL, () => NetworkInformation.findConnectionProfilesAsync(null));
  throwsWith(E_NOTIMPL, () => NetworkInformation.getLanIdentifiers());
  throwsWith(E_NOTIMPL, () => NetworkInformation.getProxyConfigurationAsync(null));
  const listener = () => {};
  NetworkInformation.addEventListener('networkstatuschanged', listener);
  NetworkInformation.removeEventListener('networkstatuschanged', listener);
});

// What there is without a broker.
test('the types of the broker are there', () => {
  const context = new Sockets.SocketActivityContext(Uint8Array.of(1, 2));
  assert.deepEqual([...context.data.toUint8Array()], [1, 2]);
  assert.equal(Sockets.SocketActivityInformation.allSockets.size, 0);
  const trigger = new Windows.ApplicationModel.Background.SocketActivityTrigger();
  assert.equal(trigger.isWakeFromLowPowerSupported, false);
  const socket = new DatagramSocket();
  throwsWith(E_INVALIDARG, () => socket.enableTransferOwnership('00000000-0000-0000-0000-000000000000'));
  throwsWith(E_INVALIDARG, () => socket.enableTransferOwnership('00000000-0000-0000-0000-000000000001', 7));
  socket.close();
});

// OUT-11, OUT-14, OUT-17: what a stream does besides writing.
test('an output stream can be flushed and closed', async () => {
  const receiver = await peer();
  const socket = await bound();
  const stream = await socket.getOutputStreamAsync(loopback, receiver.port);
  assert.equal(await stream.writeAsync(new Uint8Array(0)), 0);
  assert.equal(stream.tryWrite(Buffer.from('abc')), 3);
  assert.equal(await stream.flushAsync(), true);
  const error = await failsWith(0x80072738 | 0, stream.writeAsync(new Uint8Array(70000)));
  assert.equal(error.code, 'EMSGSIZE');
  assert.equal(await stream.flushAsync(), false);
  stream.close();
  throwsWith(RO_E_CLOSED, () => stream.writeAsync(new Uint8Array(1)));
  socket.close();
  receiver.close();
});
