import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { SourcePlaces } from '../devices/source-places.ts';
import { openLocalEndpoint } from './local-endpoint.ts';
import type { OpenInspector } from './open-inspector.ts';
import { ScriptSourceMaps } from './script-source-maps.ts';

const TARGET = '0123abcd-0123-0123-0123-0123456789ab';

test('another user of this computer learns no target, and gets to none', async (t) => {
  const inspector: OpenInspector = {
    app: 'sensor',
    target: TARGET,
    connect: async () => assert.fail('A tunnel was opened'),
    ended: new Promise(() => {}),
    close: async () => {},
  };
  const problems: unknown[] = [];
  const endpoint = await openLocalEndpoint(inspector, {
    port: undefined,
    maps: new ScriptSourceMaps(new SourcePlaces('/nowhere', 'b1'), '/garden'),
    onProblem: (error) => problems.push(error),
    isMine: async () => false,
  });
  t.after(() => endpoint.close());
  const place = { host: '127.0.0.1', port: endpoint.port };
  const listed = await fetch(`http://127.0.0.1:${endpoint.port}/json/list`);
  assert.equal(listed.status, 403);
  assert.doesNotMatch(await listed.text(), new RegExp(TARGET));
  const headers = { Connection: 'Upgrade', Upgrade: 'websocket' };
  const request = http.get({ ...place, path: `/${TARGET}`, headers });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  assert.equal(response.statusCode, 403);
  response.resume();
  assert.deepEqual(problems, []);
});
