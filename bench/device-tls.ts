// What TLS costs a running device, beside the same in clear: handshakes and requests a second, memory of `web`, and the time
// of `tsk ps`, which speaks in clear only because it is told to.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { WEB_API } from '../src/shared/api/web-api.ts';
import type { ProbeDevice, ProbeDisk } from '../test/support/machines/probe-device.ts';
import { type Figures, median } from './figures.ts';

const run = promisify(execFile);
const TSK = join(import.meta.dirname, '../bin/tsk.ts');
const LOAD_MS = 10_000;
const CLIENTS = 4;

/** Whose certificate it is does not matter to the time that it takes. */
const UNCHECKED = { rejectUnauthorized: false, minVersion: 'TLSv1.3' } as const;

export async function measureTls(device: ProbeDevice, disk: ProbeDisk, runs: number): Promise<Figures> {
  const before = await memoryOfWeb(device);
  const handshakes = await countFor(LOAD_MS, () => handshake(device.tlsPort));
  const status = { path: WEB_API.status, headers: { authorization: device.authorization } };
  const agents = {
    tls: new https.Agent({ keepAlive: true, ...UNCHECKED }),
    clear: new http.Agent({ keepAlive: true }),
  };
  const overTls = await countFor(LOAD_MS, () =>
    get(https.get({ ...status, host: '127.0.0.1', port: device.tlsPort, agent: agents.tls })),
  );
  const inClear = await countFor(LOAD_MS, () =>
    get(http.get(new URL(WEB_API.status, device.pageUrl), { headers: status.headers, agent: agents.clear })),
  );
  agents.tls.destroy();
  agents.clear.destroy();
  const psTls: number[] = [];
  const psClear: number[] = [];
  for (let count = 0; count < runs; count++) {
    psTls.push(await timePs(disk, [`127.0.0.1:${device.tlsPort}`]));
    psClear.push(await timePs(disk, [`127.0.0.1:${new URL(device.pageUrl).port}`, '--insecure-http']));
  }
  return {
    tlsHandshakesPerSec: handshakes,
    tlsStatusReqPerSec: overTls,
    clearStatusReqPerSec: inClear,
    tlsTskPsMs: median(psTls),
    clearTskPsMs: median(psClear),
    webPrivateKiBBeforeTls: before,
    webPrivateKiBAfterTls: await memoryOfWeb(device),
  };
}

async function memoryOfWeb(device: ProbeDevice): Promise<number> {
  const { processes } = await device.figures();
  return processes.find(({ service }) => service === 'web')?.privateKiB ?? Number.NaN;
}

/** How often a second some clients get through with it together. */
async function countFor(durationMs: number, act: () => Promise<void>): Promise<number> {
  const end = AbortSignal.timeout(durationMs);
  const counts = Array.from({ length: CLIENTS }, async () => {
    let count = 0;
    for (; !end.aborted; count++) await act();
    return count;
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0) / (durationMs / 1000);
}

/** A whole one: nothing is kept from an earlier one. */
async function handshake(port: number): Promise<void> {
  const socket = tls.connect({ host: '127.0.0.1', port, ...UNCHECKED });
  await once(socket, 'secureConnect');
  socket.destroy();
}

async function get(request: http.ClientRequest): Promise<void> {
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`The device answers ${response.statusCode}`);
  await once(response.resume(), 'end');
}

async function timePs({ instance }: ProbeDisk, host: readonly string[]): Promise<number> {
  const started = performance.now();
  await run(process.execPath, [TSK, '-i', instance.directory, 'ps', '--host', ...host]);
  return performance.now() - started;
}
