// The user's `go` command, set up to build for a board, and its complaints in our form.

import type { Board } from '../../../shared/board/boards.ts';
import { findTool, type ToolResult, runTool } from '../../run-tool.ts';
import { goEnvironment } from '../../tool-environment.ts';
import { UserError } from '../../user-error.ts';

export interface GoTool {
  /** What GOFLAGS of this computer says and does not count. */
  ignoredFlags: readonly string[];
  /** Does not reject when `go` fails: its status and words are for the caller. */
  run(
    args: readonly string[],
    directory: string,
    variables?: Readonly<Record<string, string>>,
  ): Promise<ToolResult>;
}

export async function requireGo(
  appName: string,
  { board, offline }: { board: Board; offline: boolean },
): Promise<GoTool> {
  const path = await findTool('go', process.env);
  if (path === undefined) {
    throw new UserError(`Cannot build app "${appName}": Go is not installed (no "go" on PATH)`, {
      topic: 'needs-go',
      hint: 'Install Go (Debian and Ubuntu: apt install golang; macOS: brew install go), then run the command again.',
    });
  }
  const { environment: own, ignoredFlags } = goEnvironment(process.env);
  const environment = {
    ...own,
    CGO_ENABLED: '0',
    GOOS: 'linux',
    GOARCH: board.goArch,
    ...(offline ? { GOPROXY: 'off' } : {}),
  };
  return {
    ignoredFlags,
    run: (args, directory, variables) =>
      runTool(path, args, { environment: { ...environment, ...variables }, directory }),
  };
}

const MAX_LINES = 20;

/** The first pattern that fits the output gives the hint. */
const HINTS: readonly { pattern: RegExp; hint: (directory: string) => string }[] = [
  {
    pattern: /go\.mod file not found|cannot find main module/,
    hint: (directory) => `Run "go mod init example.org/NAME" in ${directory}.`,
  },
  {
    pattern: /module lookup disabled by GOPROXY=off/,
    hint: () => 'Build once with a network connection and without --offline.',
  },
  {
    pattern: /no required module provides package|missing go\.sum entry|updates to go\.(?:mod|sum) needed/,
    hint: (directory) => `Run "go mod tidy" in ${directory}.`,
  },
  { pattern: /requires go >= /, hint: () => 'Install a newer Go.' },
  {
    pattern: /dial tcp|no such host|i\/o timeout|connection refused|TLS handshake/,
    hint: () => 'Check the network connection and GOPROXY, then run the command again.',
  },
];

export function goError(
  app: { name: string; go: string },
  command: string,
  { stdout, stderr, status }: ToolResult,
  directory = '',
): UserError {
  const lines = `${stderr}\n${stdout}`
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !/^go: (?:downloading|finding|creating new go\.mod|added) /.test(line));
  const shown =
    lines.length > MAX_LINES
      ? [...lines.slice(0, MAX_LINES), `and ${lines.length - MAX_LINES} lines more`]
      : lines;
  const output = shown.length === 0 ? `it ended with status ${status}` : shown.join('\n  ');
  const hint = HINTS.find(({ pattern }) => pattern.test(output))?.hint(directory);
  return new UserError(
    `Cannot build app "${app.name}" from "${app.go}": "${command}" failed:\n  ${output}`,
    hint === undefined ? {} : { hint },
  );
}
