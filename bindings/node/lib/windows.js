'use strict';

// The namespaces of the Windows Runtime: `globalThis.Windows = require('udpair').Windows`.

const { AsyncStatus } = require('./operation.js');
const broker = require('./windows/broker.js');
const { Buffer, MemoryBuffer } = require('./windows/buffers.js');
const connectivity = require('./windows/connectivity.js');
const { BinaryStringEncoding, CryptographicBuffer } = require('./windows/cryptography.js');
const data = require('./windows/data.js');
const networking = require('./windows/networking.js');
const sockets = require('./windows/sockets.js');
const streams = require('./windows/streams.js');

const Windows = Object.freeze({
  Foundation: Object.freeze({ AsyncStatus, MemoryBuffer }),
  Networking: Object.freeze({
    Connectivity: Object.freeze({
      ConnectionProfile: connectivity.ConnectionProfile,
      IPInformation: connectivity.IPInformation,
      NetworkAdapter: connectivity.NetworkAdapter,
      NetworkInformation: connectivity.NetworkInformation,
      NetworkItem: connectivity.NetworkItem,
      NetworkTypes: connectivity.NetworkTypes,
    }),
    DomainNameType: networking.DomainNameType,
    EndpointPair: networking.EndpointPair,
    HostName: networking.HostName,
    HostNameSortOptions: networking.HostNameSortOptions,
    HostNameType: networking.HostNameType,
    Sockets: Object.freeze({
      DatagramSocket: sockets.DatagramSocket,
      DatagramSocketControl: sockets.DatagramSocketControl,
      DatagramSocketInformation: sockets.DatagramSocketInformation,
      DatagramSocketMessageReceivedEventArgs: sockets.DatagramSocketMessageReceivedEventArgs,
      SocketActivityConnectedStandbyAction: broker.SocketActivityConnectedStandbyAction,
      SocketActivityContext: broker.SocketActivityContext,
      SocketActivityInformation: broker.SocketActivityInformation,
      SocketActivityKind: broker.SocketActivityKind,
      SocketActivityTriggerDetails: broker.SocketActivityTriggerDetails,
      SocketActivityTriggerReason: broker.SocketActivityTriggerReason,
      SocketError: sockets.SocketError,
      SocketErrorStatus: sockets.SocketErrorStatus,
      SocketQualityOfService: sockets.SocketQualityOfService,
    }),
  }),
  ApplicationModel: Object.freeze({
    Background: Object.freeze({ SocketActivityTrigger: broker.SocketActivityTrigger }),
  }),
  Security: Object.freeze({
    Cryptography: Object.freeze({ BinaryStringEncoding, CryptographicBuffer }),
  }),
  Storage: Object.freeze({
    Streams: Object.freeze({
      Buffer,
      ByteOrder: data.ByteOrder,
      DataReader: data.DataReader,
      DataWriter: data.DataWriter,
      InputStreamOptions: streams.InputStreamOptions,
      UnicodeEncoding: data.UnicodeEncoding,
    }),
  }),
});

module.exports = { Windows };
