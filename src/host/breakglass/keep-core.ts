// What the kernel starts in a session when a process dies by a fault, with the core dump for its input: a program for the
// device's Node.js, outside of the session's root. What it keeps is in memory, so that it is bounded, pages of zeros take no
// room, and it belongs to the session: without one there is nothing to keep it in.

import { BREAKGLASS_PATHS } from '../../shared/breakglass/breakglass-api.ts';

/** The oldest goes. */
const MAX_CORES = 3;
/** Of what the session may still write. */
const SHARE = 2;
const PAGE = 4096;

export const KEEP_CORE_PROGRAM = `// Made by tsk. PID SIGNAL
const fs = require('node:fs');
const { join, resolve } = require('node:path');
const { constants } = require('node:os');

const [pid, number] = process.argv.slice(2);
const directory = resolve(__dirname, '../../../cores');
const signal = Object.keys(constants.signals).find((name) => constants.signals[name] === Number(number)) ?? number;
const say = (text) => fs.appendFileSync('${BREAKGLASS_PATHS.log}', text + '\\n');
const megabytes = (bytes) => (bytes / 1e6).toFixed(1) + ' MB';

function compareAges(one, other) {
  return fs.statSync(join(directory, one)).mtimeMs - fs.statSync(join(directory, other)).mtimeMs;
}

function keep() {
  // It ends with the session, and counts as part of it.
  fs.writeFileSync('${BREAKGLASS_PATHS.cgroup}/cgroup.procs', '0');
  const cgroup = fs.readFileSync('/proc/' + pid + '/cgroup', 'utf8');
  const program = fs.readFileSync('/proc/' + pid + '/comm', 'utf8').trim().replace(/[^\\w.-]/g, '_');
  const name = (/\\/(?:apps|tsk)\\/([\\w-]+)/.exec(cgroup)?.[1] ?? program) + '-' + pid + '.core';
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const before = fs.readdirSync(directory).filter((each) => each.endsWith('.core')).sort(compareAges);
  for (const each of before.slice(0, Math.max(0, before.length - ${MAX_CORES - 1}))) fs.rmSync(join(directory, each));
  const { bavail, bsize } = fs.statfsSync(directory);
  const limit = Math.floor((bavail * bsize) / ${SHARE});
  const path = join(directory, name);
  const file = fs.openSync(path, 'w', 0o600);
  const page = Buffer.alloc(${PAGE});
  const zeros = Buffer.alloc(${PAGE});
  let size = 0;
  let stored = 0;
  for (;;) {
    let length = 0;
    for (let got; length < ${PAGE} && (got = fs.readSync(0, page, length, ${PAGE} - length)) > 0; ) length += got;
    if (length === 0 || stored >= limit) break;
    if (!page.subarray(0, length).equals(zeros.subarray(0, length))) {
      fs.writeSync(file, page, 0, length, size);
      stored += ${PAGE};
    }
    size += length;
  }
  fs.ftruncateSync(file, size);
  const cut = stored >= limit ? ', cut off there: a session has no more memory' : '';
  say('core dump of ' + name.replace(/-\\d+\\.core$/, '') + ' (' + signal + '): /cores/' + name + ', ' + megabytes(stored) + cut);
}

try {
  keep();
} catch (error) {
  try {
    say('cannot keep the core dump of process ' + pid + ': ' + error.message);
  } catch {
    // The session has ended.
  }
}
`;
