import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOARDS } from '../../shared/boards.ts';
import { parseUsernet, requireQemu } from './virtual-machine.ts';

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
