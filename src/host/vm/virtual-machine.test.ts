import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOARDS } from '../../shared/board/boards.ts';
import { describeFailedStart, parseUsernet, requireQemu } from './virtual-machine.ts';

test('parseUsernet finds the host port that QEMU chose', () => {
  const table = [
    'Hub -1 (net):',
    '  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ',
    '  TCP[HOST_FORWARD]  12       127.0.0.1 35703       10.0.2.15    80     0     0',
    '  TCP[ESTABLISHED]   14       127.0.0.1 35703       10.0.2.15    80     0     0',
    '  UDP[236 sec]       13       10.0.2.15 40000       10.0.2.3     53     0     0',
  ].join('\r\n');
  assert.deepEqual([...parseUsernet(table)], [[80, 35703]]);
});

test('requireQemu says how to install what is missing', async (t) => {
  const { PATH } = process.env;
  t.after(() => (process.env['PATH'] = PATH));
  process.env['PATH'] = '/nonexistent';
  await assert.rejects(requireQemu(BOARDS['pc-arm64']), {
    name: 'UserError',
    message: 'Cannot start "qemu-system-aarch64": it is not installed',
    hint: /^Install it/,
  });
});

test('describeFailedStart tells a port that is taken from other troubles', () => {
  const taken =
    "qemu-system-x86_64: -netdev user,id=net,hostfwd=tcp:127.0.0.1:9099-:80: Could not set up host forwarding rule 'tcp:127.0.0.1:9099-:80'";
  const { message } = describeFailedStart(taken);
  assert.equal(message, 'Cannot start the virtual machine: port 9099 of this computer cannot be had');
  assert.match(describeFailedStart('no memory').message, /QEMU says: no memory$/);
  assert.match(describeFailedStart('').message, /QEMU says: nothing$/);
});
