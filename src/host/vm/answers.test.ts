import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { answers } from './answers.ts';

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test('answers takes only a whole, successful answer within the limit', async (t) => {
  assert.equal(await answers(await serve(t, (_, response) => response.end('ok'))), true);
  assert.equal(await answers(await serve(t, (_, response) => response.writeHead(503).end('no'))), false);
  assert.equal(await answers(await serve(t, ({ socket }) => socket.destroy())), false);
  assert.equal(await answers(await serve(t, (_, response) => response.write('o')), 50), false);
});

test('answers asks no proxy for what is on this computer', async (t) => {
  const url = await serve(t, (_, response) => response.end('ok'));
  const program = `import { answers } from ${JSON.stringify(new URL('answers.ts', import.meta.url).href)};
    console.log(await answers(${JSON.stringify(url)}));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', program],
    // Port 9 is nobody's: a request by way of this proxy fails.
    { env: { ...process.env, NODE_USE_ENV_PROXY: '1', http_proxy: 'http://127.0.0.1:9', no_proxy: '' } },
  );
  assert.equal(stdout, 'true\n');
});
