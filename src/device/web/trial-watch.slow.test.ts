import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';

import { exampleTrial } from '../../../test/support/web/fake-device.ts';
import type { FakeInit } from '../../../test/support/web/fake-init.ts';
import {
  startWebDevice,
  type WebDevice,
  type WebDeviceOptions,
} from '../../../test/support/web/web-device.ts';
import type { TrialCheck } from '../../shared/update/update-state.ts';

const PAGE = {
  path: '/',
  contentType: 'text/html',
  etag: '"1"',
  gzip: gzipSync('the page'),
};

async function start(t: TestContext, options: WebDeviceOptions = {}): Promise<WebDevice> {
  const device = await startWebDevice({
    assets: new Map([['/', PAGE]]),
    limits: { trialIntervalMs: 10, trialAnswerMs: 1000 },
    ...options,
  });
  t.after(() => device.close());
  return device;
}

/** An app that answers 204, 500 or 302 at an address of that name, and nothing anywhere else. */
async function startApp(t: TestContext): Promise<string> {
  const server = http.createServer((request, response) => {
    const status = Number(request.url?.slice(1));
    if (status > 0) response.writeHead(status, { Location: '/204' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

async function nextChecks(init: FakeInit): Promise<TrialCheck[]> {
  init.checks = undefined;
  while (!init.checks) await sleep(5);
  return init.checks;
}

suite('TrialWatch', () => {
  test('reports the page and the health of apps that run', async (t) => {
    const device = await start(t, { update: { trial: exampleTrial() } });
    const app = await startApp(t);
    device.init.change('irrigation', { health: { url: `${app}/204` } });
    device.init.change('sensor-hub', { health: { url: `${app}/500` } });
    device.init.change('backup', { health: { url: `${app}/204` }, state: 'stopped' });
    assert.deepEqual(await nextChecks(device.init), [
      { name: 'page', problem: null },
      { name: 'health of irrigation', problem: null },
      { name: 'health of sensor-hub', problem: 'answers 500' },
    ]);
  });

  test('says what is wrong with an answer, or that there is none', async (t) => {
    const device = await start(t, { update: { trial: exampleTrial() } });
    const app = await startApp(t);
    const problems: [url: string, problem: string][] = [
      [`${app}/302`, 'answers 302'],
      [`${app}/silence`, 'does not answer within 1 s'],
      ['http://127.0.0.1:1/', 'refuses the connection'],
      ['https://127.0.0.1/', 'Protocol "https:" not supported. Expected "http:"'],
    ];
    for (const [url, problem] of problems) {
      device.init.change('irrigation', { health: { url } });
      await nextChecks(device.init);
      assert.equal((await nextChecks(device.init))[1]?.problem, problem);
    }
  });

  test('finds out that the page itself is gone', async (t) => {
    const device = await start(t, { update: { trial: exampleTrial() }, assets: new Map() });
    assert.deepEqual(await nextChecks(device.init), [{ name: 'page', problem: 'answers 500' }]);
  });

  test('finds out that tsk would not reach the page over TLS', async (t) => {
    const device = await start(t, { update: { trial: exampleTrial() }, tls: {} });
    const { tls } = device;
    assert.ok(tls);
    const checkOfTls = async () =>
      (await nextChecks(device.init)).find(({ name }) => name === 'page over HTTPS')?.problem;
    assert.equal(await checkOfTls(), null);
    device.server.context.trial.start(device.port, { port: tls.port, fingerprint: 'AB:CD' });
    await nextChecks(device.init);
    assert.equal(await checkOfTls(), 'shows another certificate than that of the image');
    device.server.context.trial.start(device.port, { port: 1, fingerprint: tls.fingerprint });
    await nextChecks(device.init);
    assert.equal(await checkOfTls(), 'refuses the connection');
  });

  test('finds out that the key of the image does not belong to its certificate', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'tsk-identity-'));
    t.after(() => rm(directory, { recursive: true }));
    const identityPath = join(directory, 'identity.pem');
    await writeFile(identityPath, 'neither key nor certificate');
    const device = await start(t, { update: { trial: exampleTrial() }, tls: {}, identityPath });
    assert.deepEqual(await nextChecks(device.init), [
      { name: 'page', problem: null },
      { name: 'page over HTTPS', problem: 'does not answer: ECONNRESET' },
    ]);
  });

  test('knows whose health is bad before a trial, and that nobody knows when init does not answer', async (t) => {
    const device = await start(t);
    const app = await startApp(t);
    const { trial } = device.server.context;
    device.init.change('irrigation', { health: { url: `${app}/204` } });
    device.init.change('sensor-hub', { health: { url: `${app}/500` } });
    assert.deepEqual(await trial.unhealthyApps(), ['sensor-hub']);
    device.init.isBroken = true;
    assert.deepEqual(await trial.unhealthyApps(), []);
  });

  test('goes on when init has failed to answer', async (t) => {
    const device = await start(t, { update: { trial: exampleTrial() } });
    await nextChecks(device.init);
    device.init.isBroken = true;
    await sleep(50);
    device.init.isBroken = false;
    await nextChecks(device.init);
  });

  test('rests without a trial, begins with one and ends with it', async (t) => {
    const device = await start(t);
    const { init } = device;
    await sleep(50);
    assert.equal(init.checks, undefined);
    init.update.trial = exampleTrial();
    device.server.context.trial.begin();
    await nextChecks(init);
    assert.equal(device.server.context.trial.isWatching, true);
    init.update.trial = null;
    while (device.server.context.trial.isWatching) await sleep(5);
  });
});
