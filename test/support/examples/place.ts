// Where an example runs, as those see it who use it.

import { execFileSync } from 'node:child_process';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { eventually } from '../machines/appliance.ts';
import type { Lifetime } from '../updates/update-lab.ts';
import type { ScriptedAdapter } from '../zigbee/scripted-adapter.ts';
import type { Lan } from './lan.ts';

const ASK_LIMIT_MS = 60_000;
const LAST_WORDS_CHARS = 1500;

export type Ask = (path: string, init?: RequestInit) => Promise<Response>;

export interface Place {
  /** Of the instance. */
  directory: string;
  lan: Lan;
  adapter: ScriptedAdapter;
  /** What a program opens to speak to the adapter. */
  adapterPath: string;
  /** For packages of those who use the examples. */
  scratch: string;
}

export function askOf({ lan }: Pick<Place, 'lan'>, port: number): Ask {
  const base = `http://${lan.deviceAddress}:${port}/`;
  return (path, init) => fetch(new URL(path, base), { signal: AbortSignal.timeout(ASK_LIMIT_MS), ...init });
}

/** Until it answers, whatever that is. */
export async function answersAt(place: Pick<Place, 'lan'>, port: number, limitMs: number): Promise<void> {
  const ask = askOf(place, port);
  await eventually(
    `an answer at port ${port}`,
    async () => {
      const response = await ask('/');
      await response.body?.cancel();
      return response.status < 500;
    },
    limitMs,
  );
}

interface Use {
  port: number;
  limitMs: number;
  /** Says what was seen. */
  act: (place: Place) => Promise<string>;
  /** What each app has said. */
  logs: () => Promise<string[]>;
}

/** Once it answers; where that fails, the apps' last words are told. */
export async function useExample(place: Place, { port, limitMs, act, logs }: Use): Promise<string> {
  try {
    await answersAt(place, port, limitMs);
    return await act(place);
  } catch (error) {
    const said = (await logs()).map((text) => text.slice(-LAST_WORDS_CHARS)).join('\n');
    throw new Error(`${(error as Error).message}; the apps said: ${said}`, { cause: error });
  }
}

/** An adapter that is reached by TCP, as those with a network socket are: its address. */
export async function serveAdapter(
  t: Pick<Lifetime, 'after'>,
  adapter: ScriptedAdapter,
  host: string,
): Promise<string> {
  const ports = new Set<Socket>();
  const server = createServer((port) => {
    ports.add(port);
    // A program that ends cuts it off.
    port.on('error', () => undefined);
    adapter.connect(port);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => {
    for (const port of ports) port.destroy();
    server.close();
  });
  return `tcp://${host}:${(server.address() as AddressInfo).port}`;
}

/** Packages that only those need who use the examples: of npm's registry, or its cache. */
export function installPackages(directory: string, ...packages: string[]): void {
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--no-save'];
  execFileSync('npm', ['install', '--prefix', directory, ...options, ...packages], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

export function packageFile(directory: string, path: string): string {
  return join(directory, 'node_modules', path);
}
