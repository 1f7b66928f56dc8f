import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import {
  decodeLink,
  decodeLinkAddress,
  encodeDumpRequest,
  encodeLinkChange,
  NETLINK_TYPE,
} from '../../formats/netlink-message.ts';
import { NetlinkSocket } from './netlink-socket.ts';

test('NetlinkSocket lists the links of this machine', () => {
  const links = new NetlinkSocket().dump(NETLINK_TYPE.getLink, encodeDumpRequest('any'));
  const loopback = links.map(({ payload }) => decodeLink(payload)).find(({ name }) => name === 'lo');
  assert.equal(loopback?.index, 1);
  assert.equal(loopback.isEthernet, false);
});

test('NetlinkSocket lists the addresses that Node knows', () => {
  const messages = new NetlinkSocket().dump(NETLINK_TYPE.getAddress, encodeDumpRequest('ipv4'));
  const found = messages.map(({ payload }) => decodeLinkAddress(payload)?.address.join('.'));
  const known = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  for (const { family, address } of known) if (family === 'IPv4') assert.ok(found.includes(address), address);
});

test('NetlinkSocket throws what the kernel answers, and is usable afterwards', () => {
  const socket = new NetlinkSocket();
  const noSuchLink = encodeLinkChange(0x7fff_fff0, { up: true });
  // EPERM for those who are not root.
  assert.throws(() => socket.change(NETLINK_TYPE.setLink, 0, noSuchLink), { code: /^(ENODEV|EPERM)$/ });
  assert.ok(socket.dump(NETLINK_TYPE.getLink, encodeDumpRequest('any')).length > 0);
});
