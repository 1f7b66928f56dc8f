import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';
import { findTool } from './run-tool.ts';

test('a directory of the name of a tool is passed over', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-run-tool-'));
  after(() => rmSync(directory, { recursive: true }));
  const home = join(directory, 'home');
  const bin = join(directory, 'bin');
  mkdirSync(join(home, 'go'), { recursive: true });
  mkdirSync(bin);
  writeFileSync(join(bin, 'go'), '#!/bin/sh\n', { mode: 0o755 });

  assert.equal(await findTool('go', { PATH: [home, bin].join(delimiter) }), join(bin, 'go'));
  assert.equal(await findTool('go', { PATH: home }), undefined);
});
