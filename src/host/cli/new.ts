// tsk new: makes an instance that builds and boots as it is.

import { BOARD_IDS, type BoardId, DEFAULT_BOARD } from '../../shared/board/boards.ts';
import { displayPath } from '../config/problem.ts';
import { type Template, TEMPLATES } from '../package-root.ts';
import { boardOption, choiceOption } from './choice-option.ts';
import { formatTable } from './output.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

interface NewOptions {
  board?: BoardId;
  template?: Template | typeof LIST;
  wifi?: string;
}

/** In place of a template: shows them. */
const LIST = 'list';

const TEMPLATE_TEXTS: Readonly<Record<Template, string>> = {
  ts: 'a small web app in TypeScript',
  js: 'the same in JavaScript',
  go: 'the same in Go',
  homebridge: 'Homebridge: HomeKit for devices that do not know it',
  'node-red': 'Node-RED: flows that are drawn in the browser',
  zigbee2mqtt: 'Zigbee2MQTT: Zigbee devices without a bridge of their maker',
};

export const addNewVerb: VerbAdder = (program, action) => {
  program
    .command('new')
    .summary('make a new instance with a running example')
    .description(
      'Make a new instance: a directory with tskrazy.json and a small web app, or one for a program of ' +
        'others. Nothing is overwritten.',
    )
    .argument('[dir]', 'the directory; its name becomes the hostname', '.')
    .addOption(boardOption(`what it will run on (default: ${DEFAULT_BOARD})`))
    .addOption(
      choiceOption(
        '--template <template>',
        `language of the example, or a program that the device is to run (default: ts); "${LIST}" shows all`,
        [...TEMPLATES, LIST],
      ),
    )
    .option('--wifi <country>', 'with Wi-Fi, in this country (as in DE or US); asks for the first network')
    .addHelpText(
      'after',
      examples(
        ['tsk new garden', 'a TypeScript app in the directory garden'],
        [`tsk new garden --board ${BOARD_IDS[0]} --template go`, 'a Go app for another board'],
        ['tsk new shed --wifi DE', 'a device without a cable'],
        ['tsk new hub --template zigbee2mqtt', 'a device for a published program'],
        [`tsk new --template ${LIST}`, 'what there are'],
      ),
    )
    .action(action(runNew));
};

async function runNew(session: Session, directory: string, options: NewOptions): Promise<void> {
  const { output } = session;
  const { template = 'ts' } = options;
  if (template === LIST) {
    output.result(TEMPLATE_TEXTS, formatTable(TEMPLATES.map((name) => [name, TEMPLATE_TEXTS[name]])));
    return;
  }
  const { createInstance } = await import('../config/new-instance.ts');
  const { checkCountry, setUpWifi } = await import('./wifi-networks.ts');
  if (options.wifi !== undefined) checkCountry(options.wifi);
  const board = options.board ?? DEFAULT_BOARD;
  const created = await createInstance(directory, { board, template });
  const path = displayPath(created.directory);
  output.say(
    `Made instance "${created.hostname}" for ${board} in ${path}:\n  ${created.files.join('\n  ')}\n`,
  );
  output.say(
    'Its updates are signed with .tskrazy/update-key.pem, which is not for version control: keep a copy of it.\n',
  );
  const hasNetwork =
    options.wifi === undefined ||
    (await setUpWifi({ ...session, instanceDirectory: created.directory }, options.wifi));
  const isHere = created.directory === process.cwd();
  output.say(
    [
      'Next:',
      ...(isHere ? [] : [`  cd ${quote(path)}`]),
      ...(hasNetwork ? [] : ['  tsk wifi add SSID                     a Wi-Fi network that it is to join']),
      '  tsk vm run                            boot it in a virtual machine',
      '  tsk flash                             list the cards and disks that it can be written to',
      `  tsk build --disk ${`${created.hostname}.img`.padEnd(20)} make a disk image`,
    ].join('\n'),
  );
}

/** Quotes for the shell, where it needs that. */
function quote(path: string): string {
  return /^[\w./~@%+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
