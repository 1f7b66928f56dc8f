// The real server over HTTP, with a FakeInit behind it: who may do what, and what is answered.

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import type { WebError } from '../../shared/api/refusals.ts';
import type { NewSession, WebStatus } from '../../shared/api/web-api.ts';
import { ask, basic, type Answer, type Ask } from '../../../test/support/web/http-ask.ts';
import { TEST_PASSWORD, startWebDevice, type WebDevice } from '../../../test/support/web/web-device.ts';

const RIGHT = basic(TEST_PASSWORD);
const JSON_BODY = { 'Content-Type': 'application/json' };
const page = gzipSync('<!doctype html>');
const assets = new Map([
  ['/', { path: '/', contentType: 'text/html', etag: '"1"', gzip: page }],
  ['/assets/page.js', { path: '/assets/page.js', contentType: 'text/javascript', etag: '"2"', gzip: page }],
]);

function messageOf(answer: Answer): string {
  return (answer.json() as { error: { message: string } }).error.message;
}

/** The header that a session's token goes in. */
async function logIn(device: WebDevice): Promise<{ Authorization: string }> {
  const body = JSON.stringify({ password: TEST_PASSWORD });
  const answer = await ask(device.url, '/api/v1/sessions', { method: 'POST', headers: JSON_BODY, body });
  assert.equal(answer.status, 201);
  const { token } = answer.json() as NewSession;
  assert.match(token, /^[\w-]{43}$/);
  return { Authorization: `Bearer ${token}` };
}

suite('web server', () => {
  let device: WebDevice;
  const to = (path: string, options?: Ask) => ask(device.url, path, options);
  const statusAt = async (Host: string, path: string) => (await to(path, { headers: { Host } })).status;
  before(async () => {
    device = await startWebDevice({ assets });
  });
  after(() => device.close());

  test('answers /health to anybody, and HEAD like GET', async () => {
    assert.equal((await to('/health')).body, 'ok\n');
    const head = await to('/health', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body], [200, '']);
  });

  test('takes requests as proxies and old programs write them', async () => {
    for (const path of [
      `${device.url}/api/v1/status`,
      'http://garden:80/api/v1/status?x=1',
      'HTTP://garden/api/v1/status',
    ]) {
      assert.equal((await to(path, { headers: RIGHT })).status, 200, path);
      assert.equal((await to(path)).status, 401, path);
    }
    assert.equal((await to('http://garden')).status, 200);
    assert.equal((await to('http://garden/../etc/passwd', { headers: RIGHT })).status, 404);
    const Authorization = String(RIGHT['Authorization']).replace(' ', '   ');
    assert.equal((await to('/api/v1/status', { headers: { Authorization } })).status, 200);
  });

  test('says with every answer what browsers may do with it', async () => {
    for (const path of ['/health', '/nowhere', '/api/v1/status', '/login']) {
      const { headers } = await to(path);
      assert.match(String(headers['content-security-policy']), /^default-src 'self';/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['x-frame-options'], 'DENY');
      assert.equal(headers['access-control-allow-origin'], undefined);
    }
  });

  test('wants a login for everything that tells of the device', async () => {
    for (const path of ['/api/v1/status', '/api/v1/events', '/api/v1/logs/irrigation']) {
      const answer = await to(path);
      assert.equal(answer.status, 401, path);
      assert.match(answer.headers['www-authenticate'] ?? '', /^Basic /);
    }
    // Browsers would open their own password window, and keep the password. Only over TLS or on loopback do they say more
    // of themselves than their name.
    for (const headers of [
      { 'Sec-Fetch-Mode': 'cors' },
      { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64)' },
    ]) {
      const asPage = await to('/api/v1/status', { headers });
      assert.deepEqual([asPage.status, asPage.headers['www-authenticate']], [401, undefined]);
    }
  });

  test('logs in by a password in the body, and out again', async () => {
    const info = (await to('/api/v1/sessions')).json();
    assert.deepEqual(info, { hostname: 'garden', needsPassword: true });
    const post = (body: string) => to('/api/v1/sessions', { method: 'POST', headers: JSON_BODY, body });
    const wrong = await post('{"password":"nope"}');
    assert.deepEqual([wrong.status, messageOf(wrong)], [401, 'The password is wrong']);
    for (const body of ['', '{}', '[]', '"x"', '{"password":7}', '{"password":null}'])
      assert.equal((await post(body)).status, 400, body);
    const session = await logIn(device);
    assert.equal((await to('/api/v1/status', { headers: session })).status, 200);
    const other = await logIn(device);
    assert.equal((await to('/api/v1/sessions', { method: 'DELETE', headers: session })).status, 204);
    assert.equal((await to('/api/v1/status', { headers: session })).status, 401);
    assert.equal((await to('/api/v1/status', { headers: other })).status, 200);
    assert.equal((await to('/api/v1/sessions', { method: 'DELETE' })).status, 401);
  });

  test('neither sets nor reads a cookie', async () => {
    const { Authorization } = await logIn(device);
    const Cookie = `tskrazy_session=${Authorization.slice('Bearer '.length)}`;
    assert.equal((await to('/api/v1/status', { headers: { Cookie } })).status, 401);
    const login = { method: 'POST', headers: JSON_BODY, body: '{"password":"demo"}' };
    for (const [path, options] of [
      ['/', {}],
      ['/login', {}],
      ['/health', {}],
      ['/api/v1/sessions', login],
      ['/api/v1/status', { headers: RIGHT }],
      ['/nowhere', {}],
    ] as const)
      assert.equal((await to(path, options)).headers['set-cookie'], undefined, path);
  });

  test('answers to its own names and addresses, and to no others', async () => {
    const here = new URL(device.url).host;
    for (const host of [
      here,
      'garden',
      'Garden:8080',
      'garden.local',
      'garden.local.',
      'garden.home.arpa:80',
      'localhost:65535',
      '127.0.0.1',
      '127.9.9.9:8080',
      '[::1]',
      '[::1%25lo]:8080',
      '[::ffff:127.0.0.1]:80',
    ])
      for (const path of ['/health', '/', '/assets/page.js', `http://${host}/health`])
        assert.equal(await statusAt(host, path), 200, `${host} ${path}`);
    for (const host of [
      'evil.example',
      'garden.evil.example',
      'evil.local',
      'notgarden',
      'localhost.evil.example',
      '192.0.2.1',
      '[2001:db8::1]:80',
      'garden@evil.example',
      'evil.example:80:80',
      '[::1',
      '.',
    ])
      for (const path of ['/health', '/', '/api/v1/status'])
        assert.equal(await statusAt(host, path), 421, `${host} ${path}`);
    assert.equal(await statusAt('garden', 'http://evil.example/health'), 421);
    const named = await startWebDevice({
      config: { web: { port: 0, passwordHash: null, hosts: ['Page.example.org', '2001:db8:0::7'] } },
    });
    // Whoever answers for DHCP in the network has chosen that domain, and here no password is in the way.
    const ofNetwork = await ask(named.url, '/health', { headers: { Host: 'garden.home.arpa' } });
    assert.equal(ofNetwork.status, 421);
    for (const Host of ['page.example.org', 'PAGE.example.org.:8443', '[2001:db8::7]', 'garden'])
      assert.equal((await ask(named.url, '/health', { headers: { Host } })).status, 200, Host);
    for (const Host of ['example.org', 'x.page.example.org', '[2001:db8::8]'])
      assert.equal((await ask(named.url, '/health', { headers: { Host } })).status, 421, Host);
    await named.close();
    const refused = await to('/api/v1/status', { headers: { Host: 'evil.example' } });
    assert.equal(
      messageOf(refused),
      'This device does not go by the name "evil.example"; if it is to, add it to "web.hosts" in tskrazy.json',
    );
  });

  test('gives programs a session for Bearer, which begets no other', async () => {
    const created = await to('/api/v1/sessions', { method: 'POST', headers: RIGHT });
    assert.equal(created.status, 201);
    const { token } = created.json() as { token: string };
    const bearer = { Authorization: `Bearer ${token}` };
    assert.equal((await to('/api/v1/status', { headers: bearer })).status, 200);
    assert.equal((await to('/api/v1/sessions', { method: 'POST', headers: bearer })).status, 403);
    assert.equal((await to('/api/v1/status', { headers: { Authorization: 'Bearer x' } })).status, 401);
  });

  test('refuses changes from the pages of other sites', async () => {
    const session = await logIn(device);
    const restart = (headers: Ask['headers']) =>
      to('/api/v1/services/irrigation/restart', { method: 'POST', headers: { ...headers } });
    for (const headers of [
      { ...session, Origin: 'http://evil.example' },
      { ...session, Origin: 'null' },
      { ...session, 'Sec-Fetch-Site': 'cross-site' },
      { ...RIGHT, Origin: 'http://evil.example' },
      { ...RIGHT, 'Sec-Fetch-Site': 'same-site' },
    ])
      assert.equal((await restart(headers)).status, 403, JSON.stringify(headers));
    assert.deepEqual(device.init.acts, []);
    // Without a token nothing that a browser adds by itself counts for anything.
    assert.equal((await restart({ Origin: device.url, Cookie: 'tskrazy_session=x' })).status, 401);
    const foreignLogin = await to('/api/v1/sessions', {
      method: 'POST',
      headers: { ...JSON_BODY, Origin: 'http://evil.example' },
      body: '{"password":"demo"}',
    });
    assert.equal(foreignLogin.status, 403);
    assert.equal((await restart({ ...session, Origin: device.url })).status, 200);
    assert.deepEqual(device.init.acts.splice(0), ['restart irrigation']);
  });

  test('passes on what init does and refuses', async () => {
    const act = (name: string, action: string) =>
      ask(device.url, `/api/v1/services/${name}/${action}`, { method: 'POST', headers: RIGHT });
    const stopped = await act('backup', 'stop');
    assert.deepEqual([stopped.status, messageOf(stopped)], [409, 'Service "backup" is stopped already']);
    const started = await act('backup', 'start');
    assert.equal((started.json() as { state: string }).state, 'running');
    assert.equal((await act('nobody', 'start')).status, 404);
    assert.equal((await act('backup', 'explode')).status, 404);
    assert.equal((await act('..%2fx', 'start')).status, 404);
    device.init.acts.length = 0;
  });

  test('masks what the status of a service quotes of its arguments', async () => {
    device.init.change('backup', {
      reason: 'Cannot start /app/backup --token canary',
      health: { url: 'http://127.0.0.1:1/health?key=canary' },
    });
    const answers = [
      await to('/api/v1/status', { headers: RIGHT }),
      await to('/api/v1/services/backup/restart', { method: 'POST', headers: RIGHT }),
    ];
    for (const { status, body } of answers) {
      assert.equal(status, 200);
      assert.ok(!body.includes('canary') && body.includes('***'), body);
    }
    device.init.acts.length = 0;
  });

  test('shows what was changed at once', async () => {
    const stateOf = async (): Promise<string | undefined> => {
      const status = (await to('/api/v1/status', { headers: RIGHT })).json() as WebStatus;
      return status.services.find(({ name }) => name === 'irrigation')?.state;
    };
    assert.equal(await stateOf(), 'running');
    await to('/api/v1/services/irrigation/stop', { method: 'POST', headers: RIGHT });
    assert.equal(await stateOf(), 'stopped');
    await to('/api/v1/services/irrigation/start', { method: 'POST', headers: RIGHT });
    assert.equal(await stateOf(), 'running');
    device.init.acts.length = 0;
  });

  test('restarts itself only after it has answered, and never stops itself', async () => {
    const web = (action: string) => to(`/api/v1/services/web/${action}`, { method: 'POST', headers: RIGHT });
    assert.equal((await web('stop')).status, 409);
    assert.equal((await web('restart')).status, 202);
    const reboot = await to('/api/v1/reboot', { method: 'POST', headers: RIGHT });
    assert.deepEqual([reboot.status, reboot.json()], [202, { accepted: 'reboot' }]);
    assert.deepEqual(device.init.acts.splice(0), ['restart web', 'reboot']);
  });

  test('puts the status together', async () => {
    const answer = await to('/api/v1/status', { headers: RIGHT });
    const status = answer.json() as WebStatus;
    assert.equal(status.system.hostname, 'garden');
    assert.equal(status.network?.interfaces[0]?.name, 'eth0');
    assert.equal(typeof status.usage.cpu.busyFraction, 'number');
    assert.ok(status.services.some(({ name, usage }) => name === 'irrigation' && usage !== null));
    assert.equal(status.startTime?.beforeKernelSec, null);
    assert.ok((status.startTime?.untilPageSec ?? 0) > 0);
    assert.ok(!answer.body.includes('scrypt'));
  });

  test('sends logs as text and as NDJSON', async () => {
    device.init.log('backup', 'one');
    device.init.log('backup', 'two', 'stderr');
    const text = await to('/api/v1/logs/backup?lines=2&download=1', { headers: RIGHT });
    assert.match(text.body, /^\d{4}-\S+Z {3}one\n\S+Z ! two\n$/);
    assert.equal(text.headers['content-disposition'], 'attachment; filename="backup.log"');
    const ndjson = await to('/api/v1/logs/backup?lines=1&format=ndjson', { headers: RIGHT });
    assert.equal((ndjson.json() as { text: string }).text, 'two');
    for (const [path, status] of [
      ['/api/v1/logs/nobody', 404],
      ['/api/v1/logs/..%2f..%2fetc%2fpasswd', 404],
      ['/api/v1/logs/backup?lines=99999999', 400],
      ['/api/v1/logs/backup?lines=-1', 400],
      ['/api/v1/logs/backup?format=xml', 400],
      ['/api/v1/logs/backup?since=yesterday', 400],
      ['/api/v1/logs/backup?boot=1', 400],
      ['/api/v1/logs/backup?boot=-1', 404],
    ] as const)
      assert.equal((await to(path, { headers: RIGHT })).status, status, path);
  });

  test('sends the logs of earlier boots, and lines since a time', async () => {
    const boot = { boot: -1, id: 'x', buildId: 'b', slot: null, bootedAtMs: 0, end: null, logs: ['backup'] };
    device.init.boots = [boot];
    device.init.earlierLogs.set('backup', [
      { seq: 0, timeMs: 1000, stream: 'stdout', text: 'early' },
      { seq: 1, timeMs: 2000, stream: 'stdout', text: 'late' },
    ]);
    assert.deepEqual((await to('/api/v1/boots', { headers: RIGHT })).json(), [boot]);
    const text = await to('/api/v1/logs/backup?boot=-1&since=1500', { headers: RIGHT });
    assert.equal(text.body, '1970-01-01T00:00:02.000Z   late\n');
    assert.equal((await to('/api/v1/boots')).status, 401);
  });

  test('has no way out of its table of addresses', async () => {
    for (const path of [
      '/../etc/passwd',
      '/assets/../../etc/tskrazy/device.json',
      '/assets/..%2f..%2fetc%2fpasswd',
      '/assets/%2e%2e/page.js',
      '/assets/',
      '/assets/page.js/',
      '//etc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/assets/page.js%00',
    ])
      assert.equal((await to(path, { headers: RIGHT })).status, 404, path);
    assert.equal((await to('/assets/page.js?v=1', { headers: { 'Accept-Encoding': 'gzip' } })).status, 200);
  });

  test('answers an asset that the browser has with 304', async () => {
    const answer = await to('/assets/page.js', { headers: { 'If-None-Match': '"2"' } });
    assert.equal(answer.status, 304);
  });

  test('names the methods that an address has', async () => {
    const answer = await to('/api/v1/status', { method: 'DELETE', headers: RIGHT });
    assert.deepEqual([answer.status, answer.headers.allow], [405, 'GET, HEAD']);
    const get = await to('/api/v1/reboot', { headers: RIGHT });
    assert.deepEqual([get.status, get.headers.allow], [405, 'POST']);
    const live = await to('/api/v1/events', { method: 'HEAD', headers: RIGHT });
    assert.deepEqual([live.status, live.headers.allow], [405, 'GET']);
  });

  test('shows a page to people and JSON to programs when it refuses', async () => {
    const person = await to('/nowhere', { headers: { Accept: 'text/html' } });
    assert.match(person.body, /There is nothing at this address/);
    assert.equal(messageOf(await to('/nowhere')), 'There is nothing at this address');
  });

  test('gives a program that asks for JSON no page, whatever it asks for', async () => {
    const json = { Accept: 'application/json' };
    for (const [method, path, status, code] of [
      ['GET', '/', 406, 'not-acceptable'],
      ['GET', '/login', 406, 'not-acceptable'],
      ['OPTIONS', '/', 405, 'wrong-method'],
      ['PUT', '/login', 405, 'wrong-method'],
      ['GET', '/nowhere', 404, 'no-such-address'],
      ['GET', '/api/v1/nowhere', 404, 'no-such-address'],
      ['OPTIONS', '/api/v1/nowhere', 404, 'no-such-address'],
      ['OPTIONS', '/api/v1/status', 405, 'wrong-method'],
      ['PATCH', '/api/v1/update', 405, 'wrong-method'],
      ['OPTIONS', '*', 404, 'no-such-address'],
    ] as const) {
      const answer = await to(path, { method, headers: { ...RIGHT, ...json } });
      const { error } = answer.json() as WebError;
      assert.deepEqual([answer.status, error.code], [status, code], `${method} ${path}`);
      assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
      assert.equal(answer.headers.allow !== undefined, status === 405);
    }
    const head = await to('/', { method: 'HEAD', headers: json });
    assert.deepEqual([head.status, head.body], [406, '']);
    const login = { method: 'POST', headers: { ...JSON_BODY, ...json }, body: '{"password":"nope"}' };
    assert.equal(((await to('/api/v1/sessions', login)).json() as WebError).error.code, 'wrong-password');
    // What takes anything gets what there is.
    assert.equal((await to('/', { headers: { ...RIGHT, Accept: '*/*' } })).status, 200);
    const liked = 'application/json, text/plain, */*';
    assert.equal((await to('/', { headers: { ...RIGHT, Accept: liked } })).status, 200);
  });

  test('names a code beside each sentence, and the device to whoever has to log in', async () => {
    const codeOf = async (path: string, options?: Ask) =>
      ((await to(path, options)).json() as WebError).error.code;
    assert.equal(await codeOf('/api/v1/nothing'), 'no-such-address');
    assert.equal(await codeOf('/api/v1/status'), 'not-logged-in');
    assert.equal(await codeOf('/api/v1/status', { headers: { Authorization: 'Bearer x' } }), 'login-ended');
    assert.equal(await codeOf('/api/v1/logs/nobody', { headers: RIGHT }), 'no-such-log');
    const start = { method: 'POST', headers: RIGHT };
    assert.equal(await codeOf('/api/v1/services/nobody/start', start), 'no-such-service');
    assert.equal(await codeOf('/api/v1/services/web/stop', start), 'wrong-state');
    assert.equal(await codeOf('/api/v1/status', { method: 'POST' }), 'wrong-method');
    const wrong = await to('/api/v1/status', { headers: basic('not it') });
    assert.deepEqual(wrong.json(), {
      error: { code: 'wrong-password', message: 'The password is wrong' },
      hostname: 'garden',
    });
  });

  test('keeps what clients of 0.1 decide by', async () => {
    assert.equal(messageOf(await to('/api/v1/later')), 'There is nothing at this address');
    const wrong = await to('/api/v1/status', { headers: basic('not it') });
    assert.match(wrong.headers['www-authenticate'] ?? '', /realm="tskrazy"/);
    assert.match((await to('/login')).body, /<title>Log in: garden<\/title>/);
  });

  test('refuses large bodies and headers', async () => {
    const post = (headers: Ask['headers'], body: string) =>
      to('/api/v1/sessions', { method: 'POST', headers: { ...JSON_BODY, ...headers }, body });
    assert.equal((await post({}, `{"password":"${'x'.repeat(9000)}"}`)).status, 413);
    assert.equal((await post({ 'Transfer-Encoding': 'chunked' }, 'x'.repeat(9000))).status, 413);
    assert.equal((await post({ 'Content-Type': 'text/plain' }, '{"password":"demo"}')).status, 415);
    assert.equal((await to('/health', { headers: { 'X-Large': 'x'.repeat(20_000) } })).status, 431);
  });

  test('says what is wrong when init does not answer', async () => {
    const lonely = await startWebDevice();
    await lonely.init.close();
    const answer = await ask(lonely.url, '/api/v1/status', { headers: RIGHT });
    assert.deepEqual([answer.status, messageOf(answer)], [502, 'init does not answer']);
    assert.equal((await ask(lonely.url, '/health')).status, 200);
    await lonely.server.close();
  });
});

suite('web server without a password', () => {
  test('lets everybody look and nobody change', async (t) => {
    const device = await startWebDevice({ password: null, assets });
    t.after(() => device.close());
    assert.equal((await ask(device.url, '/')).status, 200);
    const status = (await ask(device.url, '/api/v1/status')).json() as WebStatus;
    assert.equal(status.mayChange, false);
    for (const headers of [{}, basic('')]) {
      const answer = await ask(device.url, '/api/v1/reboot', { method: 'POST', headers });
      assert.equal(answer.status, 403);
    }
    assert.deepEqual((await ask(device.url, '/api/v1/sessions')).json(), {
      hostname: 'garden',
      needsPassword: false,
    });
    assert.deepEqual(device.init.acts, []);
  });
});

suite('wrong passwords', () => {
  test('are refused ever more slowly, without keeping sessions out', async (t) => {
    const device = await startWebDevice({ assets });
    t.after(() => device.close());
    const session = await logIn(device);
    const statuses: number[] = [];
    for (let count = 0; count < 40; count++)
      statuses.push((await ask(device.url, '/api/v1/status', { headers: basic(`guess ${count}`) })).status);
    assert.ok(statuses.slice(0, 5).every((status) => status === 401));
    assert.ok(statuses.filter((status) => status === 401).length < 10);
    const blocked = await ask(device.url, '/api/v1/status', { headers: RIGHT });
    assert.equal(blocked.status, 429, 'the right password is not told from a wrong one meanwhile');
    assert.match(blocked.headers['retry-after'] ?? '', /^\d+$/);
    assert.equal((await ask(device.url, '/api/v1/status', { headers: session })).status, 200);
    assert.equal((await ask(device.url, '/health')).status, 200);
  });
});
