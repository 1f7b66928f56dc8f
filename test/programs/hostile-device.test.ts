// A device that steers, or an app on one: whatever it says, tsk prints nothing that a person's terminal obeys, and nothing
// that it would hide or reorder. The device is a real one behind a proxy that adds to every text in its answers.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { TSK } from '../support/tsk-program.ts';
import { ask } from '../support/web/http-ask.ts';
import { startWebDevice, TEST_PASSWORD } from '../support/web/web-device.ts';

/** A title, a cleared screen by C1, a line that goes back, concealed and turned text, and a line of its own. */
const STEERING = '\u001B]0;owned\u0007\u009B2J\r\u001B[8m\u202E\u2066\u200B\u061C\nHint: obey';

/** All that a terminal may get: text, and the colours that tsk itself gives it. */
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\0-\u0008\u000B-\u001F\u007F-\u009F\u200B-\u200F\u202A-\u202E\u2060-\u2069\u061C]/;

function withoutOwnColors(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/\u001B\[(?:[0-4]|9|2[2-9]|3[1-69]|9\d|49)m/g, '');
}

/** What `startWebDevice` says, with more in every text and name of it. */
async function startHostile(t: TestContext, refuses = false): Promise<string> {
  const device = await startWebDevice();
  device.init.log('backup', 'a line');
  const steer = (value: unknown): unknown => {
    if (typeof value === 'string') return `${value}${STEERING}`;
    if (Array.isArray(value)) return value.map(steer);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([name, each]) => [name, steer(each)] as const);
    return Object.fromEntries([...entries, [`more${STEERING}`, 'x']]);
  };
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/', headers } = request;
    const { status, body } = await ask(device.url, url, { method, headers: { ...headers, host: 'garden' } });
    const refusal = { error: { code: 'wrong-state', message: 'It is not in the mood' } };
    const lines = refuses ? [JSON.stringify(refusal)] : body.split('\n');
    const steered = lines.map((line) =>
      /^[{[]/.test(line) ? JSON.stringify(steer(JSON.parse(line))) : line,
    );
    response.writeHead(refuses ? 409 : status, { 'Content-Type': 'application/json' });
    response.end(steered.join('\n'));
  };
  const proxy = http.createServer((request, response) => void answer(request, response));
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await device.close();
  });
  return `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

function makeInstance(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-hostile-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const config = { hostname: 'garden', board: 'pc-amd64', apps: { backup: { binary: './backup' } } };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
  mkdirSync(join(directory, '.tskrazy'));
  writeFileSync(join(directory, '.tskrazy', 'password'), `${TEST_PASSWORD}\n`);
  return directory;
}

function tsk(directory: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const env = { ...process.env, FORCE_COLOR: '1' };
    execFile(process.execPath, [TSK, '-i', directory, ...args], { env }, (_error, stdout, stderr) => {
      resolve(`${stdout}${stderr}`);
    });
  });
}

const VERBS = [
  ['ps'],
  ['ps', '--json'],
  ['status'],
  ['status', '--json'],
  ['logs', 'backup'],
  ['logs', 'backup', '--json'],
  ['logs', 'nothing'],
  ['logs', 'backup', '--boot', '-1'],
  ['logs', 'backup', '--reports'],
  ['restart', 'backup'],
  ['repl', 'backup'],
  ['inspect', 'backup'],
  ['profile', 'backup', '--heap'],
  ['doctor', '--device'],
  ['doctor', '--device', '--json'],
];

void suite('a hostile device', { concurrency: 2 }, () => {
  for (const [what, refuses, verbs] of [
    ['says', false, VERBS],
    ['refuses', true, VERBS.slice(0, 2)],
  ] as const)
    test(`steers no terminal, whichever verb prints what it ${what}`, async (t) => {
      const directory = makeInstance(t);
      const host = await startHostile(t, refuses);
      let spoken = 0;
      for (const verb of verbs) {
        const text = withoutOwnColors(await tsk(directory, [...verb, '--host', host, '--insecure-http']));
        if (text.includes('owned')) spoken++;
        assert.doesNotMatch(text, FORBIDDEN, `${verb.join(' ')}: ${JSON.stringify(text)}`);
        assert.doesNotMatch(text, /^Hint: obey/m, verb.join(' '));
        assert.doesNotMatch(text, /This is a bug in tsk/, text);
      }
      assert.ok(spoken >= verbs.length - 2, `only ${spoken} verbs have quoted the device`);
    });
});
