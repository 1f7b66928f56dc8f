// Warnings of programs that an app's own code starts and that its device has not. What stands in packages is not looked
// through, and what is put together while the app runs is not seen: the app's log says the rest (no-shell.ts).

import type { AppConfig } from '../../config/app-config.ts';
import { type OwnCode, placeOf } from './own-code.ts';
import { type StartedProgram, startedPrograms } from './started-programs.ts';

export interface StartingApp {
  appName: string;
  instanceDirectory: string;
  /** As in AppConfig: `off` is an app that cannot have a shell. */
  sandbox: AppConfig['sandbox'];
  /** As in AppContext. */
  appNames: ReadonlySet<string>;
}

/** Shells by whose names busybox is found. */
const SHELLS = new Set(['sh', 'ash']);
/** Where systems have programs, and an image has none but for an app with a shell. */
const SYSTEM_PATH = /^\/(?:usr|bin|sbin)\//;
/** Where a program is looked for, set by the app itself. */
const SETS_PATH = /\bPATH\b['"]?\]?\s*[:=](?!=)/;

export function missingPrograms(app: StartingApp, sources: readonly OwnCode[]): string[] {
  const warnings = sources.flatMap((source) =>
    startedPrograms(source).flatMap((started) => {
      const problem = problemOf(started, app, source);
      return problem === undefined
        ? []
        : [`${placeOf(source, started.node, app.instanceDirectory)}: ${problem}`];
    }),
  );
  return [...new Set(warnings)];
}

function problemOf(started: StartedProgram, app: StartingApp, { text }: OwnCode): string | undefined {
  const { sandbox } = app;
  if (sandbox !== 'off' && sandbox.hasShell === true) return beyondBusybox(started);
  if (started.shell !== undefined) return byShell(started, app);
  const { program = '' } = started;
  const isThere = program === 'node' || program === '/bin/node' || app.appNames.has(program);
  if (isThere || (program.includes('/') ? !SYSTEM_PATH.test(program) : SETS_PATH.test(text)))
    return undefined;
  return (
    `"${program}" is started, and no program of that name is on the device; if the app needs it, include one for the ` +
    `board below /app/${app.appName} and start it by its path (TSK_APP_DIR in the environment names that directory)`
  );
}

/** For an app with a shell. Which other commands that has is not known here. */
function beyondBusybox({ shell, program }: StartedProgram): string | undefined {
  if (shell !== undefined && !SHELLS.has(shell))
    return `"${shell}" is started, and the shell on the device is "sh" alone`;
  return program === 'sudo' ? '"sudo" is started, and no app may have more rights by a program' : undefined;
}

function byShell({ call, program, shell }: StartedProgram, { appName, sandbox }: StartingApp): string {
  const what = program === undefined ? 'a command' : `"${program}"`;
  const brings = 'which brings sh and the commands of busybox';
  const remedies = [
    ...(sandbox === 'off' || program === 'sudo' ? [] : [`add "shell": true to apps.${appName}, ${brings}`]),
    'start a program of the image without a shell (spawn, execFile)',
  ];
  const by = shell === undefined || SHELLS.has(shell) ? 'a shell, which is' : `"${shell}", which is`;
  return `${call} runs ${what} by ${by} not on the device; if the app needs it, ${remedies.join(', or ')}`;
}
