import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { startFileServer } from '../../../test/support/builds/file-server.ts';
import { proxyOf } from './env-proxy.ts';

/** Answers everything itself, inside of tunnels and without. */
async function startProxy(t: TestContext): Promise<{ address: string; hosts: string[] }> {
  const hosts: string[] = [];
  const server = createServer((request, response) => {
    hosts.push(request.headers.host ?? '');
    response.end('by the proxy');
  });
  server.on('connect', (_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    server.emit('connection', socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, hosts };
}

/** In a process of its own: a proxy is one for all that it does. */
async function download(url: string, environment: Record<string, string>): Promise<string> {
  const program = `import { downloadText } from ${JSON.stringify(new URL('download.ts', import.meta.url).href)};
    console.log(await downloadText(${JSON.stringify(url)}, 1).catch(({ message }) => message));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    env: { PATH: process.env['PATH'], ...environment },
  });
  return stdout.trim();
}

test('downloads go through the proxy of the environment, but not those from this computer', async (t) => {
  const proxy = await startProxy(t);
  const server = await startFileServer(t, { '/list': 'without' });
  // "http_proxy=host:port" is what many have.
  const environment = { http_proxy: proxy.address, no_proxy: 'other.test' };
  assert.equal(await download('http://files.test/list', environment), 'by the proxy');
  assert.equal(await download(`${server.url}/list`, environment), 'without');
  assert.deepEqual(proxy.hosts, ['files.test']);
  assert.match(
    await download('http://files.test/list', { http_proxy: 'socks5://127.0.0.1:9' }),
    /^Cannot download: the variable http_proxy names no HTTP proxy$/,
  );
});

test('proxyOf reads the variables as other tools do', () => {
  const loopback = 'localhost,127.0.0.1,[::1]';
  for (const [environment, expected] of [
    [{}, undefined],
    [{ no_proxy: 'a' }, undefined],
    [{ https_proxy: ' ' }, undefined],
    [{ HTTPS_PROXY: 'http://p:1' }, { https_proxy: 'http://p:1', no_proxy: loopback }],
    [
      { https_proxy: 'https://u:s@p', HTTP_PROXY: 'p:2', NO_PROXY: 'a,.b' },
      { http_proxy: 'http://p:2', https_proxy: 'https://u:s@p', no_proxy: `a,.b,${loopback}` },
    ],
    [
      { http_proxy: 'p:1', no_proxy: '*' },
      { http_proxy: 'http://p:1', no_proxy: '*' },
    ],
  ] as const) {
    assert.deepEqual(proxyOf(environment), expected);
  }
});
