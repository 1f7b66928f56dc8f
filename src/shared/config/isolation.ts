// The keys of an app in tskrazy.json that say whom it runs as, what it may reach and how much it may use.

import * as v from 'valibot';
import { DEVICE_NAMES } from '../services/device-names.ts';
import { SYSCALL_GROUP_NAMES } from '../services/syscalls.ts';
import { CAPABILITIES, MEMORY_SIZE, parseMemorySize } from '../services/sandbox.ts';

const MIN_MEMORY_BYTES = 4 * 2 ** 20;
/** init's own threads are for an instant counted with those of the app that it starts. */
const MIN_PROCESSES = 32;

/** The last part may have `*`; no part is `..`. */
const DEVICE = /^\/dev(?:\/(?!\.{1,2}(?:\/|$))[^/*\0]+)*\/(?!\.{1,2}$)[^/\0]+$/;
const ABSOLUTE_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/;
/** The sandbox's own, devices, or where the image keeps what no app may see. */
const NOT_A_PATH_TO_ADD = /^\/(?:dev|proc|etc\/tskrazy|run\/secrets|run\/tsk\/(?:secrets|devices))(?:\/|$)/;

const NAMES = DEVICE_NAMES.map((name) => `"${name}"`).join(', ');
const NO_DEVICE = `must be a path below /dev, whose last part may have "*", or one of ${NAMES}`;

const sandboxAdditions = v.strictObject(
  {
    devices: v.exactOptional(
      v.pipe(
        v.array(
          v.union([v.picklist(DEVICE_NAMES), v.pipe(v.string(), v.regex(DEVICE, NO_DEVICE))], NO_DEVICE),
          'must be an array of paths below /dev and names',
        ),
        v.description(
          'Devices that the app may use, by name ("gpio") or path ("/dev/serial/by-id/*"), also when they are plugged in later',
        ),
      ),
    ),
    paths: v.exactOptional(
      v.pipe(
        v.record(
          v.pipe(
            v.string(),
            v.regex(ABSOLUTE_PATH, 'is not an absolute path'),
            v.check(
              (path) => !NOT_A_PATH_TO_ADD.test(path),
              'is not a path to add: devices have their own key',
            ),
          ),
          v.picklist(['ro', 'rw'], 'must be "ro" or "rw"'),
          'must be an object of "ro" and "rw" by path',
        ),
        v.description(
          'Files and directories that the app may reach besides its own; below /perm they are made',
        ),
      ),
    ),
    capabilities: v.exactOptional(
      v.pipe(
        v.array(
          v.picklist(CAPABILITIES, 'must be the name of a capability, such as "CAP_NET_RAW"'),
          'must be an array of capabilities',
        ),
        v.description('Privileges of root that the app needs, by their names in capabilities(7)'),
      ),
    ),
    syscalls: v.exactOptional(
      v.pipe(
        v.array(
          v.picklist(SYSCALL_GROUP_NAMES, 'must be the name of a group of system calls, such as "io_uring"'),
          'must be an array of groups of system calls',
        ),
        v.description('System calls that the app needs of those that the sandbox refuses, by their groups'),
      ),
    ),
  },
  'must be "on", "off" or an object',
);

export const isolationEntries = {
  user: v.exactOptional(
    v.pipe(
      v.literal('root', 'must be "root"; without it each app has a user of its own'),
      v.description('"root": the app runs as root, in its sandbox without any privileges'),
    ),
  ),
  sandbox: v.exactOptional(
    v.pipe(
      v.union([v.picklist(['on', 'off']), sandboxAdditions], 'must be "on", "off" or an object'),
      v.description('"off", or what the app may use besides its own data (default: "on")'),
    ),
  ),
  shell: v.exactOptional(
    v.pipe(
      v.boolean('must be true or false'),
      v.description(
        "A shell for the app, and its commands: busybox's, in /bin of the sandbox (default: false)",
      ),
    ),
  ),
  memory: v.exactOptional(
    v.pipe(
      v.string('must be a string like "64MiB"'),
      v.regex(MEMORY_SIZE, 'must be a number with its unit, like "64MiB" or "1.5GiB"'),
      v.check((text) => !(parseMemorySize(text) < MIN_MEMORY_BYTES), 'must be at least 4MiB'),
      v.description(
        'Memory that the app may use, such as "64MiB"; with more it is killed (default: all but what the system needs)',
      ),
    ),
  ),
  maxProcesses: v.exactOptional(
    v.pipe(
      v.number('must be a number'),
      v.integer('must be a whole number'),
      v.minValue(MIN_PROCESSES, `must be at least ${MIN_PROCESSES}`),
      v.maxValue(1_000_000, 'must be at most 1000000'),
      v.description('Processes and threads that the app may have at a time (default: 512)'),
    ),
  ),
  cpuWeight: v.exactOptional(
    v.pipe(
      v.number('must be a number'),
      v.integer('must be a whole number'),
      v.minValue(1, 'must be from 1 to 10000'),
      v.maxValue(10_000, 'must be from 1 to 10000'),
      v.description("The app's share of the processor when there is not enough for all (default: 100)"),
    ),
  ),
};
