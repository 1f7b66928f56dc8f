import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseUevent, type Uevent } from '../../formats/uevent.ts';
import { RawSocket } from './raw-socket.ts';
import { listenToUevents } from './uevent-socket.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_KOBJECT_UEVENT = 15;
/** Writing an action there has the kernel announce it again. */
const UEVENT_FILE = '/sys/devices/virtual/mem/null/uevent';

test('listenToUevents hears the kernel, and no program that speaks like it', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root');
  const heard: (Uevent | undefined)[] = [];
  const arrived = Promise.withResolvers<void>();
  const stop = listenToUevents(
    (bytes) => {
      const uevent = parseUevent(bytes);
      heard.push(uevent);
      if (uevent?.path === '/devices/virtual/mem/null') arrived.resolve();
    },
    () => {},
  );
  t.after(stop);
  sendAsProgram('add@/devices/forged\0ACTION=add\0MODALIAS=usb:forged\0');
  writeFileSync(UEVENT_FILE, 'add');
  await arrived.promise;
  assert.equal(heard.at(-1)?.action, 'add');
  assert.ok(heard.every((uevent) => uevent?.path !== '/devices/forged'));
});

/** To the group of the kernel, as every program with CAP_NET_ADMIN can. */
function sendAsProgram(text: string): void {
  const socket = new RawSocket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, 1, true);
  socket.send(Buffer.from(text), address);
  socket.close();
}
