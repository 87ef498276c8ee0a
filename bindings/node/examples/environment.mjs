// What the examples talk to: a DNS server with an SRV record, and the echo peer that it names. Both are
// on this machine only.

import dgram from 'node:dgram';
import { once } from 'node:events';
import { DatagramSocket } from 'udpair';

/** The name that the DNS server knows, with the service `echo`. */
export const DOMAIN = 'demo.test';

/** Starts both. */
export async function start() {
  const peer = await DatagramSocket.bind('127.0.0.1:0');
  peer.on('message', (message) => message.reply(message.payload));
  const port = peer.address().port;

  const dns = dgram.createSocket('udp4');
  dns.on('message', (query, from) => dns.send(answer(query, port), from.port, from.address));
  dns.bind(0, '127.0.0.1');
  await once(dns, 'listening');

  return {
    /** How names are resolved here. The machine's services file may list the service, too. */
    resolver: { dnsServers: [`127.0.0.1:${dns.address().port}`], services: '' },
    stop() {
      dns.close();
      peer.close();
    },
  };
}

/**
 * Returns the answer to a query: `_echo._udp.demo.test` is the service at `peer.demo.test`, which is on
 * this machine; no other name exists.
 *
 * @param {Buffer} query
 * @param {number} port
 */
function answer(query, port) {
  let end = 12;
  const labels = [];
  while (query[end] !== 0) {
    labels.push(query.toString('latin1', end + 1, end + 1 + query[end]).toLowerCase());
    end += query[end] + 1;
  }
  const question = query.subarray(12, end + 5);
  const type = query.readUInt16BE(end + 1);
  const name = labels.join('.');
  const records = [];
  if (name === `_echo._udp.${DOMAIN}` && type === SRV) {
    const target = Buffer.concat([u16(0), u16(0), u16(port), encoded(`peer.${DOMAIN}`)]);
    records.push(Buffer.concat([u16(0xc00c), u16(SRV), u16(1), u16(0), u16(60), u16(target.length), target]));
  }
  if (name === `peer.${DOMAIN}` && type === A) {
    records.push(Buffer.concat([u16(0xc00c), u16(A), u16(1), u16(0), u16(60), u16(4), Buffer.from([127, 0, 0, 1])]));
  }
  const isKnown = name === `_echo._udp.${DOMAIN}` || name === `peer.${DOMAIN}`;
  const flags = isKnown ? 0x8580 : 0x8583;
  const header = [query.subarray(0, 2), u16(flags), u16(1), u16(records.length), u16(0), u16(0)];
  return Buffer.concat([...header, question, ...records]);
}

/** @param {number} value */
function u16(value) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** @param {string} name */
function encoded(name) {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

const A = 1;
const SRV = 33;
