import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AppFileEntry } from '../../../shared/config/app.ts';
import type { AppConfig } from '../../config/app-config.ts';
import { openInstance } from '../../config/instance.ts';
import { createInstance } from '../../config/new-instance.ts';
import { isPublished, parseNpmSpec } from './npm-spec.ts';
import { launchOf, recipeOf } from './recipes.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-recipes-'));
after(() => rmSync(root, { recursive: true }));

const EXAMPLES = fileURLToPath(new URL('../../../../examples/', import.meta.url));

test('recipeOf: templates and examples have what "tsk add" would write', async () => {
  for (const template of ['homebridge', 'node-red', 'zigbee2mqtt'] as const) {
    const directory = join(root, template);
    await createInstance(directory, { template, board: 'pc-amd64' });
    assert.ok(readdirSync(join(EXAMPLES, template)).includes('README.md'), template);
    for (const place of [directory, join(EXAMPLES, template)]) {
      const [app] = (await openInstance(place)).config.apps;
      assert.ok(app && isPublished(app));
      const { name } = parseNpmSpec(app.npm);
      assert.equal(name, template);
      const { env = {}, health, ports, sandbox } = recipeOf(name).config ?? {};
      assert.deepEqual([app.env, app.health, app.ports], [env, health, ports]);
      assert.deepEqual(devicesOf(app.sandbox), devicesOf(sandbox));
    }
  }
});

function devicesOf(sandbox: AppConfig['sandbox'] | AppFileEntry['sandbox']): readonly string[] {
  return typeof sandbox === 'object' ? (sandbox.devices ?? []) : [];
}

test('launchOf: programs keep their data in the data directory of their app', () => {
  assert.deepEqual(launchOf('zigbee2mqtt', '/perm/z'), { args: [], env: { ZIGBEE2MQTT_DATA: '/perm/z' } });
  assert.deepEqual(launchOf('node-red', '/perm/x').args, ['--userDir', '/perm/x']);
  assert.deepEqual(launchOf('constructor', '/perm/x'), { args: [], env: {} });
});
