// The arguments of scripts and benches. What they do not know ends them with one line and their usage.

import { parseArgs, type ParseArgsConfig } from 'node:util';

export function parseOptions<Config extends ParseArgsConfig>(
  config: Config,
  usage: string,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    // What comes after the first sentence is about arguments that start with a dash.
    return usageError(usage, (error as Error).message.split('. ')[0]);
  }
}

export function usageError(usage: string, problem?: string): never {
  if (problem !== undefined) console.error(problem);
  console.error(`Usage: ${usage}`);
  process.exit(1);
}
