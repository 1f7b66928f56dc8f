// An example's apps, started on this machine as tsk builds them, used, started again and asked for what they were to keep.

import { join } from 'node:path';
import { type AppBuild, buildApp } from '../../../src/host/apps/build-app.ts';
import { pinApps } from '../../../src/host/apps/pin-apps.ts';
import { defaultCacheDirectory } from '../../../src/host/cache-directory.ts';
import { openInstance } from '../../../src/host/config/instance.ts';
import type { BoardId } from '../../../src/shared/board/boards.ts';
import { appContext } from '../builds/app-builds.ts';
import type { Lifetime } from '../updates/update-lab.ts';
import { ScriptedAdapter } from '../zigbee/scripted-adapter.ts';
import type { ExampleCase } from './example-cases.ts';
import { Lan } from './lan.ts';
import { type Place, serveAdapter, useExample } from './place.ts';
import { installApp, runApp } from './run-app.ts';

const START_LIMIT_MS = 180_000;

/** Those of the case, in its order. */
export async function buildExample(
  directory: string,
  { apps }: ExampleCase,
  board: BoardId,
): Promise<AppBuild[]> {
  const { config } = await openInstance(directory);
  const context = appContext(directory, board, defaultCacheDirectory());
  const options = { update: false, withoutTool: 'refuse' } as const;
  const { lock } = await pinApps(context.lock, config.apps, context, options);
  const builds: AppBuild[] = [];
  for (const name of apps) {
    const app = config.apps.find((each) => each.name === name);
    if (app === undefined) throw new Error(`${directory} has no app "${name}"`);
    builds.push(await buildApp(app, { ...context, lock }));
  }
  return builds;
}

interface TryOptions {
  /** Of the instance, from which `builds` are. */
  directory: string;
  builds: readonly AppBuild[];
  scratch: string;
}

export async function tryHere(t: Lifetime, example: ExampleCase, options: TryOptions): Promise<string> {
  const { directory, builds, scratch } = options;
  const root = join(scratch, 'root');
  for (const built of builds) installApp(built, root);
  const lan = Lan.create(t);
  const adapter = new ScriptedAdapter();
  const adapterPath = await serveAdapter(t, adapter, lan.hostAddress);
  const place: Place = { directory, lan, adapter, adapterPath, scratch };
  const start = async (act: ExampleCase['use']): Promise<string> => {
    const running = builds.map((built) => runApp(built, root, lan));
    const logs = async (): Promise<string[]> => running.map((app) => app.output());
    try {
      return await useExample(place, { port: example.port, limitMs: START_LIMIT_MS, act, logs });
    } finally {
      for (const app of running) await app.stop();
    }
  };
  const seen = await start(example.use);
  return example.again === undefined ? seen : `${seen}; ${await start(example.again)}`;
}
