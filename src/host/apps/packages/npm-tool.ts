// The user's npm, so that their registry, proxy and credentials count. It installs for the board, not for this
// machine, and runs no package's scripts: what those make would be for the wrong machine.

import type { Board } from '../../../shared/board/boards.ts';
import { findTool, type ToolResult, runTool } from '../../run-tool.ts';
import { npmEnvironment } from '../../tool-environment.ts';
import { UserError } from '../../user-error.ts';

/** The npm of Node.js 22.18, the oldest that tsk runs on; 10.9.4 and 11 were tried. */
const MIN_VERSION = [10, 9] as const;

export interface NpmInstall {
  appName: string;
  board: Board;
  offline: boolean;
  /** `ci` wants a lock file, `install` makes one, `lock` makes nothing else. */
  command: 'ci' | 'install' | 'lock';
  directory: string;
  /** Words for what npm says, where the caller has better ones. */
  explain?: (output: string) => UserError | undefined;
}

export async function installForBoard({
  appName,
  board,
  offline,
  command,
  directory,
  explain,
}: NpmInstall): Promise<void> {
  const npm = await requireNpm(appName);
  const verb = command === 'lock' ? 'install' : command;
  const args = [
    verb,
    '--os=linux',
    `--cpu=${board.nodeArch}`,
    '--libc=glibc',
    '--omit=dev',
    '--ignore-scripts',
    // Whatever the project's own settings say: what a package depends on is looked for beside and above it.
    '--install-strategy=hoisted',
    // Likewise what the user's settings say of how npm is to work and what it is to print: from here on its errors
    // are read, and what it installs must be there. Platform packages are optional ones.
    '--include=optional',
    '--package-lock',
    '--loglevel=error',
    '--location=project',
    ...['dry-run', 'json', 'global', 'timing'].map((name) => `--no-${name}`),
    // Where packages are is a matter of each computer's settings: of those from a registry the lock says only what they are.
    ...(command === 'lock'
      ? ['--package-lock-only', '--omit-lockfile-registry-resolved']
      : ['--no-package-lock-only']),
    '--no-audit',
    '--no-fund',
    '--no-update-notifier',
    ...(offline ? ['--offline'] : []),
  ];
  const result = await runTool(npm, args, { environment: npmEnvironment(process.env), directory });
  if (result.status === 0) return;
  const output = npmOutput(result);
  throw explain?.(output) ?? npmError(appName, verb, output);
}

/**
 * Versions of `spec` ("homebridge@1") that the registry has; none where npm cannot tell. npm itself chooses among them by
 * what each says of the Node.js that npm runs on, and that is not the device's.
 */
export async function versionsOf(
  spec: string,
  { appName, offline, directory }: Pick<NpmInstall, 'appName' | 'offline' | 'directory'>,
): Promise<string[]> {
  const args = ['view', spec, 'version', '--json', '--no-global', ...(offline ? ['--offline'] : [])];
  const environment = npmEnvironment(process.env);
  const result = await runTool(await requireNpm(appName), args, { environment, directory });
  if (result.status !== 0 || result.stdout.trim() === '') return [];
  const answer: unknown = JSON.parse(result.stdout);
  return [answer].flat().filter((version) => typeof version === 'string');
}

async function requireNpm(appName: string): Promise<string> {
  const path = await findTool('npm', process.env);
  const hint = 'Install npm 11 or later: "npm install --global npm@11".';
  if (path === undefined) {
    throw new UserError(`Cannot install the packages of app "${appName}": there is no "npm" on PATH`, {
      topic: 'npm-packages',
      hint: 'Install Node.js with npm.',
    });
  }
  const { stdout } = await runTool(path, ['--version'], {
    environment: npmEnvironment(process.env),
    directory: '/',
  });
  const version = stdout.trim();
  if (isTooOld(version)) {
    throw new UserError(
      `Cannot install the packages of app "${appName}": npm ${version} does not install for another machine ` +
        `reliably; at least ${MIN_VERSION.join('.')} is needed`,
      { hint },
    );
  }
  return path;
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1]);
}

const MAX_LINES = 15;

const HINTS: readonly { pattern: RegExp; hint: string }[] = [
  { pattern: /ENOTCACHED/, hint: 'Build once with a network connection and without --offline.' },
  {
    pattern: /EUSAGE|can only install packages when your package\.json and package-lock\.json/,
    hint: 'Run "npm install" to bring package-lock.json up to date with package.json.',
  },
  {
    pattern: /ETARGET|E404/,
    hint: 'Check the names and versions in package.json, then run "npm install" to bring package-lock.json up to date.',
  },
  {
    pattern:
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT|^code E5\d\d$|Invalid response body|aborted/m,
    hint: 'Check the network connection and npm\'s "registry" and "proxy" settings, then run the command again.',
  },
];

function npmOutput({ status, stdout, stderr }: ToolResult): string {
  const lines = `${stderr}\n${stdout}`
    .split('\n')
    .filter((line) => /^npm (?:error|ERR!)/.test(line))
    .map((line) => line.replace(/^npm (?:error|ERR!) ?/, '').trimEnd())
    .filter((line) => line !== '' && !/A complete log of this run|_logs\/|For a full report see/.test(line));
  // npm explains all its options after a mistake of usage.
  const usage = lines.findIndex((line) => /^(?:Clean install a project|Install a package|Usage:)/.test(line));
  if (usage > 0) lines.length = usage;
  return lines.length === 0 ? `it ended with status ${status}` : lines.slice(0, MAX_LINES).join('\n  ');
}

function npmError(appName: string, command: string, output: string): UserError {
  const hint = HINTS.find(({ pattern }) => pattern.test(output))?.hint;
  return new UserError(
    `Cannot install the packages of app "${appName}": "npm ${command}" failed:\n  ${output}`,
    { topic: 'npm-packages', ...(hint === undefined ? {} : { hint }) },
  );
}
