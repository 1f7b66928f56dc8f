import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BOARDS } from '../../shared/board/boards.ts';
import { checkBootloaderLines, checkOverlays } from './check-bootloader-lines.ts';

test('checkBootloaderLines refuses lines for a board without a config.txt, with their place', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-lines-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const configPath = join(directory, 'tskrazy.json');
  writeFileSync(configPath, '{\n  "board": "raspberry-pi",\n  "bootloaderLines": ["dtoverlay=w1-gpio"]\n}\n');
  const instance = { configPath, config: { bootloaderLines: ['dtoverlay=w1-gpio'] } };
  await checkBootloaderLines(instance, BOARDS['raspberry-pi']);
  for (const id of ['pc-amd64', 'pc-arm64'] as const) {
    await assert.rejects(checkBootloaderLines(instance, BOARDS[id]), {
      name: 'ConfigError',
      message: `Cannot use "${configPath}": it has a mistake

${configPath}:3:3: "bootloaderLines" are for boards that have a config.txt
      "bootloaderLines": ["dtoverlay=w1-gpio"]
      ^^^^^^^^^^^^^^^^^`,
    });
    await checkBootloaderLines({ configPath, config: { bootloaderLines: [] } }, BOARDS[id]);
    // Overlays are the other boot loader's.
    await checkOverlays(instance, BOARDS[id], new Map());
  }
});
