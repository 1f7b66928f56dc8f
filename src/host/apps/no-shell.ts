// What a program finds in its log when it wants a shell. Devices have none, and all that Node.js says is "spawn /bin/sh ENOENT",
// which many programs swallow.

import { SECRET_FORMS } from '../../shared/text/mask-secrets.ts';
import type { AppConfig } from '../config/app-config.ts';
import type { RootFile } from '../root-tree.ts';
import { appTextFile } from './app-text-file.ts';

/** What stands in a log is passed on: a command's password or token is not in it. */
const MASKING = SECRET_FORMS.map(([form, instead]) => `.replace(${form}, ${JSON.stringify(instead)})`).join(
  '',
);

const HINT = ' ("shell": true gives an app one)';

export interface NoShell {
  entry: RootFile;
  /** Options of Node.js, before all others: the script takes them away from what the program forks. */
  nodeArguments: string[];
}

export function noShell({ name, sandbox }: Pick<AppConfig, 'name' | 'sandbox'>): NoShell {
  const path = `/app/${name}/no-shell.cjs`;
  return {
    entry: appTextFile(name, path, noShellScript(sandbox !== 'off')),
    nodeArguments: ['--require', path],
  };
}

/**
 * It only listens, and loads nothing that a program does not have anyway. Node.js publishes programs that did not start;
 * of those that are waited for (`execSync`) it does not, and what runs them is the one place that is there before
 * `node:child_process` is loaded and that ES modules, too, come through.
 */
export function noShellScript(mayHaveShell: boolean, shell = '/bin/sh'): string {
  return `// Made by tsk: tells in the log of the first program that was not run for want of a shell.
'use strict';
// Processes that the program forks would get our option, too.
process.execArgv.splice(0, 2);
const { existsSync, writeSync } = require('node:fs');
let isTold = false;
function tell(file, [, option, ...rest]) {
  if (isTold || !/^(?:.*\\/)?(?:ba|da|a|k|z)?sh$/.test(file)) return;
  // The directory to run it in may be what does not exist.
  const path = file.includes('/') ? file : '/bin/' + file;
  if (existsSync(path)) return;
  isTold = true;
  const command = (option === '-c' ? rest[0] : [option, ...rest].join(' ')) || file;
  const masked = command.slice(0, 4000)${MASKING};
  const cut = masked.length > 120 ? masked.slice(0, 120) + '...' : masked;
  const isOther = existsSync('${shell}');
  const what = isOther ? path : 'shell';
  const hint = isOther ? ' (there is ${shell})' : ${JSON.stringify(mayHaveShell ? HINT : '')};
  writeSync(2, 'tskrazy: there is no ' + what + ' on this device: ' + JSON.stringify(cut) + ' was not run' + hint + '\\n');
}
function neverThrow(act) {
  try {
    act();
  } catch {
    // The program is to run as if we were not there.
  }
}
neverThrow(() => {
  require('node:diagnostics_channel').subscribe('tracing:child_process.spawn:error', ({ process: child, error }) => {
    neverThrow(() => error.code === 'ENOENT' && tell(child.spawnfile, child.spawnargs));
  });
});
neverThrow(() => {
  const binding = process.binding('spawn_sync');
  const { spawn } = binding;
  const ENOENT = -2;
  binding.spawn = function (options) {
    const result = Reflect.apply(spawn, this, arguments);
    neverThrow(() => result.error === ENOENT && tell(options.file, options.args));
    return result;
  };
});
`;
}
