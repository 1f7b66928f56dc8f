import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { openDhcpSocket } from './packet-socket.ts';
import { UdpSource } from './udp-source.ts';

const NO_LINK = 0x7fff_ffff;

const TIMES = 10;

test('UdpSource and PacketSocket leave nothing open when the address or the interface is gone', () => {
  const before = readdirSync('/proc/self/fd').length;
  for (let count = 0; count < TIMES; count++) {
    assert.throws(() => new UdpSource('lo', '203.0.113.9', 68), { syscall: 'bind' });
    assert.throws(() => openDhcpSocket(NO_LINK), { syscall: process.getuid?.() === 0 ? 'bind' : 'socket' });
  }
  // Those of earlier tests in this process may be closed meanwhile, or another one opened.
  assert.ok(readdirSync('/proc/self/fd').length < before + TIMES);
});
