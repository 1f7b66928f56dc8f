import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOARDS } from '../../shared/board/boards.ts';
import { componentNamesOf, NO_OPTIONAL_PARTS } from './component.ts';

test('no image has the toolbox in it: sshd is sent to devices, and gone again', () => {
  for (const board of Object.values(BOARDS))
    for (const hasTimeZone of [true, false])
      assert.ok(
        !componentNamesOf(board, { ...NO_OPTIONAL_PARTS, hasTimeZone }).includes('toolbox'),
        board.id,
      );
});
