import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BOARD_IDS } from '../../shared/board/boards.ts';
import { openInstance } from './instance.ts';
import { TEMPLATES } from '../package-root.ts';
import { createInstance, hostnameFor } from './new-instance.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-new-instance-'));
after(() => rmSync(root, { recursive: true }));

test('createInstance: every template gives a valid instance for every board', async () => {
  for (const template of TEMPLATES) {
    for (const board of BOARD_IDS) {
      const directory = join(root, `${template}-${board}`);
      const created = await createInstance(directory, { template, board });
      const { config } = await openInstance(directory);
      assert.equal(config.hostname, `${template}-${board}`);
      assert.equal(config.board, board);
      // One needs an MQTT server.
      assert.equal(config.apps.length, template === 'zigbee2mqtt' ? 2 : 1);
      const texts = created.files.map((name) => readFileSync(join(directory, name), 'utf8'));
      // What tsk profile writes here has the app's secrets in it.
      const ignored = readFileSync(join(directory, '.gitignore'), 'utf8').split('\n');
      assert.equal(ignored.includes('*.heapsnapshot'), template !== 'go', template);
      for (const text of texts) assert.doesNotMatch(text, /\{\{/);
    }
  }
});

test('createInstance: overwrites nothing, and then writes nothing', async () => {
  const directory = mkdtempSync(join(root, 'full-'));
  writeFileSync(join(directory, 'package.json'), 'mine');
  await assert.rejects(
    createInstance(directory, { template: 'ts', board: 'pc-amd64' }),
    /^UserError: Cannot make a new instance in ".*": it already has "package.json"$/,
  );
  assert.equal(readFileSync(join(directory, 'package.json'), 'utf8'), 'mine');
  assert.equal(existsSync(join(directory, 'tskrazy.json')), false);
});

test('createInstance: a file in the way of the directory', async () => {
  const path = join(root, 'file');
  writeFileSync(path, '');
  await assert.rejects(
    createInstance(path, { template: 'ts', board: 'pc-amd64' }),
    /^UserError: Cannot make a new instance in ".*": a (part of the path is not a directory|file is where a directory is needed)$/,
  );
});

test('hostnameFor: a valid hostname out of any directory name', () => {
  const cases = {
    '/x/Garden': 'garden',
    '/x/Mein Gärten_2': 'mein-garten-2',
    '/x/---': 'tskrazy',
    '/': 'tskrazy',
    '/x/42': 'tsk-42',
    '/x/Local': 'tsk-local',
    '/x/localhost': 'tsk-localhost',
  };
  for (const [path, hostname] of Object.entries(cases)) assert.equal(hostnameFor(path), hostname);
  assert.equal(hostnameFor(`/${'a'.repeat(62)}-${'b'.repeat(9)}`), 'a'.repeat(62));
});
