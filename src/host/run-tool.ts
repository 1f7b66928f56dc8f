// Runs the tools of this computer that tsk relies on (go, npm, apt, ...) and collects what they say.

import { spawn } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Environment, withoutRepository } from './tool-environment.ts';

export interface ToolResult {
  /** Exit status; `null` when a signal ended it. */
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Absolute path of `name` on the environment's PATH. */
export async function findTool(name: string, environment: Environment): Promise<string | undefined> {
  for (const directory of (environment['PATH'] ?? '').split(delimiter)) {
    if (directory === '') continue;
    const path = join(directory, name);
    try {
      await access(path, constants.X_OK);
      // A directory passes that, too: ~/go, for one, where the home directory is on the PATH.
      if ((await stat(path)).isFile()) return path;
    } catch {
      // The tool is not in this directory.
    }
  }
  return undefined;
}

/** Does not reject for a failing program: its status and words are for the caller to judge. */
export async function runTool(
  path: string,
  args: readonly string[],
  options: {
    environment: Environment;
    directory: string;
    /** Gets the lines that the program writes to its file descriptor 3. */
    onStatusLine?: (line: string) => void;
  },
): Promise<ToolResult> {
  const child = spawn(path, args, {
    cwd: options.directory,
    env: withoutRepository(options.environment),
    stdio: ['ignore', 'pipe', 'pipe', options.onStatusLine ? 'pipe' : 'ignore'],
  });
  const stdout = collect(child.stdio[1]);
  const stderr = collect(child.stdio[2]);
  const status = options.onStatusLine ? eachLine(child.stdio[3], options.onStatusLine) : undefined;
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  await status;
  return { status: code, stdout: await stdout, stderr: await stderr };
}

type Stream = AsyncIterable<Uint8Array> | null | undefined;

async function collect(stream: unknown): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (stream as Stream) ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function eachLine(stream: unknown, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of (stream as Stream) ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
}
