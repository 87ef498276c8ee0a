// Node.js as a peer: the roles of udpair-bench with the dgram and dns modules.
//
// Takes the role and its options as udpair-bench does. Prints READY when a role that receives is
// ready to receive, and prints the result as one line of JSON.
'use strict';

const dgram = require('node:dgram');
const dns = require('node:dns');
const fs = require('node:fs');

const END_BYTES = 1;
const BUFFER_BYTES = 4 << 20;
const SENDS_IN_FLIGHT = 64;
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
const finish = (result) => {
  fs.writeSync(1, JSON.stringify({ ...result, cpu_seconds: cpuSeconds() }) + '\n');
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

// Keeps a number of sends in flight until the time is over; `send` starts one.
const flood = (send) => {
  const started = now();
  let sent = 0;
  let inFlight = SENDS_IN_FLIGHT;
  const next = () => {
    sent += 1;
    if (now() - started < milliseconds) {
      send(next);
    } else {
      inFlight -= 1;
      if (inFlight === 0) finish({ sent, seconds: (now() - started) / 1e3 });
    }
  };
  for (let n = 0; n < SENDS_IN_FLIGHT; n += 1) send(next);
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
    const inFlightMax = Number(options['in-flight']);
    const latencies = [];
    let inFlight = inFlightMax;
    let trips = 0;
    let last = now();
    const started = last;
    socket.on('message', () => {
      const time = now();
      if (inFlightMax === 1) latencies.push((time - last) * 1e3);
      last = time;
      trips += 1;
      if (time - started < milliseconds) {
        socket.send(payload);
        return;
      }
      inFlight -= 1;
      if (inFlight > 0) return;
      const result = { round_trips: trips, seconds: (time - started) / 1e3 };
      if (inFlightMax === 1) result.latency = quantiles(latencies);
      finish(result);
    });
    for (let n = 0; n < inFlightMax; n += 1) socket.send(payload);
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
    const sender = await bind();
    const remote = sender.address();
    const ports = new Uint16Array(count);
    const before = resident();
    let started = now();
    let handled = 0;
    const result = { sockets: count };
    const perSocket = () => (resident() - before) / count;
    const open = (n) =>
      new Promise((resolve) => {
        const socket = dgram.createSocket('udp4', () => {
          handled += 1;
          if (handled < count) return;
          result.sweep_seconds = (now() - started) / 1e3;
          result.bytes_per_socket = perSocket();
          finish(result);
        });
        socket.bind(0, '127.0.0.1', () => {
          ports[n] = socket.address().port;
          socket.connect(remote.port, remote.address, resolve);
        });
      });
    for (let n = 0; n < count; n += 1) await open(n);
    result.open_seconds = (now() - started) / 1e3;
    result.bytes_per_socket_before_first = perSocket();
    started = now();
    for (const port of ports) sender.send('wake', port, '127.0.0.1');
  },

  async connect() {
    const server = address(options.remote);
    const client = await bind();
    const queries = () =>
      new Promise((resolve) => {
        client.once('message', (message) => resolve(Number(message.readBigUInt64BE())));
        client.send(Buffer.alloc(END_BYTES + 1), server.port, server.host);
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
