import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UeventFeed } from '../../src/device/init/uevents/uevent-feed.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

test('all readers hear an announcement by one socket, in their order, and one that fails keeps it from nobody', () => {
  using sys = new RecordingSys();
  const heard: string[] = [];
  const uevents = new UeventFeed(sys, (text) => heard.push(text));
  const follow = (name: string): void =>
    uevents.follow({
      onEvent: ({ action, path }) => {
        heard.push(`${name}: ${action} ${path}`);
        if (name === 'first') throw new Error('no room');
      },
      onLoss: () => void heard.push(`${name}: lost`),
    });
  for (const name of ['first', 'second', 'third']) follow(name);
  sys.announce('libudev\0no announcement of the kernel');
  sys.announce('add@/devices/usb1\0ACTION=add\0');
  sys.loseAnnouncements();
  assert.deepEqual(sys.log, ['listen to uevents']);
  assert.deepEqual(heard, [
    'first: add /devices/usb1',
    'Cannot follow a device that came or went: no room',
    'second: add /devices/usb1',
    'third: add /devices/usb1',
    'first: lost',
    'second: lost',
    'third: lost',
  ]);
});
