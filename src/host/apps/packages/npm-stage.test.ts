import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { appConfig, appContext, makeFiles, userError } from '../../../../test/support/builds/app-builds.ts';
import { readNpmPackage } from './npm-package.ts';
import { stageInstalled } from './npm-stage.ts';

test('a package that is installed has npm bring no directory or address by its version or name', async (t) => {
  for (const fields of [
    { version: 'file:../../../../project' },
    { version: 'https://packages.example/x.tgz' },
    { version: 'git+ssh://git@packages.example/x.git' },
    { version: '*' },
    { version: '1.0.0', name: '../../project' },
    { version: '1.0.0', name: 'file:../../project' },
    {},
  ]) {
    const directory = makeFiles(t, {
      'node_modules/other/package.json': JSON.stringify({ name: 'other', ...fields }),
    });
    const found = readNpmPackage('other', join(directory, 'node_modules/other'));
    assert.ok(found !== undefined);
    await assert.rejects(
      stageInstalled(appConfig({}), [found], undefined, { ...appContext(directory), offline: true }),
      userError(/package "other" calls itself ".*" of version ".*", as no published one may$/),
    );
  }
});
