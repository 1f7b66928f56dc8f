import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOARDS } from '../../shared/board/boards.ts';
import { componentNamesOf, NO_OPTIONAL_PARTS, optionalPartsOf } from './component.ts';

test('no image has the toolbox in it: sshd is sent to devices, and gone again', () => {
  for (const board of Object.values(BOARDS))
    for (const hasTimeZone of [true, false])
      assert.ok(
        !componentNamesOf(board, { ...NO_OPTIONAL_PARTS, hasTimeZone }).includes('toolbox'),
        board.id,
      );
});

test('busybox is in images of which an app has a shell, and in no others', () => {
  const config = { time: {}, components: {} };
  for (const board of Object.values(BOARDS)) {
    const namesWith = (...sandboxes: ('off' | { hasShell?: boolean })[]): string[] =>
      componentNamesOf(
        board,
        optionalPartsOf({ ...config, apps: sandboxes.map((sandbox) => ({ sandbox })) }),
      );
    assert.ok(namesWith({}, { hasShell: true }).includes('busybox'), board.id);
    assert.ok(!namesWith({}, 'off').includes('busybox'), board.id);
  }
});
