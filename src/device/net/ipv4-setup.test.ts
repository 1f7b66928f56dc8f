import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NETLINK_TYPE } from '../../formats/netlink-message.ts';
import { libcError } from '../sys/libc.ts';
import type { NetlinkSocket } from '../sys/netlink-socket.ts';
import { Ipv4Setup } from './ipv4-setup.ts';
import type { Ipv4Settings } from './ipv4-settings.ts';

const EBUSY = 16;
const SETTINGS: Ipv4Settings = {
  address: '10.0.2.15',
  prefixLength: 24,
  metric: 102,
  validSec: 3600,
  mtu: null,
  routes: [
    {
      linkIndex: 2,
      metric: 102,
      origin: 'dhcp',
      destination: '0.0.0.0',
      prefixLength: 0,
      gateway: '10.0.2.2',
    },
  ],
};

/** An interface of 1500 bytes, and what is asked of the kernel about it: request types, and MTUs with them. */
function lab({ refusesMtu = false, mtu = 1500 } = {}): { setup: Ipv4Setup; requests: string[] } {
  const names = new Map<number, string>(Object.entries(NETLINK_TYPE).map(([name, type]) => [type, name]));
  const requests: string[] = [];
  const kernel = {
    dump: () => [],
    change: (type: number, _flags: number, payload: Uint8Array) => {
      const asked = type === NETLINK_TYPE.setLink ? ` ${payload[20]! + payload[21]! * 256}` : '';
      requests.push(`${names.get(type)}${asked}`);
      if (asked !== '' && refusesMtu) throw libcError('netlink request', EBUSY);
    },
  };
  return {
    setup: new Ipv4Setup(kernel as unknown as NetlinkSocket, { index: 2, mtu, maxMtu: 1500 }),
    requests,
  };
}

test('Ipv4Setup gives an interface back its MTU when the next network asks for none', () => {
  const { setup, requests } = lab();
  setup.apply({ ...SETTINGS, mtu: 1400 });
  setup.apply({ ...SETTINGS, mtu: 1400, validSec: 7200 });
  assert.deepEqual(requests.splice(0), ['newAddress', 'newRoute', 'setLink 1400', 'newAddress']);
  setup.apply({ ...SETTINGS, address: '192.168.1.5' });
  assert.deepEqual(requests.splice(0), ['delAddress', 'newAddress', 'newRoute', 'setLink 1500']);
  setup.apply({ ...SETTINGS, address: '192.168.1.5', mtu: 9000 });
  assert.deepEqual(requests.splice(0), ['newAddress'], 'more than the hardware can');
});

test('Ipv4Setup uses an address although the driver refuses the MTU, and says so', () => {
  const { setup, requests } = lab({ refusesMtu: true });
  assert.throws(() => setup.apply({ ...SETTINGS, mtu: 1400 }), /MTU of 1400 bytes was refused: EBUSY/);
  assert.deepEqual(requests.splice(0), ['newAddress', 'newRoute', 'setLink 1400']);
  setup.apply(null);
  assert.deepEqual(requests, ['delAddress']);
});

test('Ipv4Setup takes an MTU that an earlier run has left for no limit of the hardware', () => {
  const { setup, requests } = lab({ mtu: 1280 });
  setup.apply({ ...SETTINGS, mtu: 1400 });
  assert.deepEqual(requests.splice(0), ['newAddress', 'newRoute', 'setLink 1400']);
  setup.apply(SETTINGS);
  assert.deepEqual(requests, ['newAddress', 'setLink 1500']);
});
