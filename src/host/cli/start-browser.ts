// Starts the browser of this computer's user with an address that is a secret. Arguments of programs are no place for
// one: on Linux and macOS every user reads those of all others (ps).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { replacePrivateFile } from '../files/private-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface BrowserCommand {
  argv: readonly [string, ...string[]];
  /** For its standard input. */
  input?: string;
}

/** `file` leads to `url`, and only this user can read it. undefined: there is no screen. */
export function browserCommand(
  { url, file }: { url: string; file: string },
  platform: NodeJS.Platform,
  environment: Environment,
): BrowserCommand | undefined {
  // AppleScript hands it to the browser in an event.
  if (platform === 'darwin') return { argv: ['osascript'], input: `open location "${url}"\n` };
  // Windows shows a user's arguments to nobody but administrators. The address has no character that `cmd` takes for its own.
  if (platform === 'win32') return { argv: ['cmd', '/c', 'start', '""', url] };
  const { DISPLAY = '', WAYLAND_DISPLAY = '' } = environment;
  if (DISPLAY === '' && WAYLAND_DISPLAY === '') return undefined;
  return { argv: ['xdg-open', pathToFileURL(file).href] };
}

/** `directory`: one that only this user can look into. A browser in a sandbox of its own (a snap) cannot read /tmp. */
export async function writeRedirect(directory: string, url: string): Promise<string> {
  const path = join(directory, `open-${process.pid}.html`);
  const refresh = `<meta http-equiv="refresh" content="0; url=${url}">`;
  await replacePrivateFile(path, `<!doctype html><title>tsk open</title>${refresh}`);
  return path;
}

/** Resolves to what removes its traces; undefined: it was not started. What it makes of the address, nobody tells. */
export async function startBrowser(
  directory: string,
  url: string,
): Promise<(() => Promise<void>) | undefined> {
  let file: string | undefined;
  const clean = async (): Promise<void> => {
    if (file !== undefined) await rm(file, { force: true });
  };
  try {
    file = await writeRedirect(directory, url);
    const command = browserCommand({ url, file }, process.platform, process.env);
    if (command !== undefined) {
      await start(command);
      return clean;
    }
  } catch {
    // No such program, or a directory that cannot be written: a person opens the address by hand.
  }
  await clean();
  return undefined;
}

async function start({ argv: [program, ...args], input }: BrowserCommand): Promise<void> {
  const child = spawn(program, args, {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  await once(child, 'spawn');
  // Who does not read it has opened nothing, and a person sees that.
  child.stdin?.on('error', () => undefined).end(input);
}
