import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetlinkSocket } from '../device/sys/netlink-socket.ts';
import {
  decodeFamilyId,
  encodeFamiliesRequest,
  encodePowerSaveOff,
  encodeReloadRegulatoryDatabase,
  GENERIC_CONTROLLER,
} from './generic-netlink.ts';

test('the messages of nl80211 are those of linux/nl80211.h', () => {
  assert.deepEqual([...encodeReloadRegulatoryDatabase()], [126, 1, 0, 0]);
  assert.deepEqual(
    [...encodePowerSaveOff(7)],
    [61, 1, 0, 0, 8, 0, 3, 0, 7, 0, 0, 0, 8, 0, 93, 0, 0, 0, 0, 0],
  );
});

test('decodeFamilyId finds the controller among the families of this kernel, and no other', () => {
  const socket = new NetlinkSocket('generic');
  const families = socket.dump(GENERIC_CONTROLLER, encodeFamiliesRequest());
  socket.close();
  const idsOf = (name: string): (number | undefined)[] =>
    families.map(({ payload }) => decodeFamilyId(payload, name)).filter((id) => id !== undefined);
  assert.deepEqual(idsOf('nlctrl'), [GENERIC_CONTROLLER]);
  assert.deepEqual(idsOf('nlct'), []);
});

test('decodeFamilyId refuses an answer that is cut off', () => {
  assert.throws(() => decodeFamilyId(Uint8Array.of(1, 2), 'nl80211'), SyntaxError);
  assert.throws(() => decodeFamilyId(Uint8Array.of(1, 2, 0, 0, 40, 0, 2, 0), 'nl80211'), SyntaxError);
});
