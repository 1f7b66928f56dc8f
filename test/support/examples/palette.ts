// Node-RED whose palette installs a node on the device, from a registry on this machine, and that has it after a restart.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startNpmRegistry } from '../builds/npm-registry.ts';
import type { Lifetime } from '../updates/update-lab.ts';
import { deployFlow, type ExampleCase, EXAMPLE_CASES, flowAnswers, textOf } from './example-cases.ts';
import { type Ask, askOf, type Place } from './place.ts';

const NAME = 'node-red-contrib-shout';
/** As a machine sees 127.0.0.1 of the computer that emulates it. */
const COMPUTER = '10.0.2.2';
const INSTALL_LIMIT_MS = 300_000;

const CODE = `module.exports = (RED) => {
  RED.nodes.registerType('shout', function (config) {
    RED.nodes.createNode(this, config);
    this.on('input', (message, send) => send({ ...message, payload: message.payload.toUpperCase() }));
  });
};`;
const EDITOR = "<script>RED.nodes.registerType('shout', { defaults: {}, inputs: 1, outputs: 1 });</script>";

/** As the page of Node-RED does it. */
export async function installByPalette(ask: Ask, name: string): Promise<void> {
  const answer = await ask('/nodes', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ module: name }),
    signal: AbortSignal.timeout(INSTALL_LIMIT_MS),
  });
  await textOf(answer);
}

function hasShouted(place: Place): Promise<string> {
  return flowAnswers(place, 'HELLO 42');
}

/** Of the example in that directory. */
export async function paletteCase(t: Pick<Lifetime, 'after'>, directory: string): Promise<ExampleCase> {
  const registry = await startNpmRegistry(t);
  await registry.publish(NAME, '1.0.0', {
    json: { 'node-red': { nodes: { shout: 'shout.js' } }, keywords: ['node-red'] },
    files: { 'shout.js': CODE, 'shout.html': EDITOR },
  });
  const address = registry.url.replace('127.0.0.1', COMPUTER);
  writeFileSync(join(directory, 'npmrc'), `registry=${address}/\nreplace-registry-host=always\n`);
  const path = join(directory, 'tskrazy.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as { apps: { red: object } };
  const red = { ...config.apps.red, installOnDevice: true, config: [{ from: './npmrc', to: '.npmrc' }] };
  writeFileSync(path, JSON.stringify({ ...config, apps: { red } }));
  const example = EXAMPLE_CASES['node-red']?.();
  assert.ok(example !== undefined);
  return {
    ...example,
    async use(place) {
      await installByPalette(askOf(place, example.port), NAME);
      await deployFlow(place, ['shout']);
      return `its palette installs a node, and ${await hasShouted(place)} through it`;
    },
    again: hasShouted,
  };
}
