import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appConfig, makeFiles } from '../../../../test/support/builds/app-builds.ts';
import { dataFiles } from './first-start.ts';

test('dataFiles: a directory goes as a whole, and names with a dot by themselves', (t) => {
  const directory = makeFiles(t, {
    'old/flows.json': '[]',
    'old/deep/notes': '',
    'old/.config.runtime.json': '{}',
    'old/.env': '',
  });
  const config = [
    { from: './old', to: '.' },
    { from: './old/.config.runtime.json', to: '.config.runtime.json', keep: false },
  ];
  const { entries, warnings } = dataFiles(
    { ...appConfig({ name: 'red' }), npm: 'node-red', config },
    directory,
  );
  assert.deepEqual(warnings, [
    'app "red" goes without old/.env (names with a dot): what it needs of these, name by itself in "config"; ' +
      'secrets go by "secrets"',
  ]);
  const script = entries.find(({ path }) => path === '/app/red/data-files.cjs');
  const content =
    script?.kind === 'file' && script.content.kind === 'bytes' ? script.content.bytes : undefined;
  const [, files = ''] = /const files = (.*);/.exec(Buffer.from(content ?? []).toString()) ?? [];
  assert.deepEqual(JSON.parse(files), [
    { from: '/app/red/data-files/0/deep/notes', to: 'deep/notes', keep: true },
    { from: '/app/red/data-files/0/flows.json', to: 'flows.json', keep: true },
    { from: '/app/red/data-files/1/.config.runtime.json', to: '.config.runtime.json', keep: false },
  ]);
});
