// The instance of examples/demo; without its Go app where Go is not installed.

import { join } from 'node:path';
import { findTool } from '../src/host/run-tool.ts';
import { type Instance, openInstance } from '../src/host/config/instance.ts';

const DEMO_DIRECTORY = join(import.meta.dirname, '..', 'examples', 'demo');

export async function openDemoInstance(
  output: { say(text: string): void },
  directory = DEMO_DIRECTORY,
): Promise<Instance> {
  const instance = await openInstance(directory);
  if ((await findTool('go', process.env)) !== undefined) return instance;
  const apps = instance.config.apps.filter((app) => app.go === undefined);
  const left = instance.config.apps.length - apps.length;
  output.say(`Go is not installed: leaving out ${left} app${left === 1 ? '' : 's'} written in Go.`);
  return { ...instance, config: { ...instance.config, apps } };
}
