import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { appName } from './app-argument.ts';
import { chooseApp, guessApp } from './guess-app.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-guess-app-'));
after(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, 'cmd/scan'), { recursive: true });
mkdirSync(join(root, 'empty'));
mkdirSync(join(root, 'garden/src'), { recursive: true });
writeFileSync(join(root, 'cmd/scan/main.go'), 'package main');
writeFileSync(join(root, 'garden/src/main.ts'), '');
writeFileSync(join(root, 'Sensör 2.mjs'), '');
writeFileSync(join(root, 'caddy'), Buffer.from('\x7fELF\x02\x01', 'latin1'));
writeFileSync(join(root, 'notes.txt'), 'x');

test('guessApp: files, Go packages, executables and import paths', async () => {
  const guess = (name: string) => guessApp(join(root, name), root);
  assert.deepEqual(await guess('Sensör 2.mjs'), { name: 'sensor-2', source: { node: './Sensör 2.mjs' } });
  assert.deepEqual(await guess('cmd/scan'), { name: 'scan', source: { go: './cmd/scan' } });
  assert.deepEqual(await guess('cmd/scan/main.go'), { name: 'scan', source: { go: './cmd/scan' } });
  assert.deepEqual(await guess('caddy'), { name: 'caddy', source: { binary: './caddy' } });
  assert.deepEqual(await guessApp('github.com/me/x/cmd/y@v1.2', root), {
    name: 'y',
    source: { go: 'github.com/me/x/cmd/y@v1.2' },
  });
  assert.deepEqual(await guessApp('github.com/me/x/v2', root), {
    name: 'x',
    source: { go: 'github.com/me/x/v2@latest' },
  });
});

test('guessApp: says what it cannot make out', async () => {
  await assert.rejects(guessApp(join(root, 'empty'), root), /: the directory has no Go files$/);
  await assert.rejects(
    guessApp(join(root, 'notes.txt'), root),
    /: it is no TypeScript or JavaScript file, no Go file and no Linux executable$/,
  );
  await assert.rejects(
    guessApp('./nothing.ts', root),
    /Cannot add ".\/nothing.ts": there is no such file or directory$/,
  );
  await assert.rejects(guessApp('sensor', root), (error: { message: string; hint?: string }) => {
    assert.equal(error.message, 'Cannot add "sensor": it is no file, no directory and no Go import path');
    assert.match(error.hint ?? '', /tsk add sensor --node/);
    return true;
  });
});

test('appName: passes over names that say nothing', () => {
  assert.equal(appName('/home/me/garden/src/main.ts'), 'garden');
  assert.equal(appName('/x/sensor/index.js'), 'sensor');
  assert.equal(appName('/main.ts'), 'app');
});

test('chooseApp: an option wins over the guess, two exclude each other', async () => {
  assert.deepEqual(await chooseApp('x', { go: './cmd/scan' }, root), {
    name: 'x',
    source: { go: './cmd/scan' },
  });
  assert.deepEqual(await chooseApp(join(root, 'caddy'), { name: 'web2' }, root), {
    name: 'web2',
    source: { binary: './caddy' },
  });
  await assert.rejects(
    chooseApp('x', { go: '.', node: 'm.ts' }, root),
    /--node and --go exclude each other$/,
  );
});
