import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../config/parse-config.ts';
import { resolveConfig } from '../config/instance-config.ts';
import { usualForwards } from './usual-forwards.ts';

const guestPorts = (keys: string) => {
  const text = `{ "hostname": "garden", "board": "pc-amd64", ${keys} }`;
  const forwards = usualForwards(resolveConfig(parseConfig(text, 'tskrazy.json'), '/instance'));
  assert.ok(forwards.every(({ hostPort }) => hostPort === 0));
  return forwards.map(({ guestPort }) => guestPort);
};

const apps = (health: string) => `"apps": { "a": { "node": "m.js", "health": "${health}" } }`;

test('usualForwards: 8080, and where apps are asked for their health, but not the ports of the status page', () => {
  assert.deepEqual(guestPorts('"apps": {}'), [8080]);
  assert.deepEqual(guestPorts(apps('http://localhost:1880/')), [8080, 1880]);
  assert.deepEqual(guestPorts(apps('http://[::1]:8080/healthz')), [8080]);
  assert.deepEqual(guestPorts(`"web": { "port": 8080 }, ${apps('http://127.0.0.1:80/')}`), [80]);
});
