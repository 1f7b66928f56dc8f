import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { appConfig, appContext, makeFiles } from '../../../../test/support/builds/app-builds.ts';
import { packageRoot } from '../../package-root.ts';
import { buildApp } from '../build-app.ts';

const USES_SDK = `
import { dataDir, isOnDevice, log, ready, waitFor } from 'tskrazy/app';
await ready();
await waitFor(['clock', 'network']);
log.info('off the device', { isOnDevice, here: dataDir === process.cwd() });
`;

for (const main of [USES_SDK, `async function run() {${USES_SDK.replace(/import .*\n/, '')}}; void run();`]) {
  const isEsm = main === USES_SDK;
  test(`an app bundles the SDK without having it installed, ${isEsm ? 'with' : 'without'} top-level await`, async (t) => {
    const source = isEsm ? main : `${USES_SDK.match(/import .*\n/)?.[0]}${main}`;
    const directory = makeFiles(t, { 'main.ts': source });
    const { entries } = await buildApp(appConfig({ node: './main.ts' }), appContext(directory));
    const file = entries.find((entry) => entry.path.startsWith('/app/app/main.'));
    assert.ok(file?.kind === 'file' && file.content.kind === 'bytes');
    const code = Buffer.from(file.content.bytes).toString();
    assert.ok(!code.includes(packageRoot().directory), 'names no directory of this machine');
    const path = join(directory, isEsm ? 'out.mjs' : 'out.cjs');
    writeFileSync(path, code);
    const output = execFileSync(process.execPath, [path], { cwd: directory, encoding: 'utf8' });
    assert.equal(output, 'level=info msg="off the device" isOnDevice=false here=true\n');
  });
}

test('an app bundles the lines of GPIO, which are simulated off the device', async (t) => {
  const source = `
import { input, output, wires } from 'tskrazy/app/gpio';
using led = output(17);
led.write(true);
using button = input('GPIO4', { bias: 'pull-up' });
const edges = button.edges();
wires.drive(4, false);
for await (const { value } of edges) {
  console.log(wires.level(17), value);
  break;
}
`;
  const directory = makeFiles(t, { 'main.ts': source });
  const { entries } = await buildApp(appConfig({ node: './main.ts' }), appContext(directory));
  const file = entries.find((entry) => entry.path.startsWith('/app/app/main.'));
  assert.ok(file?.kind === 'file' && file.content.kind === 'bytes');
  const code = Buffer.from(file.content.bytes).toString();
  assert.ok(!code.includes(packageRoot().directory), 'names no directory of this machine');
  const path = join(directory, 'out.mjs');
  writeFileSync(path, code);
  const output = execFileSync(process.execPath, [path], { cwd: directory, encoding: 'utf8' });
  assert.equal(output, 'true false\n');
});
