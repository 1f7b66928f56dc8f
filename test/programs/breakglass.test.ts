// The web server's side of break-glass sessions: who is let in, what is unpacked, and what is left when it is refused. init is
// played; its side is tried in test/tools/breakglass.test.ts.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { suite, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { tarEnd, type TarEntry, tarHeader } from '../../src/formats/ustar.ts';
import {
  BREAKGLASS_API,
  BREAKGLASS_PATHS,
  type BreakglassStatus,
} from '../../src/shared/breakglass/breakglass-api.ts';
import { MAX_SSH_KEYS } from '../../src/shared/breakglass/breakglass-request.ts';
import { CHALLENGE_LIFETIME_SEC, PERMITS_PATH } from '../../src/shared/permit/permit-api.ts';
import { TUNNEL_PROTOCOL } from '../../src/shared/tunnel-protocol.ts';
import {
  codeOf,
  drawKey,
  Lab,
  MAX_ENTRIES,
  OTHER,
  OWN,
  permitOf,
  SSH_KEY,
  tarOf,
  TOOLBOX,
} from '../support/breakglass/web-lab.ts';
import { exampleTime } from '../support/web/fake-device.ts';
import { type Answer, ask, basic } from '../support/web/http-ask.ts';
import { TEST_PASSWORD } from '../support/web/web-device.ts';

async function refused(
  answer: Promise<Answer>,
  status: number,
  code: string,
  message: RegExp,
): Promise<void> {
  const { status: got, body } = await answer;
  assert.equal(got, status, body);
  const { error } = JSON.parse(body) as { error: { code: string; message: string } };
  assert.equal(error.code, code);
  assert.match(error.message, message);
}

suite('break-glass, the side of the web server', () => {
  test('who has an update key opens a session, sends the toolbox once, and joins with it', async (t) => {
    const lab = await Lab.start(t);
    const opened = await lab.openRightly();
    assert.equal(opened.needsToolbox, true);
    assert.match(opened.hostKey, /^ssh-ed25519 AAAA/);
    assert.deepEqual(lab.device.init.breakglass.acts, [
      [
        'open',
        {
          id: opened.session.id,
          keyId: OWN.trusted.id,
          who: 'me@laptop',
          from: '127.0.0.1',
          lifetimeSec: 3600,
          staysOpen: false,
          toolboxSha256: opened.session.toolboxSha256,
          listen: false,
        },
      ],
    ]);
    assert.equal((await lab.send(opened.session.id, TOOLBOX)).status, 200);
    assert.equal(readFileSync(join(lab.unpacked, 'usr/sbin/sshd'), 'utf8'), 'sshd');
    const other = `ssh-ed25519 ${'B'.repeat(68)}`;
    const joined = await lab.openRightly({ sshKeys: [other] });
    assert.deepEqual([joined.session.id, joined.needsToolbox], [opened.session.id, false]);
    assert.equal(joined.hostKey, opened.hostKey);
    const keys = readFileSync(join(lab.directory, BREAKGLASS_PATHS.authorizedKeys), 'utf8');
    assert.equal(keys, `${SSH_KEY}\n${other}\n`);
  });

  test('a second session with the same toolbox is sent nothing, unless what was kept is spoiled', async (t) => {
    const lab = await Lab.start(t);
    const kept = (): string[] => readdirSync(join(lab.directory, BREAKGLASS_PATHS.kept));
    const first = await lab.openRightly();
    assert.equal((await lab.send(first.session.id, TOOLBOX)).status, 200);
    assert.deepEqual(kept(), [first.session.toolboxSha256]);
    const { breakglass } = lab.device.init;
    breakglass.session = null;
    rmSync(join(lab.unpacked, 'usr'), { recursive: true });
    const second = await lab.openRightly();
    assert.deepEqual([second.needsToolbox, second.session.phase], [false, 'open']);
    assert.equal(readFileSync(join(lab.unpacked, 'usr/sbin/sshd'), 'utf8'), 'sshd');
    // The disk gives back something else: nothing of that runs.
    breakglass.session = null;
    const path = join(lab.directory, BREAKGLASS_PATHS.kept, first.session.toolboxSha256);
    writeFileSync(path, zstdCompressSync(tarOf({ path: 'usr/sbin/sshd', content: 'evil' })));
    const third = await lab.openRightly();
    assert.deepEqual([third.needsToolbox, third.session.phase], [true, 'receiving']);
    assert.deepEqual(readdirSync(lab.unpacked), []);
    assert.equal((await lab.send(third.session.id, TOOLBOX)).status, 200);
    // Another one takes its place.
    const other = zstdCompressSync(tarOf({ path: 'other' }));
    const toolboxSha256 = createHash('sha256').update(other).digest('hex');
    breakglass.session = null;
    const fourth = await lab.openRightly({ toolboxSha256 });
    assert.equal((await lab.send(fourth.session.id, other)).status, 200);
    assert.deepEqual(kept(), [toolboxSha256]);
  });

  test('what was kept is not unpacked over a session that has begun to run meanwhile', async (t) => {
    const lab = await Lab.start(t);
    const first = await lab.openRightly();
    assert.equal((await lab.send(first.session.id, TOOLBOX)).status, 200);
    const { breakglass } = lab.device.init;
    breakglass.session = null;
    writeFileSync(join(lab.unpacked, 'running'), '');
    const act = breakglass.act.bind(breakglass);
    t.mock.method(breakglass, 'act', (name: string, body: unknown) => {
      const answer = act(name, body);
      // Somebody else has joined it, and was faster.
      if (name === 'open' && breakglass.session !== null)
        breakglass.session = { ...breakglass.session, phase: 'open' };
      return answer;
    });
    const second = await lab.openRightly();
    assert.deepEqual([second.needsToolbox, second.session.phase], [false, 'open']);
    assert.ok(existsSync(join(lab.unpacked, 'running')));
    assert.ok(!breakglass.acts.slice(2).some(([name]) => name === 'start'));
  });

  test('a toolbox is not kept where /perm is in memory, nor one of which half has come', async (t) => {
    const lab = await Lab.start(t);
    const { init } = lab.device;
    const kept = join(lab.directory, BREAKGLASS_PATHS.kept);
    const { session } = await lab.openRightly();
    assert.equal(codeOf(await lab.send(session.id, TOOLBOX.subarray(0, -10))), 'toolbox-damaged');
    assert.ok(!existsSync(kept));
    init.system = { ...init.system, perm: { state: 'tmpfs', device: null, note: null } };
    assert.equal((await lab.send(session.id, TOOLBOX)).status, 200);
    assert.ok(!existsSync(kept));
  });

  test('nobody else opens one, whatever he signs', async (t) => {
    const expired = { ...OTHER.trusted, notAfterSec: 1_700_000_000 };
    const lab = await Lab.start(t, [OWN.trusted, expired]);
    const terms = await lab.terms();
    const signed = permitOf(terms, OWN);
    await refused(
      lab.post(BREAKGLASS_API.session, { ...signed, request: signed.request.replace('3600', '86400') }),
      403,
      'permit-refused',
      /^The signature of key [0-9a-f]{16} is not that of this request$/,
    );
    await refused(lab.open(terms), 403, 'challenge-over', /was used/);
    await refused(lab.open(await lab.terms(), OTHER), 403, 'permit-refused', /which has expired$/);
    await refused(lab.open(await lab.terms(), drawKey()), 403, 'permit-refused', /and trusted are/);
    await refused(
      lab.post(BREAKGLASS_API.session, { ...permitOf(await lab.terms(), OWN), signatures: [] }),
      403,
      'permit-refused',
      /not signed/,
    );
    for (const change of [{ hostname: 'other' }, { bootId: '0a1b2c3d-0000-4000-8000-000000000001' }])
      await refused(
        lab.open(await lab.terms({}, change)),
        403,
        'permit-refused',
        /is not that of this request$/,
      );
    await refused(
      lab.open(await lab.terms({}, { purpose: 'inspect' })),
      403,
      'permit-refused',
      /^The permit is for "inspect", and not for "breakglass"$/,
    );
    await refused(
      lab.open(await lab.terms({}, { challenge: '0'.repeat(64) })),
      403,
      'challenge-over',
      /never given/,
    );
    const late = await lab.terms();
    lab.now.ms = CHALLENGE_LIFETIME_SEC * 1000 + 1;
    await refused(lab.open(late), 403, 'challenge-over', /is over/);
    for (const [field, change] of [
      ['sshKeys', { sshKeys: [`command="x" ${SSH_KEY}`] }],
      ['sshKeys', { sshKeys: [`${SSH_KEY}\n${SSH_KEY}`] }],
      ['sshKeys', { sshKeys: Array.from({ length: MAX_SSH_KEYS + 1 }, () => SSH_KEY) }],
      ['lifetimeSec', { lifetimeSec: 86_401 }],
      ['toolboxSha256', { toolboxSha256: 'x' }],
      ['client', { client: 'me\u001b[2J' }],
    ] as const)
      await refused(
        lab.open(await lab.terms(change)),
        400,
        'malformed',
        new RegExp(`^Cannot read the request: ${field}`),
      );
    const large = await ask(lab.device.url, BREAKGLASS_API.session, {
      method: 'POST',
      headers: { ...basic(TEST_PASSWORD), 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...permitOf(await lab.terms(), OWN), more: 'x'.repeat(128 * 1024) }),
    });
    assert.equal(large.status, 413);
    const anonymous = await ask(lab.device.url, PERMITS_PATH, { method: 'POST' });
    assert.equal(anonymous.status, 401);
    assert.deepEqual(lab.device.init.breakglass.acts, []);
  });

  test('as many SSH keys as there may be, of the longest kind, are not too many', async (t) => {
    const lab = await Lab.start(t);
    const sshKeys = Array.from(
      { length: MAX_SSH_KEYS },
      (_, at) => `sk-ecdsa-sha2-nistp256@openssh.com ${String(at).padStart(2900, 'A')}==`,
    );
    await lab.openRightly({ sshKeys });
    const keys = readFileSync(join(lab.directory, BREAKGLASS_PATHS.authorizedKeys), 'utf8');
    assert.equal(keys, sshKeys.map((key) => `${key}\n`).join(''));
  });

  test('a key that may have expired opens nothing while the clock has not been set', async (t) => {
    const lasting = { ...OWN.trusted, notAfterSec: 4_000_000_000 };
    const time = { ...exampleTime(), synchronised: false };
    const unset = await Lab.start(t, [lasting], { time });
    assert.equal(codeOf(await unset.open(await unset.terms())), 'permit-refused');
    const set = await Lab.start(t, [lasting]);
    await set.openRightly();
  });

  test('a device without trusted keys, or with break-glass off, has none', async (t) => {
    const other = await Lab.start(t);
    for (const [unavailable, lab] of [
      ['no trusted key', await Lab.start(t, [])],
      ['off', await Lab.start(t, [OWN.trusted], { config: { breakglass: 'off' } })],
    ] as const) {
      for (const answer of [await lab.post(PERMITS_PATH), await lab.open(await other.terms())])
        assert.deepEqual([answer.status, codeOf(answer)], [403, 'no-permits']);
      const shown = await ask(lab.device.url, BREAKGLASS_API.session, { headers: basic(TEST_PASSWORD) });
      const status = shown.json() as BreakglassStatus;
      assert.deepEqual([status.unavailable, status.session], [unavailable, null]);
      assert.ok(status.maxUnpackedBytes > 0);
      assert.deepEqual(lab.device.init.breakglass.acts, []);
    }
    const open = await Lab.start(t, [OWN.trusted], { password: null });
    assert.equal(codeOf(await open.post(PERMITS_PATH)), 'no-password');
  });

  test('a second one is told who has the session', async (t) => {
    const lab = await Lab.start(t, [OWN.trusted, OTHER.trusted]);
    const { session } = await lab.openRightly();
    for (const answer of [
      await lab.open(await lab.terms(), OTHER),
      await lab.open(await lab.terms({ toolboxSha256: '1'.repeat(64) })),
      await lab.open(await lab.terms({ listen: true })),
    ]) {
      assert.deepEqual([answer.status, codeOf(answer)], [409, 'breakglass-busy']);
      assert.match(answer.body, /me@laptop has opened a session from 127\.0\.0\.1/);
    }
    assert.equal(lab.device.init.breakglass.session?.id, session.id);
  });

  test('of a toolbox that is not what was signed, nothing stays', async (t) => {
    const many = Array.from({ length: MAX_ENTRIES + 1 }, (_, at) =>
      tarHeader(entryOf(`d${at}`, 'directory')),
    );
    const bomb = zstdCompressSync(
      Buffer.concat([tarHeader({ ...entryOf('big', 'file'), sizeBytes: 2 ** 33 - 1 }), Buffer.alloc(1e6)]),
    );
    const cases: [name: string, toolbox: Buffer, code: string][] = [
      ['truncated', TOOLBOX.subarray(0, -10), 'toolbox-damaged'],
      ['no zstd', Buffer.from('no zstd'), 'toolbox-damaged'],
      ['no tar', zstdCompressSync(Buffer.alloc(2000, 'x')), 'toolbox-damaged'],
      ['bomb', bomb, 'toolbox-room'],
      ['too many entries', zstdCompressSync(Buffer.concat(many)), 'toolbox-room'],
      ['climbs', zstdCompressSync(tarOf({ path: 'a/../../x' })), 'toolbox-damaged'],
      ['absolute', zstdCompressSync(tarOf({ path: '/etc/x' })), 'toolbox-damaged'],
      [
        'through a link',
        zstdCompressSync(
          tarOf({ path: 'x', kind: 'symlink', target: '/tmp' }, { path: 'x/y', content: '1' }),
        ),
        'toolbox-damaged',
      ],
      [
        'onto a mount point',
        zstdCompressSync(tarOf({ path: 'proc', kind: 'symlink', target: '/etc' })),
        'toolbox-damaged',
      ],
      ['twice', zstdCompressSync(tarOf({ path: 'x' }, { path: 'x' })), 'toolbox-damaged'],
      ['device node', zstdCompressSync(deviceNode()), 'toolbox-damaged'],
      [
        'something behind',
        zstdCompressSync(Buffer.concat([tarOf({ path: 'x' }), Buffer.from('more')])),
        'toolbox-damaged',
      ],
    ];
    const lab = await Lab.start(t);
    const { init } = lab.device;
    for (const [name, toolbox, code] of cases) {
      init.breakglass.session = null;
      const toolboxSha256 = createHash('sha256').update(toolbox).digest('hex');
      const { session } = await lab.openRightly({ toolboxSha256 });
      const answer = await lab.send(session.id, toolbox);
      assert.equal(codeOf(answer), code, `${name}: ${answer.body}`);
      assert.deepEqual(readdirSync(lab.unpacked), [], name);
    }
    const { session } = init.breakglass;
    assert.ok(session);
    // Whole, but another one.
    const answer = await lab.send(session.id, TOOLBOX);
    assert.deepEqual([codeOf(answer), readdirSync(lab.unpacked)], ['toolbox-damaged', []]);
    assert.ok(!init.breakglass.acts.some(([name]) => name === 'start'));
    assert.equal(codeOf(await lab.send('0'.repeat(32), TOOLBOX)), 'breakglass-ended');
  });

  test('a client that is killed while it sends leaves nothing, and may begin again', async (t) => {
    const lab = await Lab.start(t);
    const { session } = await lab.openRightly();
    const socket = net.connect(lab.device.port, '127.0.0.1');
    const { Authorization } = basic(TEST_PASSWORD);
    socket.write(
      `PUT ${BREAKGLASS_API.toolbox(session.id)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${String(Authorization)}\r\n` +
        `Content-Encoding: zstd\r\nContent-Length: ${TOOLBOX.length}\r\n\r\n`,
    );
    socket.write(TOOLBOX.subarray(0, 20), () => socket.destroy());
    await once(socket, 'close');
    assert.equal((await lab.send(session.id, TOOLBOX)).status, 200);
    assert.equal(lab.device.init.breakglass.session?.phase, 'open');
  });

  test('a connection is carried both ways, for who may change things and no page of another site', async (t) => {
    const lab = await Lab.start(t);
    const { session } = await lab.openRightly();
    const path = join(lab.directory, BREAKGLASS_PATHS.socket);
    mkdirSync(dirname(path), { recursive: true });
    const sshd = net.createServer({ allowHalfOpen: true }, (socket) => {
      let received = '';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      socket.on('end', () => socket.end(`got ${received}`));
    });
    t.after(() => sshd.close());
    await new Promise<void>((resolve) => sshd.listen(path, resolve));
    const upgrade = async (headers: Record<string, string>, id = session.id): Promise<string> => {
      const socket = net.connect({ port: lab.device.port, host: '127.0.0.1', allowHalfOpen: true });
      const lines = Object.entries({
        Host: 'localhost',
        Connection: 'Upgrade',
        Upgrade: TUNNEL_PROTOCOL,
        ...headers,
      });
      socket.write(
        `GET ${BREAKGLASS_API.connection(id)} HTTP/1.1\r\n${lines.map(([key, value]) => `${key}: ${value}\r\n`).join('')}\r\n`,
      );
      socket.end('hello');
      return text(socket);
    };
    const authorized = { Authorization: String(basic(TEST_PASSWORD)['Authorization']) };
    assert.match(await upgrade(authorized), /^HTTP\/1\.1 101 [^]*\r\n\r\ngot hello$/);
    assert.match(await upgrade({}), /^HTTP\/1\.1 401 /);
    assert.match(await upgrade({ ...authorized, Origin: 'http://evil.example' }), /^HTTP\/1\.1 403 /);
    assert.match(await upgrade({ ...authorized, Host: 'evil.example' }), /^HTTP\/1\.1 421 /);
    assert.match(await upgrade({ ...authorized, Upgrade: 'websocket' }), /^HTTP\/1\.1 426 /);
    assert.match(await upgrade(authorized, '0'.repeat(32)), /^HTTP\/1\.1 404 /);
    const other = await ask(lab.device.url, '/health', {
      headers: { Connection: 'Upgrade', Upgrade: 'h2c' },
    });
    assert.equal(other.status, 200);
  });

  test('whoever is at the page closes it', async (t) => {
    const lab = await Lab.start(t);
    await lab.openRightly();
    const answer = await ask(lab.device.url, BREAKGLASS_API.session, {
      method: 'DELETE',
      headers: basic(TEST_PASSWORD),
    });
    assert.equal(answer.status, 204);
    assert.deepEqual(lab.device.init.breakglass.acts.at(-1), [
      'close',
      { why: 'closed from 127.0.0.1', isLeaving: false },
    ]);
  });
});

function entryOf(path: string, kind: TarEntry['kind']): TarEntry {
  return { path, kind, mode: 0o755, sizeBytes: 0, target: '' };
}

/** As another program packs one. */
function deviceNode(): Buffer {
  const header = Buffer.from(tarHeader(entryOf('null', 'file')));
  header.write('3', 156);
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, tarEnd()]);
}
