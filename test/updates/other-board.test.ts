// A device of the architecture that this computer does not have, with another kernel, boot loader and firmware: an example
// with its database, and an update by a restart, over which the database is kept. It is in clear as those of 0.1 are, and
// has TLS afterwards.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { UpdateResult } from '../../src/host/deploy/update/update-result.ts';
import { type Instance, openInstance } from '../../src/host/config/instance.ts';
import { type BoardId, BOARDS } from '../../src/shared/board/boards.ts';
import { UPDATE_API, type UpdateStatus } from '../../src/shared/update/update-api.ts';
import { CommandLine } from '../support/cli/command-line.ts';
import { Appliance, copyExample, eventually } from '../support/machines/appliance.ts';
import { exampleRuns } from '../support/machines/native-addons.ts';
import { HOST_BOARD_ID, UNGUARDED } from '../support/machines/host-board.ts';
import { LONG_VARIANT } from '../support/long-variants.ts';
import { requireTool } from '../support/require-tool.ts';
import { DID_NOT_COME_UP } from '../support/updates/update-lab.ts';

const OTHER_BOARD: BoardId = HOST_BOARD_ID === 'pc-arm64' ? 'pc-amd64' : 'pc-arm64';
const SPEAKER = join(import.meta.dirname, '../support/machines/device-apps/speaker.ts');
const SPEAKER_PORT = 8082;

test(`a device of board ${OTHER_BOARD} runs an example`, async (t) => {
  if (!requireTool(t, BOARDS[OTHER_BOARD].qemuSystem)) return;
  const { directory } = await copyExample(t, 'native-addons', OTHER_BOARD);
  const garden = new Garden(directory);
  copyFileSync(SPEAKER, garden.speakerPath);
  const instance = await garden.configure({ web: { tls: 'off' } });
  const options = { board: OTHER_BOARD, guestPorts: [SPEAKER_PORT] };
  const appliance = await Appliance.boot(t, instance, options);

  await t.test('an example with native add-ons runs', () => exampleRuns(appliance));
  await t.test(
    'an update by a restart, over which the database is kept',
    { skip: LONG_VARIANT },
    async () => {
      await isUpdated(garden, appliance);
      await eventually('the count of the second boot', async () =>
        /[2-9] starts? recorded/.test(await appliance.log('native-addons')),
      );
    },
  );
  assert.equal(await appliance.powerOff(), 'powered-off');
});

interface GardenChanges {
  kernelArgs?: readonly string[];
  web?: object;
}

/** The example, with an app beside its own that is updated. */
class Garden {
  readonly #directory: string;
  readonly #example: { apps: object };

  constructor(directory: string) {
    this.#directory = directory;
    const text = readFileSync(join(directory, 'tskrazy.json'), 'utf8');
    this.#example = JSON.parse(text.replaceAll(/^ *\/\/.*$/gm, '')) as { apps: object };
  }

  get speakerPath(): string {
    return join(this.#directory, 'src', 'speaker.ts');
  }

  async configure({ kernelArgs = [], web = {} }: GardenChanges): Promise<Instance> {
    const speaker = { node: './src/speaker.ts', health: `http://127.0.0.1:${SPEAKER_PORT}/health` };
    const config = {
      hostname: 'other',
      board: OTHER_BOARD,
      kernel: { extraArgs: [...UNGUARDED, ...kernelArgs] },
      web,
      apps: { ...this.#example.apps, speaker },
    };
    writeFileSync(join(this.#directory, 'tskrazy.json'), JSON.stringify(config));
    return openInstance(this.#directory);
  }

  get commandLine(): CommandLine {
    return new CommandLine(this.#directory);
  }

  /** In clear. An emulated boot may die on a busy computer: then it is tried once more. */
  async update(): Promise<UpdateResult> {
    const first = await this.#updateOnce();
    return DID_NOT_COME_UP.test(first.reason ?? '') ? this.#updateOnce() : first;
  }

  async #updateOnce(): Promise<UpdateResult> {
    const { stdout, stderr } = await this.commandLine.tsk('update', '--json', '--insecure-http');
    const result = JSON.parse(stdout || '{}') as UpdateResult;
    if (typeof result.outcome !== 'string') throw new Error(`tsk update: ${stdout}${stderr}`);
    return result;
  }
}

async function isUpdated(garden: Garden, appliance: Appliance): Promise<void> {
  writeFileSync(garden.speakerPath, readFileSync(SPEAKER, 'utf8').replace(`'one'`, `'two'`));
  await garden.configure({ kernelArgs: ['tskrazy.test=updated'] });
  // Nobody proves a key there: nothing is sent, unless that is said.
  assert.match(await garden.commandLine.fails('update'), /--insecure-http: this time only/);
  const { outcome, mode } = await garden.update();
  assert.deepEqual([outcome, mode], ['confirmed', 'reboot']);
  const status = (await (await appliance.request(UPDATE_API.update)).json()) as UpdateStatus;
  assert.deepEqual([status.running, status.committed], ['b', 'b']);
  const { word } = await eventually('the app', async () => {
    const response = await fetch(appliance.urlOf(SPEAKER_PORT), { signal: AbortSignal.timeout(5000) });
    return (await response.json()) as { word: string };
  });
  assert.equal(word, 'two');
  assert.match(await garden.commandLine.succeeds('ps'), /speaker/);
}
