// `tsk ssh` with the real ssh of this computer against a real sshd, in a session as init makes it. What only the kernel of a device
// has (memory of a cgroup, sandboxes of apps) is not here.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { BREAKGLASS_API, type BreakglassStatus } from '../../src/shared/breakglass/breakglass-api.ts';
import { TUNNEL_PROTOCOL } from '../../src/shared/tunnel-protocol.ts';
import { APP_NAME, APP_UID, SessionDevice } from '../support/breakglass/session-device.ts';
import { eventually } from '../support/machines/appliance.ts';
import { freePort } from '../support/network/free-port.ts';
import { requireTool } from '../support/require-tool.ts';
import { basic } from '../support/web/http-ask.ts';

function canTry(t: TestContext): boolean {
  if (requireTool(t, 'ssh') === undefined || requireTool(t, 'unshare') === undefined) return false;
  if (spawnSync('unshare', ['--mount', 'true']).status === 0) return true;
  if (process.env['REQUIRE_TOOLS'] === '1') throw new Error('The test needs root for mount namespaces');
  t.skip('mount namespaces need root');
  return false;
}

/** All that the port says: a word is sent when there was an answer to the one before. */
async function talk(port: number, words: readonly Buffer[]): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  let said = '';
  const left = [...words];
  const sendNext = (): void => {
    const word = left.shift();
    if (word !== undefined) socket.write(word);
  };
  socket.on('data', (bytes) => {
    said += bytes.toString('latin1');
    sendNext();
  });
  socket.on('connect', sendNext).on('error', () => {});
  await once(socket, 'close');
  return said;
}

function isReached(port: number, ...words: readonly Buffer[]): Promise<true> {
  return eventually(`port ${port}`, async () => {
    const said = await talk(port, words);
    return said.endsWith('reached') || Promise.reject(new Error(said));
  });
}

suite('tsk ssh', () => {
  test('a session from its first command to its end', async (t) => {
    if (!canTry(t)) return;
    const device = await SessionDevice.start(t);
    const { tsk } = device;
    const sessionNow = async (): Promise<BreakglassStatus['session']> => {
      const text = await tsk.succeeds('ssh', ...device.host, '--status', '--json');
      return (JSON.parse(text) as BreakglassStatus).session;
    };

    await t.test('runs a command, with its exit code, and closes what nobody uses', async () => {
      const command = 'id -un; pwd; echo $SHELL; ls /usr/sbin/sshd; exit 3';
      const { code, stdout, stderr } = await tsk.tsk('ssh', ...device.host, command);
      assert.deepEqual([code, stdout], [3, 'root\n/root\n/bin/sh\n/usr/sbin/sshd\n'], stderr);
      assert.match(stderr, /^Sending the toolbox/m);
      assert.match(
        await device.says('break-glass: opened'),
        /opened by .+ from 127\.0\.0\.1 with key [0-9a-f]{16}, for 1 h/,
      );
      await device.says('break-glass: closed');
      assert.match(await tsk.succeeds('ssh', ...device.host, '--status'), /^No break-glass session is open/);
      assert.deepEqual(device.left(), []);
    });

    await t.test('one that is interrupted ends with its client, and is closed all the same', async () => {
      const command = tsk.follow('ssh', ...device.host, 'echo ready; sleep 1000');
      await command.shows('ready');
      assert.equal(await command.interrupt(), 130);
      await device.closes();
    });

    await t.test('passes standard input on, and binary output back', async () => {
      const bytes = randomBytes(300_000);
      const { code, stdout } = await device.pipe(bytes, 'ssh', ...device.host, 'cat >/tmp/x; cat /tmp/x');
      assert.equal(code, 0);
      assert.ok(stdout.equals(bytes));
    });

    const probe = join(device.directory, 'probe');
    writeFileSync(probe, '#!/bin/sh\necho probed\n');

    await t.test('one that is open stays, is joined, and tells who has it', async () => {
      const opened = await tsk.tsk('ssh', ...device.host, '--open', '2h');
      // The device has kept what the first session was sent.
      assert.doesNotMatch(opened.stderr, /Sending/);
      assert.equal(
        await tsk.succeeds('ssh', ...device.host, 'cat /run/tsk/breakglass/authorized_keys | wc -l'),
        '1\n',
      );
      const status = JSON.parse(
        await tsk.succeeds('ssh', ...device.host, '--status', '--json'),
      ) as BreakglassStatus;
      assert.ok(status.session);
      const { session } = status;
      assert.deepEqual([session.phase, session.staysOpen, session.listensOn], ['open', true, null]);
      assert.ok(session.endsAtMs - session.openedAtMs > 7_000_000);
      assert.match(
        await tsk.fails('ssh', ...device.host, '--with', probe, 'true'),
        /with other tools or ports/,
      );
    });

    await t.test('what dies by a fault leaves its core there, and only while a session is open', async () => {
      const core = randomBytes(300_000);
      device.dumpCore(core);
      const [name = ''] = (await tsk.succeeds('ssh', ...device.host, 'ls /cores')).split('\n');
      assert.match(name, /^[\w.-]+-1\.core$/);
      const back = join(device.directory, 'core');
      await tsk.succeeds('cp', ...device.host, `:/cores/${name}`, back);
      assert.ok(readFileSync(back).equals(core));
      const log = await tsk.succeeds('logs', 'breakglass', ...device.host);
      assert.match(log, /core dump of \S+ \(SIGSEGV\): \/cores\/\S+-1\.core, 0\.3 MB$/m);
    });

    await t.test('an sshd that is killed costs its connection, and nothing else', async () => {
      const { code } = await tsk.tsk('ssh', ...device.host, 'kill -9 $PPID; sleep 1000');
      assert.equal(code, 255);
      assert.equal(await tsk.succeeds('ssh', ...device.host, 'echo here'), 'here\n');
    });

    await t.test('files are copied both ways, by the old protocol, too', async () => {
      const [there, back] = [join(device.directory, 'there'), join(device.directory, 'back')];
      const bytes = randomBytes(1_000_000);
      writeFileSync(there, bytes);
      await tsk.succeeds('cp', ...device.host, there, ':/tmp/copied');
      await tsk.succeeds('cp', ...device.host, ':/tmp/copied', back);
      assert.ok(readFileSync(back).equals(bytes));
      const config = join(device.directory, 'ssh_config');
      writeFileSync(config, await tsk.succeeds('ssh', ...device.host, '--config'));
      const old = spawnSync('scp', ['-O', '-q', '-F', config, 'garden:/tmp/copied', `${back}-old`]);
      assert.equal(old.status, 0, old.stderr.toString());
      assert.ok(readFileSync(`${back}-old`).equals(bytes));
      for (const [paths, where] of [
        [[':/tmp/x', ':/tmp/y'], 'both are on the device'],
        [['x', 'y'], 'both are here'],
        [['x', ':/tmp/x', ':/tmp/'], 'some of them are on the device'],
        [['x', ':/tmp/x', 'y'], 'some of them are here'],
        [['x', 'y', 'z'], 'all are here'],
      ] as const) {
        const error = await tsk.fails('cp', ...device.host, ...paths);
        assert.match(error, new RegExp(`^Error: Cannot copy .* to "${paths.at(-1)}": ${where}$`, 'm'));
      }
      const log = await tsk.succeeds('logs', 'breakglass', ...device.host);
      assert.match(log, /close "\/tmp\/copied" bytes read 0 written 1000000$/m);
      assert.match(log, /command: scp .*-f \/tmp\/copied$/m);
      // What sshd has to say is no fault.
      assert.doesNotMatch(log, /^\S+ \S+ !/m);
    });

    await t.test('-L, -R and -D go to ssh as they are', async (t) => {
      const here = net.createServer((socket) => socket.end('reached')).listen(0, '127.0.0.1');
      await once(here, 'listening');
      t.after(() => here.close());
      const { port } = here.address() as net.AddressInfo;
      const [local, remote, socks] = [await freePort(), await freePort(), await freePort()];
      const ways = [
        '-L',
        `${local}:localhost:${port}`,
        '-R',
        `${remote}:localhost:${port}`,
        '-D',
        `${socks}`,
      ];
      const tunnels = tsk.follow('ssh', ...device.host, '-N', ...ways);
      await isReached(local);
      // sshd is in the network of this computer.
      await isReached(remote);
      // RFC 1928: version 5, no authentication; CONNECT to an IPv4 address.
      const [high, low] = [port >> 8, port & 0xff];
      await isReached(socks, Buffer.from([5, 1, 0]), Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, high, low]));
      await tunnels.interrupt();
      await eventually('the tunnels to be gone', async () => (await sessionNow())?.connections === 0);
    });

    await t.test('sftp works by the configuration for ssh', async () => {
      const [config, there, back] = ['ssh_config', 'by-sftp', 'by-sftp-back'].map((name) =>
        join(device.directory, name),
      );
      writeFileSync(there!, 'by sftp');
      const input = `put ${there} /tmp/by-sftp\nrename /tmp/by-sftp /tmp/renamed\nget /tmp/renamed ${back}\n`;
      const sftp = spawnSync('sftp', ['-q', '-F', config!, '-b', '-', 'garden'], { input });
      assert.equal(sftp.status, 0, sftp.stderr.toString());
      assert.equal(readFileSync(back!, 'utf8'), 'by sftp');
    });

    await t.test('a hundred connections at once are too many, and cost nobody else his', async () => {
      const { Authorization } = basic(device.password);
      const request =
        `GET ${BREAKGLASS_API.connection((await sessionNow())?.id ?? '')} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n` +
        `Upgrade: ${TUNNEL_PROTOCOL}\r\nAuthorization: ${String(Authorization)}\r\n\r\n`;
      const sockets = Array.from({ length: 100 }, () => net.connect(device.port, '127.0.0.1'));
      try {
        const statuses = await Promise.all(
          sockets.map(async (socket) => {
            socket.on('error', () => {}).write(request);
            const [head] = (await once(socket, 'data')) as [Buffer];
            return head.toString('latin1', 9, 12);
          }),
        );
        assert.equal(statuses.filter((status) => status === '101').length, 32, statuses.join());
        assert.deepEqual(new Set(statuses), new Set(['101', '503']));
      } finally {
        for (const socket of sockets) socket.destroy();
      }
      await eventually('the hundred to be gone', async () => (await sessionNow())?.connections === 0);
      assert.equal(await tsk.succeeds('ssh', ...device.host, 'echo here'), 'here\n');
    });

    await t.test('files of an app are its own, in its directory, by the old protocol, too', async () => {
      const [there, back] = [join(device.directory, 'of-app'), join(device.directory, 'of-app-back')];
      writeFileSync(there, 'calibrated');
      const app = ['--app', APP_NAME];
      await tsk.succeeds('cp', ...device.host, ...app, there, ':');
      await tsk.succeeds('cp', ...device.host, ...app, ':of-app', back);
      assert.equal(readFileSync(back, 'utf8'), 'calibrated');
      const config = join(device.directory, 'ssh_config');
      const login = `app-${APP_NAME}@garden`;
      const old = spawnSync('scp', ['-O', '-q', '-F', config, there, `${login}:old`]);
      assert.equal(old.status, 0, old.stderr.toString());
      assert.equal(
        await tsk.succeeds('ssh', ...device.host, `cd /perm/${APP_NAME}; stat -c '%n %u %g' *`),
        ['of-app', 'old'].map((name) => `${name} ${APP_UID} ${APP_UID}\n`).join(''),
      );
      assert.match(
        await tsk.fails('cp', ...device.host, '--app', 'other', there, ':'),
        /no app of that name/,
      );
    });

    await t.test('the sandbox of an app is entered as that app, and left with the session', async () => {
      const look = [
        'id -u; id -g; id -G; pwd',
        'grep -e NoNewPrivs -e CapBnd -e CapEff /proc/self/status',
        'grep -o /apps/.* /proc/self/cgroup',
        // The app, what watches over it, and this shell with what it runs.
        'tr -d "\\0" </proc/2/cmdline; echo; echo "$0 \'quoted\'"',
        'touch /boot/x 2>/dev/null || echo read-only',
        'setsid sleep 987654 </dev/null >/dev/null 2>&1 &',
        'exit 5',
      ];
      const { code, stdout, stderr } = await tsk.tsk(
        'ssh',
        ...device.host,
        '--as',
        APP_NAME,
        look.join('\n'),
      );
      assert.deepEqual(
        [code, stdout.split('\n')],
        [
          5,
          [
            String(APP_UID),
            String(APP_UID),
            `${APP_UID} 7 8`,
            `/perm/${APP_NAME}`,
            'CapEff:\t0000000000000000',
            'CapBnd:\t0000000000000000',
            'NoNewPrivs:\t1',
            `/apps/${APP_NAME}/breakglass`,
            'sleep1000000',
            "sh 'quoted'",
            'read-only',
            '',
          ],
        ],
        stderr,
      );
      assert.match(await tsk.fails('ssh', ...device.host, '--as', 'other'), /no app of that name/);
      assert.match(await tsk.fails('ssh', ...device.host, '--as', APP_NAME, '--status'), /Cannot use --as/);
    });

    await t.test('a terminal is told why a session ends, and everything of it ends', async () => {
      const shell = tsk.follow('ssh', ...device.host, 'echo ready; sleep 1000', '--', '-tt');
      await shell.shows('ready');
      await device.says(/connection \d+ from 127\.0\.0\.1/);
      assert.match(
        await tsk.succeeds('logs', 'breakglass', ...device.host),
        /command: echo ready; sleep 1000/,
      );
      device.endSession('restart: asked to');
      await shell.shows('*** The break-glass session ends: restart: asked to ***');
      assert.equal(await shell.ended, 255);
      await device.says('break-glass: ends: restart: asked to');
      await device.closes();
      // Nor is anything left of it in the sandbox of the app, which goes on.
      assert.deepEqual(device.left(), []);
    });

    await t.test('then nothing leaves a core any more', () => assert.equal(device.corePattern, ''));

    await t.test("a program of one's own goes along", async () => {
      await tsk.succeeds('ssh', ...device.host, '--open', '1h', '--with', `${probe},rsync`);
      // Who has no wishes of his own takes what is there.
      assert.equal(await tsk.succeeds('ssh', ...device.host, 'probe'), 'probed\n');
    });

    await t.test('rsync works by the configuration for ssh, where its package was taken along', async (t) => {
      const rsync = requireTool(t, 'rsync');
      if (rsync === undefined) return;
      const [config, there, back] = ['ssh_config', 'synced', 'synced-back'].map((name) =>
        join(device.directory, name),
      ) as [string, string, string];
      mkdirSync(join(there, 'ä b'), { recursive: true });
      writeFileSync(join(there, 'ä b', 'large'), randomBytes(500_000));
      symlinkSync('ä b/large', join(there, 'link'));
      const sync = (from: string, to: string): string => {
        const args = ['-a', '--stats', '-e', `ssh -F ${config}`, `${from}/`, to];
        const { status, stdout, stderr } = spawnSync(rsync, args, { encoding: 'utf8' });
        assert.equal(status, 0, stderr);
        return stdout;
      };
      sync(there, 'garden:/tmp/synced');
      assert.match(sync(there, 'garden:/tmp/synced'), /Number of regular files transferred: 0$/m);
      sync('garden:/tmp/synced', back);
      assert.ok(readFileSync(join(back, 'ä b', 'large')).equals(readFileSync(join(there, 'link'))));
      assert.equal(readlinkSync(join(back, 'link')), 'ä b/large');
    });

    await t.test('it is closed for all by whoever says so', async () => {
      await tsk.succeeds('ssh', ...device.host, '--close');
      await device.closes();
    });

    await t.test('its log is there when it is over', async () => {
      const log = await tsk.succeeds('logs', 'breakglass', ...device.host);
      assert.match(log, /command: probe$/m);
      // An end in order looks like one.
      assert.match(log, / \* killed: the session ends: closed from [^\n]+\n$/);
      // Who came with which key, and none of what sshd tells those who mend it.
      assert.match(log, /Accepted publickey for root .* SHA256:/);
      assert.doesNotMatch(log, /Starting session|Postponed/);
      assert.match(await tsk.fails('logs', 'breakglas', ...device.host), /Did you mean breakglass\?/);
    });

    await t.test('a package that there is none of is told with the one that was meant', async () => {
      const error = await tsk.fails('ssh', ...device.host, '--with', 'stracee', 'true');
      assert.match(error, /Cannot take "stracee" along: apt knows no package of that name for \w+/);
      assert.match(error, /Did you mean strace\?/);
    });

    await t.test('the password alone does not suffice, nor does the key of another instance', async () => {
      const key = join(device.directory, 'garden', '.tskrazy', 'update-key.pem');
      const own = readFileSync(key);
      rmSync(key);
      assert.match(
        await tsk.fails('ssh', ...device.host, 'true'),
        /update key of this instance is not on this computer/,
      );
      const { privateKey } = generateKeyPairSync('ed25519');
      writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
      assert.match(
        await tsk.fails('ssh', ...device.host, 'true'),
        /is signed with key [0-9a-f]{16}, and trusted are/,
      );
      writeFileSync(key, own);
      assert.equal(device.said.at(-1), 'break-glass: closed');
    });

    await t.test('what is mistyped is told before anything is opened', async () => {
      for (const [words, message] of [
        [['--open', '25h'], /at most 24h/],
        [['--listen', 'true'], /Cannot listen without --open/],
        [['--key', 'x', 'true'], /Cannot use --key without --listen/],
        [['--status', 'true'], /something else at once/],
        [['--as', APP_NAME, '--with', 'strace', 'true'], /Cannot use --as with --with: the sandbox/],
        [['--open', '--listen', '--key', '/nowhere'], /there is no such file/],
      ] as const)
        assert.match(await tsk.fails('ssh', ...device.host, ...words), message);
    });
  });
});
