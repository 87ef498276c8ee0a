// The page's line, as a WinJS app has it: with the winjs package, or without it.

const { JSDOM } = require('jsdom');
const { Windows } = require('../..');

globalThis.Windows = Windows;
const isWithWinJS = process.argv[2] === 'winjs';
if (isWithWinJS) {
  const { window } = new JSDOM('<!DOCTYPE html>');
  for (const name of ['window', 'document', 'navigator', 'HTMLElement', 'MutationObserver']) {
    Object.defineProperty(globalThis, name, { value: name === 'window' ? window : window[name], configurable: true });
  }
}

function connect(endpointPair, success, error) {
  var datagramSocket = new Windows.Networking.Sockets.DatagramSocket();
  datagramSocket.connectAsync(endpointPair).done(
    function () {
      success(datagramSocket);
    },
    error,
  );
}

const name = (text) => new Windows.Networking.HostName(text);
const good = new Windows.Networking.EndpointPair(null, '', name('127.0.0.1'), '9');
const bad = new Windows.Networking.EndpointPair(null, '', name('224.0.0.1'), '9');

function lines() {
  connect(good, (socket) => {
    console.log('connected', socket.information.remotePort);
    socket.close();
    connect(bad, null, (error) => {
      const status = Windows.Networking.Sockets.SocketError.getStatus(error.number);
      console.log('failed', status === Windows.Networking.Sockets.SocketErrorStatus.hostNotFound);
    });
  });
}

if (!isWithWinJS) {
  lines();
} else {
  const WinJS = require('winjs');
  const { Promise: WinPromise } = WinJS;
  const socket = new Windows.Networking.Sockets.DatagramSocket();
  const other = new Windows.Networking.Sockets.DatagramSocket();
  WinPromise.join([socket.bindServiceNameAsync(''), other.bindEndpointAsync(name('127.0.0.1'), '')])
    .then(() => {
      console.log('joined', socket.information.localPort !== other.information.localPort);
      socket.close();
      other.close();
      const third = new Windows.Networking.Sockets.DatagramSocket();
      return WinPromise.as(third.connectAsync(good)).then(() => third.close());
    })
    .then(() => WinPromise.timeout(10))
    .done(lines);
}
