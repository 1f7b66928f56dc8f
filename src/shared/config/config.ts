// tskrazy.json as people write it: the one schema from which checking, types and the editors' JSON
// schema come. Messages say what a value must be; where it stands is added by host/config/.
// Defaults are filled in by host/config/instance-config.ts.

import * as v from 'valibot';
import { hostnameSchema } from './hostname.ts';
import { networkSchema } from './network.ts';
import { timeSchema } from './time.ts';
import { BOARD_IDS } from '../board/boards.ts';
import { dependsOnSlot, KERNEL_ARGUMENT } from '../board/cmdline.ts';
import { appNameSchema, appSchema } from './app.ts';
import { checkAppNetworks } from './app-network.ts';
import { componentsSchema } from './components.ts';
import { updateSchema } from './update.ts';
import { configLineProblem, configLinesProblem } from '../boot-loader/config-txt.ts';
import { checkWaitFor } from './wait-for.ts';
import { webSchema } from './web.ts';

const SERIAL_CONSOLE = /^(?:off|(?:tty[A-Za-z]+\d*|serial\d)(?:,\d+[a-z0-9]*)?)$/;

const checkConfigLine = () =>
  v.rawCheck<string>(({ dataset, addIssue }) => {
    const problem = typeof dataset.value === 'string' ? configLineProblem(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: problem });
  });

/** What is wrong with one line is said of that line. */
const checkConfigLines = () =>
  v.rawCheck<string[]>(({ dataset, addIssue }) => {
    const found = dataset.typed ? configLinesProblem(dataset.value) : undefined;
    if (found?.line === null) addIssue({ message: found.problem });
  });

const fileSchema = v.strictObject(
  {
    $schema: v.exactOptional(v.string('must be a string')),
    hostname: hostnameSchema,
    board: v.pipe(
      v.picklist(BOARD_IDS, `must be one of ${BOARD_IDS.map((id) => `"${id}"`).join(', ')}`),
      v.description('What the image is built for'),
    ),
    apps: v.exactOptional(
      v.pipe(
        v.record(appNameSchema, appSchema, 'must be an object of apps by name'),
        checkWaitFor(),
        v.description('The programs to run, by name'),
      ),
    ),
    serialConsole: v.exactOptional(
      v.pipe(
        v.string('must be a string'),
        v.regex(SERIAL_CONSOLE, 'must be "off" or a port and its speed like "ttyS0,115200"'),
        v.description('Serial console: "off", or e.g. "ttyS0,115200" (default: the board\'s)'),
      ),
    ),
    bootloaderLines: v.exactOptional(
      v.pipe(
        v.array(
          v.pipe(v.string('must be a string'), checkConfigLine()),
          'must be an array of strings, one a line',
        ),
        checkConfigLines(),
        v.description("Lines for the Raspberry Pi's config.txt: settings, [filters], dtparam, dtoverlay"),
      ),
    ),
    components: v.exactOptional(
      v.pipe(
        componentsSchema,
        v.description('Components to take from elsewhere, such as a kernel of your own'),
      ),
    ),
    network: v.exactOptional(networkSchema),
    time: v.exactOptional(timeSchema),
    kernel: v.exactOptional(
      v.pipe(
        v.strictObject(
          {
            extraArgs: v.exactOptional(
              v.pipe(
                v.array(
                  v.pipe(
                    v.string('must be a string'),
                    v.regex(KERNEL_ARGUMENT, 'must be one kernel argument, with double quotes around blanks'),
                    v.check((word) => !dependsOnSlot(word), 'depends on the slot: tskrazy sets it by itself'),
                  ),
                  'must be an array of strings',
                ),
                v.description('Arguments added to the kernel command line'),
              ),
            ),
          },
          'must be an object',
        ),
        v.description('Linux'),
      ),
    ),
    update: v.exactOptional(updateSchema),
    breakglass: v.exactOptional(
      v.pipe(
        v.picklist(['on', 'off'], 'must be "on" or "off"'),
        v.description(
          'Whether whoever has an update key may look into the running device: "tsk ssh", "cp", "inspect", "repl" and "profile" (default: "on")',
        ),
      ),
    ),
    web: v.exactOptional(webSchema),
  },
  'must be an object',
);

export const configSchema = v.pipe(fileSchema, checkAppNetworks());

export type ConfigFile = v.InferOutput<typeof configSchema>;
