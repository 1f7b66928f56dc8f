// Files of the image that a program for Node.js finds where it may write. They go there in the program's own process, as its
// user and in its sandbox: init, which is root, writes to no directory that an app owns.

export interface DataFile {
  from: string;
  /** Relative to the data directory, or absolute. */
  to: string;
  keep: boolean;
}

/**
 * Each file appears whole or not at all, whenever the power goes: a half one would be taken for the user's and stay. A
 * link never replaces what is there, a rename always does.
 */
export function dataFilesScript(files: readonly DataFile[]): string {
  return `// Made by tsk: puts files of the image where the program may write.
'use strict';
// Processes that the program forks would get our option, too.
process.execArgv.splice(0, 2);
if (require('node:worker_threads').isMainThread) {
  const { dirname, resolve } = require('node:path');
  const fs = require('node:fs');
  const files = ${JSON.stringify(files)};
  for (const { from, to, keep } of files) {
    const target = resolve(process.env.TSK_DATA_DIR, to);
    try {
      if (!(keep && fs.existsSync(target))) put(from, target, keep);
    } catch (cause) {
      throw new Error('Cannot put "' + to + '" where the program may write: ' + cause.message, { cause });
    }
  }
  function put(from, target, keep) {
    const temporary = target + '.tsk-new';
    fs.mkdirSync(dirname(target), { recursive: true });
    fs.rmSync(temporary, { force: true });
    fs.writeFileSync(temporary, fs.readFileSync(from), { flush: true });
    if (keep) fs.linkSync(temporary, target);
    else fs.renameSync(temporary, target);
    fs.rmSync(temporary, { force: true });
  }
}
`;
}
