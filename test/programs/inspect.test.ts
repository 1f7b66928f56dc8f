// Debugging apps of a device: tsk, the web server, init and Node.js processes, all as they are.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'esbuild';
import { ensureUpdateKeys } from '../../src/host/config/update-keys.ts';
import { TSK } from '../support/tsk-program.ts';
import { Follower } from '../support/cli/command-line.ts';
import { DebuggedDevice } from '../support/debug/debugged-device.ts';
import { NetworkLab } from '../support/network/network-lab.ts';
import { openListeningSocket } from '../../src/device/sys/listening-socket.ts';
import { requireTool } from '../support/require-tool.ts';
import { exampleSystem } from '../support/web/fake-device.ts';
import { eventually } from '../support/machines/appliance.ts';

const PROFILED_SEC = 60;
const TICKER = `
globalThis.state = { ticks: 0 };
setInterval(() => { globalThis.state.ticks++; burn(); }, 20);
function burn() { for (const until = Date.now() + 10; Date.now() < until;); }
console.log('ready');
`;

const TYPED = `interface Ticks {
  count: number;
}

const { isMainThread, Worker } = require('node:worker_threads');
const state: Ticks = { count: 0 };
function tick(): void {
  state.count++; // breakpoint
}
setInterval(tick, 50);
if (isMainThread) {
  new Worker(__filename);
  console.log('ready');
}
`;

/** A debugger, as far as it takes. */
class ProtocolClient {
  readonly #heard: { method?: string; params?: Record<string, unknown> }[] = [];
  readonly #socket: WebSocket;
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#heard.push(JSON.parse(String(data)) as object));
  }

  static async open(t: TestContext, url: string): Promise<ProtocolClient> {
    const socket = new WebSocket(url);
    t.after(() => socket.close());
    const client = new ProtocolClient(socket);
    await once(socket, 'open');
    return client;
  }

  send(method: string, params: object = {}): void {
    this.#socket.send(JSON.stringify({ id: ++this.#lastId, method, params }));
  }

  async hears(
    method: string,
    fits: (params: Record<string, unknown>) => boolean = () => true,
  ): Promise<Record<string, unknown>> {
    return eventually(method, async () => {
      const found = this.#heard.find((event) => event.method === method && fits(event.params ?? {}));
      return found?.params;
    });
  }
}

suite('tsk inspect', () => {
  test('opens the inspector of an app for debuggers here, and closes it at the end', async (t) => {
    const device = await DebuggedDevice.start(t, { apps: { ticker: TICKER } });
    await eventually('the app', async () => /ready/.test(device.log('ticker')));
    const inspecting = device.tsk.follow('inspect', 'ticker', '--json', ...device.host);
    const { port } = await eventually('where it is', async () => {
      return /^\}$/m.test(inspecting.stdout) && (JSON.parse(inspecting.stdout) as { port: number });
    });
    const [target] = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as Record<
      string,
      string
    >[];
    assert.equal(target?.['title'], 'ticker');
    const socket = new WebSocket(target['webSocketDebuggerUrl'] ?? '');
    await once(socket, 'open');
    socket.send(
      JSON.stringify({ id: 7, method: 'Runtime.evaluate', params: { expression: 'typeof state.ticks' } }),
    );
    const [{ data }] = (await once(socket, 'message')) as [MessageEvent];
    const answer = JSON.parse(String(data)) as unknown;
    assert.deepEqual(answer, { id: 7, result: { result: { type: 'string', value: 'number' } } });
    assert.equal(await inspecting.interrupt(), 0, inspecting.stderr);
    await eventually('the end of it', async () => /its inspector is closed/.test(device.log('ticker')));
  });

  test('stops where a line of TypeScript says, in workers, too', async (t) => {
    const { code, map } = transformSync(TYPED, {
      loader: 'ts',
      sourcemap: 'external',
      sourcefile: 'src/main.ts',
    });
    const device = await DebuggedDevice.start(t, { apps: { typed: code } });
    const file = join(device.directory, 'typed.cjs');
    const maps = join(device.directory, '.tskrazy', 'source-maps', exampleSystem().buildId);
    mkdirSync(dirname(join(maps, file)), { recursive: true });
    writeFileSync(`${join(maps, file)}.map`, map);
    const source = join(device.directory, 'src', 'main.ts');
    mkdirSync(dirname(source));
    writeFileSync(source, TYPED);
    await eventually('the app', async () => /ready/.test(device.log('typed')));
    const inspecting = device.tsk.follow('inspect', 'typed', '--json', ...device.host);
    const { webSocketUrl } = await eventually('where it is', async () => {
      return /^\}$/m.test(inspecting.stdout) && (JSON.parse(inspecting.stdout) as { webSocketUrl: string });
    });
    const client = await ProtocolClient.open(t, webSocketUrl);
    client.send('NodeWorker.enable', { waitForDebuggerOnStart: false });
    client.send('Debugger.enable');
    const script = await client.hears('Debugger.scriptParsed', ({ url }) => url === pathToFileURL(file).href);
    const url = String(script['sourceMapURL']);
    assert.match(url, /^data:application\/json;base64,/);
    const found = new SourceMap(
      JSON.parse(Buffer.from(url.split(',')[1] ?? '', 'base64').toString()) as SourceMapPayload,
    );
    assert.deepEqual(found.payload.sources, [pathToFileURL(source).href]);
    assert.deepEqual(found.payload.sourcesContent, [TYPED]);
    // As an editor does it for a breakpoint at that line.
    const wanted = TYPED.split('\n').findIndex((line) => line.includes('breakpoint'));
    const lineNumber = code.split('\n').findIndex((_line, line) => {
      const entry = found.findEntry(line, 2);
      return 'originalLine' in entry && entry.originalLine === wanted;
    });
    assert.notEqual(lineNumber, wanted);
    client.send('Debugger.setBreakpointByUrl', { url: script['url'], lineNumber });
    const { callFrames } = await client.hears('Debugger.paused');
    const [frame] = callFrames as { functionName: string; location: { lineNumber: number } }[];
    assert.deepEqual([frame?.functionName, frame?.location.lineNumber], ['tick', lineNumber]);
    client.send('Debugger.resume');
    const inWorker = await client.hears('NodeWorker.attachedToWorker');
    client.send('NodeWorker.sendMessageToWorker', {
      sessionId: inWorker['sessionId'],
      message: JSON.stringify({ id: 1, method: 'Debugger.enable' }),
    });
    await client.hears('NodeWorker.receivedMessageFromWorker', ({ message }) =>
      String(message).includes('"sourceMapURL":"data:'),
    );
    assert.equal(await inspecting.interrupt(), 0, inspecting.stderr);
    await untilClosed(device, 'typed');
  });

  test('reaches an app in a network of its own', async (t) => {
    if (!requireTool(t, 'unshare') || !requireTool(t, 'ip')) return;
    const script = `ip link set lo up && exec "$0" "$@"`;
    const device = await DebuggedDevice.start(t, {
      apps: { hermit: TICKER },
      command: { hermit: ['unshare', '--net', 'sh', '-c', script] },
    });
    await eventually('the app', async () => /ready/.test(device.log('hermit')));
    const prompt = device.tsk.follow('repl', 'hermit', ...device.host);
    prompt.type('typeof state.ticks\nObject.keys(require("node:os").networkInterfaces()).join()\n');
    assert.equal(await prompt.ended, 0, prompt.stderr);
    assert.equal(prompt.stdout, "'number'\n'lo'\n");
    await untilClosed(device, 'hermit');
    // Its port is free for others here.
    assert.deepEqual(device.guarded.flat(), []);
  });
});

async function ticking(t: TestContext): Promise<DebuggedDevice> {
  const device = await DebuggedDevice.start(t, { apps: { ticker: TICKER } });
  await eventually('the app', async () => /ready/.test(device.log('ticker')));
  return device;
}

/** A line of each answer. */
async function type(device: DebuggedDevice, lines: readonly string[], code = 0): Promise<string[]> {
  const prompt = device.tsk.follow('repl', 'ticker', ...device.host);
  prompt.type(lines.map((line) => `${line}\n`).join(''));
  assert.equal(await prompt.ended, code, prompt.stderr);
  return prompt.stdout.trimEnd().split('\n');
}

/** Of `tsk inspect`, which must fail. */
async function refusal(device: DebuggedDevice, app: string): Promise<string> {
  return device.tsk.fails('inspect', app, ...device.host);
}

async function untilOpen(device: DebuggedDevice, app: string): Promise<void> {
  await eventually('the inspector', async () => /its inspector is open/.test(device.log(app)));
}

/** tsk itself is through. */
async function untilShown(inspecting: Follower): Promise<void> {
  await eventually('the inspector', async () => /is open at/.test(inspecting.stdout));
}

async function untilClosed(device: DebuggedDevice, app: string): Promise<void> {
  await eventually('the end of it', async () => /its inspector is closed/.test(device.log(app)));
}

suite('what is not to be debugged', () => {
  test('says why', async (t) => {
    const device = await DebuggedDevice.start(t, {
      openLimitMs: 700,
      apps: {
        ticker: TICKER,
        busy: `process.on('SIGUSR1', () => console.error('mine')); setInterval(() => {}, 1e6); console.log('ready');`,
        deaf: 'setInterval(() => {}, 1e6)',
        sleep: '',
        quiet: TICKER,
        waiting: `console.log('ready'); setTimeout(() => require('node:child_process').spawnSync('sleep', ['1000']), 50);`,
      },
      specs: {
        deaf: { env: { NODE_OPTIONS: '--disable-sigusr1' } },
        sleep: { kind: 'binary', argv: ['/bin/sleep', '1000'] },
      },
    });
    for (const app of ['ticker', 'busy', 'quiet', 'waiting'])
      await eventually(app, async () => /ready/.test(device.log(app)));
    assert.match(await refusal(device, 'sleep'), /Cannot debug "sleep": it is no Node\.js program/);
    assert.match(await refusal(device, 'deaf'), /Cannot debug "deaf": it does not listen to SIGUSR1/);
    // Such an app does not start where there is no guard of networks; what it would be is enough.
    const service = device.supervisor.get('quiet');
    service?.place({ spec: { ...service.spec, network: 'none' }, root: '/' });
    assert.match(
      await refusal(device, 'quiet'),
      /with "network": "none" and without a sandbox it gets no socket, and so no inspector/,
    );
    assert.match(
      await refusal(device, 'busy'),
      /within 0\.7 s; it has a handler of its own for SIGUSR1, hangs in a call that does not return/,
    );
    assert.match(await refusal(device, 'waiting'), /within 0\.7 s; .* hangs in a call that does not return/);
    await device.supervisor.get('ticker')?.stop();
    assert.match(await refusal(device, 'ticker'), /Cannot debug "ticker": it does not run \(stopped\)/);
    assert.match(await refusal(device, 'tickr'), /no app of that name\nHint: Did you mean ticker\?/);
    // After all of it they are as they were.
    assert.equal(device.supervisor.get('sleep')?.status().startCount, 1);
    assert.equal(device.supervisor.get('sleep')?.state, 'running');
  });

  test('who has no key, or another, is told', async (t) => {
    const device = await ticking(t);
    const key = join(device.directory, '.tskrazy', 'update-key.pem');
    rmSync(key);
    assert.match(
      await refusal(device, 'ticker'),
      /update key of this instance is not on this computer\nHint: Who may update/,
    );
    const other = await ensureUpdateKeys({ stateDirectory: join(device.directory, '.tskrazy') });
    assert.match(
      await refusal(device, 'ticker'),
      new RegExp(
        `the request is signed with key ${other.current.id}, and trusted are ${device.keys.current.id}`,
      ),
    );
    assert.doesNotMatch(device.log('ticker'), /Debugger listening/);
  });

  test('"breakglass": "off" is off', async (t) => {
    const device = await DebuggedDevice.start(t, { apps: { ticker: TICKER }, config: { breakglass: 'off' } });
    await eventually('the app', async () => /ready/.test(device.log('ticker')));
    assert.match(await refusal(device, 'ticker'), /this device was built with "breakglass": "off"/);
    assert.doesNotMatch(device.log('ticker'), /Debugger listening/);
  });

  test('an app that says where others listen is not believed', async (t) => {
    const victim = createServer().listen(0, '127.0.0.1');
    t.after(() => victim.close());
    await once(victim, 'listening');
    const { port } = victim.address() as AddressInfo;
    const line = `Debugger listening on ws://127.0.0.1:${port}/0123abcd-0123-0123-0123-0123456789ab`;
    const device = await DebuggedDevice.start(t, {
      openLimitMs: 1000,
      apps: {
        forger: `process.on('SIGUSR1', () => console.error('${line}')); setInterval(() => {}, 1e6); console.log('ready');`,
      },
    });
    const noisy = await DebuggedDevice.start(t, {
      apps: { both: `setInterval(() => console.error('${line}'), 1); console.log('ready');` },
    });
    let connections = 0;
    victim.on('connection', (socket) => {
      connections++;
      socket.destroy();
    });
    await eventually('the forger', async () => /ready/.test(device.log('forger')));
    // The log holds so many lines, and this app writes them fast.
    await eventually('the other', async () => /listening/.test(noisy.log('both')));
    assert.match(
      await refusal(device, 'forger'),
      new RegExp(`what it says of port ${port} is not so: it does not listen there`),
    );
    const prompt = noisy.tsk.follow('repl', 'both', ...noisy.host);
    prompt.type('process.pid\n');
    assert.equal(await prompt.ended, 0, prompt.stderr);
    assert.equal(Number(prompt.stdout), noisy.supervisor.get('both')?.status().pid);
    assert.equal(connections, 0);
  });

  test('one at a time debugs an app, and other apps are kept from it', async (t) => {
    const device = await ticking(t);
    const first = device.tsk.follow('inspect', 'ticker', ...device.host);
    await untilOpen(device, 'ticker');
    assert.match(
      await refusal(device, 'ticker'),
      /Cannot debug "ticker": .* \(127\.0\.0\.1, key [0-9a-f]{16}\) is at it/,
    );
    const [open] = device.guarded.at(-1) ?? [];
    assert.equal(open?.[0], 'ticker');
    await first.interrupt();
    await untilClosed(device, 'ticker');
    assert.deepEqual(device.guarded.at(-1), []);
  });
});

suite('however it ends, the inspector is closed', () => {
  test('tsk is killed', async (t) => {
    const device = await ticking(t);
    const inspecting = device.tsk.follow('inspect', 'ticker', ...device.host);
    await untilShown(inspecting);
    await inspecting.kill();
    await untilClosed(device, 'ticker');
  });

  test('the web server goes, and comes again', async (t) => {
    const device = await ticking(t);
    const inspecting = device.tsk.follow('inspect', 'ticker', ...device.host);
    await untilShown(inspecting);
    await device.web?.close();
    await untilClosed(device, 'ticker');
    assert.equal(await inspecting.ended, 1);
    assert.match(
      inspecting.stderr,
      /The inspector of "ticker" is closed: the connection to the device is lost/,
    );
    await device.startWeb();
    assert.deepEqual(await type(device, ['1 + 1']), ['2']);
  });

  test('whoever has asked init is killed', async (t) => {
    const device = await ticking(t);
    const code = `const { request } = require('node:http');
      const options = { socketPath: ${JSON.stringify(device.socketPath)}, path: '/v1/inspect/ticker', method: 'POST' };
      request(options, (response) => response.pipe(process.stdout)).end('{"who":"a test"}');`;
    const web = new Follower(spawn(process.execPath, ['-e', code]));
    await web.shows('"event":"open"');
    await web.kill();
    await untilClosed(device, 'ticker');
  });

  test('its time is over', async (t) => {
    const device = await DebuggedDevice.start(t, { apps: { ticker: TICKER }, lifetimeMs: 1 });
    await eventually('the app', async () => /ready/.test(device.log('ticker')));
    const said = await device.tsk.tsk('inspect', 'ticker', ...device.host);
    assert.match(said.stderr, /The inspector of "ticker" is closed: it was open for as long as it may be/);
    await untilClosed(device, 'ticker');
  });

  test('the cable is pulled out', async (t) => {
    const lab = NetworkLab.create(t);
    if (lab === undefined) return;
    lab.plugIn();
    lab.onServer('link', 'set', 'lo', 'up');
    lab.onDevice('link', 'set', 'eth0', 'up');
    lab.onDevice('addr', 'add', '10.77.0.5/24', 'dev', 'eth0');
    const device = await DebuggedDevice.start(t, {
      apps: { ticker: TICKER },
      limits: { peerSilenceMs: 1000 },
      listenWith: () => lab.inDevice(() => openListeningSocket(8080)),
    });
    await eventually('the app', async () => /ready/.test(device.log('ticker')));
    const words = [
      '-i',
      device.directory,
      'inspect',
      'ticker',
      '--host',
      '10.77.0.5:8080',
      '--insecure-http',
    ];
    lab.spawnOnServer(process.execPath, TSK, ...words);
    await lab.line(/is open at/);
    lab.disconnectServer();
    await untilClosed(device, 'ticker');
    await lab.line(/The inspector of "ticker" is closed: the connection to the device is lost/);
  });

  test('the app runs without end', async (t) => {
    const device = await DebuggedDevice.start(t, {
      apps: { spinner: `console.log('ready'); setTimeout(() => { for (;;) globalThis.n = 1; }, 50);` },
    });
    await eventually('the app', async () => /ready/.test(device.log('spinner')));
    const inspecting = device.tsk.follow('inspect', 'spinner', ...device.host);
    await untilShown(inspecting);
    assert.equal(await inspecting.interrupt(), 0);
    await untilClosed(device, 'spinner');
    // It is asked in the middle of it.
    const prompt = device.tsk.follow('repl', 'spinner', ...device.host);
    prompt.type('typeof n\n');
    assert.equal(await prompt.ended, 0, prompt.stderr);
    assert.equal(prompt.stdout, "'number'\n");
    assert.equal(device.supervisor.get('spinner')?.state, 'running');
  });

  test('the app stands at a breakpoint, and goes on', async (t) => {
    const device = await ticking(t);
    const inspecting = device.tsk.follow('inspect', 'ticker', '--json', ...device.host);
    const { webSocketUrl } = await eventually('where it is', async () => {
      return /^\}$/m.test(inspecting.stdout) && (JSON.parse(inspecting.stdout) as { webSocketUrl: string });
    });
    const socket = new WebSocket(webSocketUrl);
    await once(socket, 'open');
    const paused = new Promise<void>((resolve) => {
      socket.addEventListener('message', ({ data }) => {
        if (String(data).includes('"Debugger.paused"')) resolve();
      });
    });
    for (const [id, method] of ['Debugger.enable', 'Debugger.pause'].entries())
      socket.send(JSON.stringify({ id, method }));
    await paused;
    await inspecting.kill();
    await untilClosed(device, 'ticker');
    const [goesOn] = await type(device, [
      'const before = state.ticks; await new Promise((resolve) => setTimeout(resolve, 200)); state.ticks > before',
    ]);
    assert.equal(goesOn, 'true');
  });

  test('the app ends', async (t) => {
    const device = await ticking(t);
    const inspecting = device.tsk.follow('inspect', 'ticker', ...device.host);
    await untilShown(inspecting);
    await device.supervisor.get('ticker')?.stop();
    assert.equal(await inspecting.ended, 1);
    assert.match(inspecting.stderr, /The inspector of "ticker" is closed: the app has ended \(SIGTERM\)/);
    // The next process has none, and nothing is kept from the others on its behalf.
    await device.supervisor.get('ticker')?.start('request');
    assert.deepEqual(device.guarded.at(-1), []);
    assert.deepEqual(await type(device, ['typeof state.ticks']), ["'number'"]);
    await untilClosed(device, 'ticker');
  });
});

suite('tsk repl', () => {
  test('answers as a prompt of Node.js in the app would', async (t) => {
    const device = await ticking(t);
    const answers = await type(
      device,
      [
        'typeof state.ticks',
        'const { hostname } = require("node:os"); typeof hostname()',
        'await new Promise((resolve) => setTimeout(resolve, 20, { deep: { er: [1, new Map([[1, 2]])] } }))',
        '{ a: 1 }',
        'let again = 1',
        'let again = 2; again',
        'missing.thing',
        'throw new Error("mine")',
        'await Promise.reject(new Error("late"))',
        '"it\\u001b[2Jclears"',
        'console.log("seen", { by: "me" })',
        '[1,',
        '2]',
        '10n',
        '-0',
        'Symbol("x")',
      ],
      1,
    );
    const text = answers.join('\n');
    assert.match(text, /^'number'\n'function'|^'number'\n'string'/);
    assert.match(text, /\{ deep: \{ er: \[ 1, \[?Map/);
    assert.match(text, /^\{ a: 1 \}$/m);
    assert.match(text, /^2$/m);
    assert.match(text, /Uncaught ReferenceError: missing is not defined/);
    assert.match(text, /Uncaught Error: mine/);
    assert.match(text, /Uncaught Error: late/);
    assert.ok(!text.includes('\u001b'), 'nothing of the app steers the terminal');
    assert.match(text, /^seen \{ by: 'me' \}$/m);
    assert.match(text, /\[ 1, 2 \]\n10n\n-0\nSymbol\(x\)$/);
  });

  test('a loop without end is stopped, and the app goes on', async (t) => {
    const device = await ticking(t);
    const [stopped = '', next] = await type(device, ['for (;;);', 'state.ticks >= 0'], 1);
    assert.match(stopped, /^Stopped: it ran for 5 s without a pause$/);
    assert.equal(next, 'true');
    await untilClosed(device, 'ticker');
  });

  test('leaves the app as it was', async (t) => {
    const device = await ticking(t);
    // Who comes at once does not find himself there.
    await type(device, ['typeof require', 'state.ticks = -1e6']);
    const [kept, own, ticks] = await type(device, [
      'Object.keys(globalThis).filter((name) => /require|tskrazy/.test(name)).length',
      'Object.getOwnPropertySymbols(globalThis).length',
      'state.ticks < 0',
    ]);
    assert.deepEqual([kept, ticks], ['0', 'true']);
    assert.ok(Number(own) >= 1);
  });
});

suite('tsk profile', () => {
  test('records processor time', async (t) => {
    const device = await ticking(t);
    const out = join(device.directory, 'out.cpuprofile');
    const said = await device.tsk.succeeds('profile', 'ticker', '--cpu', '3s', '--out', out, ...device.host);
    assert.match(said, /^Wrote .*out\.cpuprofile/);
    const profile = JSON.parse(readFileSync(out, 'utf8')) as {
      nodes: { callFrame: { url: string; functionName: string } }[];
    };
    const burning = profile.nodes.find(({ callFrame }) => callFrame.functionName === 'burn');
    assert.match(burning?.callFrame.url ?? '', /^file:\/\/.*\/ticker\.cjs$/);
  });

  test('takes a heap snapshot', async (t) => {
    const device = await ticking(t);
    const out = join(device.directory, 'out.heapsnapshot');
    await device.tsk.succeeds('profile', 'ticker', '--heap', '--out', out, ...device.host);
    const snapshot = JSON.parse(readFileSync(out, 'utf8')) as { snapshot: { node_count: number } };
    assert.ok(snapshot.snapshot.node_count > 1000);
    assert.equal(statSync(out).mode & 0o777, 0o600);
  });

  test('takes no heap snapshot that an app has no memory for, unless it is told to', async (t) => {
    const device = await DebuggedDevice.start(t, {
      apps: {
        near: `process.availableMemory = () => 9e6; setInterval(() => {}, 1e6); console.log('ready');`,
      },
    });
    await eventually('the app', async () => /ready/.test(device.log('near')));
    const out = join(device.directory, 'out.heapsnapshot');
    const words = ['profile', 'near', '--heap', '--out', out, ...device.host];
    assert.match(
      await device.tsk.fails(...words),
      /Cannot take a heap snapshot of "near": its heap has .* MB, so that it takes up to .* MB besides, and the app has 9\.0 MB left/,
    );
    await device.tsk.succeeds(...words, '--force');
    assert.ok(statSync(out).size > 1e6);
  });

  test('leaves no half of a file when the app ends in the middle', async (t) => {
    const device = await ticking(t);
    const profiling = device.tsk.follow(
      'profile',
      'ticker',
      '--cpu',
      `${PROFILED_SEC}s`,
      ...device.host,
      '--out',
      join(device.directory, 'x.cpuprofile'),
    );
    await eventually('the inspector', async () => /its inspector is open/.test(device.log('ticker')));
    // Somewhere between its connection and the profile, or in the middle of that.
    await eventually('the profile', async () => /Recording/.test(profiling.stderr));
    await device.supervisor.get('ticker')?.kill('by a test');
    const killedMs = performance.now();
    assert.equal(await profiling.ended, 1);
    assert.ok(performance.now() - killedMs < PROFILED_SEC * 1000, 'it waits for the rest of the time');
    assert.match(
      profiling.stderr,
      /Cannot (?:profile "ticker" to the end|go on debugging "ticker"): the app has ended \(SIGKILL\)/,
    );
    assert.deepEqual(
      readdirSync(device.directory).filter((name) => name.includes('cpuprofile')),
      [],
    );
  });
});

suite('tsk logs --reports', () => {
  test('tells of crashes, newest first, without what was secret', async (t) => {
    const device = await DebuggedDevice.start(t, {
      apps: { crasher: `function fail() { throw new Error('as \u001b[2Jplanned'); }\nsetTimeout(fail, 10);` },
      args: { crasher: ['--password', 'canary-of-the-arguments'] },
      specs: { crasher: { env: { TOKEN: 'canary-of-the-environment' } } },
    });
    const crasher = device.supervisor.get('crasher');
    await eventually('its end', async () => crasher?.state === 'failed');
    const said = await device.tsk.succeeds('logs', 'crasher', '--reports', ...device.host);
    assert.match(said, /Error: as \\x1b\[2Jplanned\n {4}at (?:Timeout\.)?fail .*crasher\.cjs:1:25\)/);
    assert.match(said, /Node\.js v26.*, heap .*, report\.\d{8}\.\d{6}\.\d+\.0\.001\.json/);
    const [line = ''] = (
      await device.tsk.succeeds('logs', 'crasher', '--reports', '--json', ...device.host)
    ).split('\n');
    assert.match(line, /"nodejsVersion"/);
    assert.ok(!line.includes('canary'));
    const path = device.sys.path('/perm/log/reports/crasher');
    const [name = ''] = readdirSync(path);
    const file = readFileSync(join(path, name), 'utf8');
    assert.deepEqual(
      [file.includes('canary-of-the-arguments'), file.includes('canary-of-the-env')],
      [true, false],
    );
  });

  test('each way to die leaves what it can', async (t) => {
    const device = await DebuggedDevice.start(t, {
      apps: {
        full: 'const kept = []; for (;;) kept.push({ some: [Math.random()] });',
        rejecting: `async function ask() { throw new TypeError('nobody hears'); }\nask();`,
        threaded: `new (require('node:worker_threads').Worker)("throw new Error('in a worker')", { eval: true });`,
        aborting: 'process.abort();',
        faulting: `process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1e6);`,
        well: '',
        native: '',
      },
      specs: {
        full: { env: { NODE_OPTIONS: '--max-old-space-size=24', TOKEN: 'canary-of-the-environment' } },
        native: { kind: 'binary', argv: ['/bin/false'] },
      },
    });
    const reports = async (app: string): Promise<string> => {
      await eventually(`the end of ${app}`, async () => {
        const { state } = device.supervisor.get(app) ?? {};
        return state === 'failed' || state === 'stopped';
      });
      const { code, stdout, stderr } = await device.tsk.tsk('logs', app, '--reports', ...device.host);
      assert.equal(code, 0, stderr);
      return stdout + stderr;
    };
    assert.match(await reports('full'), /heap out of memory\n[^]*heap .* of .*report\.\d/);
    assert.match(await reports('rejecting'), /TypeError: nobody hears\n {4}at ask .*rejecting\.cjs:1:/);
    assert.match(await reports('threaded'), /Error: in a worker/);
    assert.match(await reports('aborting'), /left no report: SIGABRT has ended it in native code/);
    assert.match(
      await reports('faulting'),
      /left no report: SIGSEGV has ended it .*"tsk ssh --open 1h --with gdb"/,
    );
    assert.match(await reports('well'), /left no report: it has not crashed/);
    assert.match(await reports('native'), /left no report: only programs for Node\.js do/);
    const kept = device.sys.path('/perm/log/reports/full');
    for (const name of readdirSync(kept))
      assert.ok(!readFileSync(join(kept, name), 'utf8').includes('canary'), name);
  });

  test('keeps five, and no links, directories or giants in their place', async (t) => {
    const device = await DebuggedDevice.start(t, {
      apps: {
        hostile: `
const fs = require('node:fs');
const [, directory] = /--report-directory=(\\S+)/.exec(process.env.NODE_OPTIONS);
const name = (n) => directory + '/report.20260101.00000' + n + '.2.0.001.json';
fs.symlinkSync('/etc/passwd', name(0));
fs.mkdirSync(name(1));
fs.ftruncateSync(fs.openSync(name(2), 'w'), 2e9);
for (const n of [3, 4, 5, 6, 7, 8, 9]) {
  fs.writeFileSync(name(n), JSON.stringify({ header: { event: 'number ' + n } }));
  fs.utimesSync(name(n), n, n);
}
fs.writeFileSync(directory + '/other', 'x');
setInterval(() => {}, 1e6);
console.log('ready');`,
      },
    });
    await eventually('its files', async () => /ready/.test(device.log('hostile')));
    const path = device.sys.path('/perm/log/reports/hostile');
    const running = await device.tsk.succeeds('logs', 'hostile', '--reports', ...device.host);
    assert.deepEqual(running.match(/number \d/g), [
      'number 9',
      'number 8',
      'number 7',
      'number 6',
      'number 5',
    ]);
    assert.ok(!running.includes('root:'));
    const link = await fetch(
      `http://127.0.0.1:${device.port}/api/v1/reports/hostile/report.20260101.000000.2.0.001.json`,
      {
        headers: { Authorization: `Basic ${Buffer.from('tsk:demo').toString('base64')}` },
      },
    );
    assert.equal(link.status, 404);
    await device.supervisor.get('hostile')?.stop();
    assert.deepEqual(
      readdirSync(path).sort(),
      [5, 6, 7, 8, 9].map((n) => `report.20260101.00000${n}.2.0.001.json`),
    );
  });
});
