// Node.js as a peer: the roles of udpair-bench with the dgram and dns modules.
//
// Takes the role and its options as they are given to udpair-bench, says READY where it can be sent to,
// and prints what it found as one line of JSON.
'use strict';

const dgram = require('node:dgram');
const dns = require('node:dns');
const fs = require('node:fs');

const END_BYTES = 1;
const BUFFER_BYTES = 4 << 20;
const AT_ONCE = 64;
const SRV_NAME = '_bench._udp.bench.test';

const [role, ...words] = process.argv.slice(2);
const options = { seconds: '0.7', bytes: '64', count: '0', 'in-flight': '1' };
for (let at = 0; at < words.length; at += 2) options[words[at].slice(2)] = words[at + 1];

const address = (text) => {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) };
};
const payload = Buffer.alloc(Number(options.bytes), 1);
const milliseconds = Number(options.seconds) * 1000;
const count = Number(options.count);
const now = () => Number(process.hrtime.bigint()) / 1e6;

const cpuAtStart = process.cpuUsage();
const cpuSeconds = () => {
  const used = process.cpuUsage(cpuAtStart);
  return (used.user + used.system) / 1e6;
};
const ready = () => fs.writeSync(1, 'READY\n');
const finish = (found) => {
  fs.writeSync(1, JSON.stringify({ ...found, cpu_seconds: cpuSeconds() }) + '\n');
  process.exit(0);
};
const quantiles = (micros) => {
  micros.sort((a, b) => a - b);
  const at = (share) => micros[Math.round((micros.length - 1) * share)] ?? 0;
  return { p50_us: at(0.5), p99_us: at(0.99), p999_us: at(0.999) };
};

const bind = (local) =>
  new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    socket.bind(local?.port ?? 0, local?.host ?? '127.0.0.1', () => {
      socket.setRecvBufferSize(BUFFER_BYTES);
      socket.setSendBufferSize(BUFFER_BYTES);
      resolve(socket);
    });
  });
const connect = async () => {
  const socket = await bind(address(options.local));
  const remote = address(options.remote);
  await new Promise((resolve) => socket.connect(remote.port, remote.host, resolve));
  return socket;
};

// Keeps some sends under way until the time is over; `send` starts one.
const flood = (send) => {
  const started = now();
  let sent = 0;
  let underWay = AT_ONCE;
  const next = () => {
    sent += 1;
    if (now() - started < milliseconds) {
      send(next);
    } else {
      underWay -= 1;
      if (underWay === 0) finish({ sent, seconds: (now() - started) / 1e3 });
    }
  };
  for (let n = 0; n < AT_ONCE; n += 1) send(next);
};

const roles = {
  async send() {
    const socket = await connect();
    flood((next) => socket.send(payload, next));
  },

  async receive() {
    const socket = await connect();
    let received = 0;
    socket.on('message', (message) => {
      if (message.length === END_BYTES) finish({ received });
      received += 1;
    });
    ready();
  },

  async echo() {
    const socket = await connect();
    let received = 0;
    socket.on('message', (message) => {
      if (message.length === END_BYTES) finish({ received });
      received += 1;
      socket.send(message);
    });
    ready();
  },

  async ping() {
    const socket = await connect();
    const inFlight = Number(options['in-flight']);
    const latencies = [];
    let underWay = inFlight;
    let trips = 0;
    let last = now();
    const started = last;
    socket.on('message', () => {
      const time = now();
      if (inFlight === 1) latencies.push((time - last) * 1e3);
      last = time;
      trips += 1;
      if (time - started < milliseconds) {
        socket.send(payload);
        return;
      }
      underWay -= 1;
      if (underWay > 0) return;
      const found = { round_trips: trips, seconds: (time - started) / 1e3 };
      if (inFlight === 1) found.latency = quantiles(latencies);
      finish(found);
    });
    for (let n = 0; n < inFlight; n += 1) socket.send(payload);
  },

  async 'fan-out'() {
    const socket = await bind();
    const first = address(options.remote);
    let turn = 0;
    flood((next) => {
      socket.send(payload, first.port + (turn % count), first.host, next);
      turn += 1;
    });
  },

  async idle() {
    const resident = () => {
      const found = fs.readFileSync('/proc/self/status', 'utf8').match(/RssAnon:\s+(\d+) kB/);
      return Number(found[1]) * 1024;
    };
    const poker = await bind();
    const remote = poker.address();
    const ports = new Uint16Array(count);
    const before = resident();
    let started = now();
    let handled = 0;
    const found = { sockets: count };
    const perSocket = () => (resident() - before) / count;
    const open = (n) =>
      new Promise((resolve) => {
        const socket = dgram.createSocket('udp4', () => {
          handled += 1;
          if (handled < count) return;
          found.sweep_seconds = (now() - started) / 1e3;
          found.bytes_per_socket = perSocket();
          finish(found);
        });
        socket.bind(0, '127.0.0.1', () => {
          ports[n] = socket.address().port;
          socket.connect(remote.port, remote.address, resolve);
        });
      });
    for (let n = 0; n < count; n += 1) await open(n);
    found.open_seconds = (now() - started) / 1e3;
    found.bytes_per_socket_before_first = perSocket();
    started = now();
    for (const port of ports) poker.send('poke', port, '127.0.0.1');
  },

  async connect() {
    const server = address(options.remote);
    const asker = await bind();
    const queries = () =>
      new Promise((resolve) => {
        asker.once('message', (message) => resolve(Number(message.readBigUInt64BE())));
        asker.send(Buffer.alloc(END_BYTES + 1), server.port, server.host);
      });
    const resolver = new dns.promises.Resolver();
    resolver.setServers([options.remote]);
    const once = async () => {
      const started = now();
      const [{ name, port }] = await resolver.resolveSrv(SRV_NAME);
      const [[host]] = await Promise.all([resolver.resolve4(name), resolver.resolve6(name)]);
      const socket = dgram.createSocket('udp4');
      await new Promise((resolve) => socket.connect(port, host, resolve));
      const micros = (now() - started) * 1e3;
      socket.close();
      return micros;
    };
    const atStart = await queries();
    const first = await once();
    const afterFirst = await queries();
    const latencies = [];
    while (latencies.length < count) latencies.push(await once());
    finish({
      first_us: first,
      first_queries: afterFirst - atStart,
      queries: ((await queries()) - afterFirst) / count,
      latency: quantiles(latencies),
    });
  },
};

roles[role]();
