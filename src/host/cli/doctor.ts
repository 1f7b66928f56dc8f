// tsk doctor: what this computer has and lacks, and how to get it; or how the device is.

import type { ToolCheck } from '../doctor/check-tools.ts';
import { type DeviceOptions, hostOption, insecureHttpOption } from './device-session.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

interface DoctorOptions extends DeviceOptions {
  device?: boolean;
}

export const addDoctorVerb: VerbAdder = (program, action) => {
  program
    .command('doctor')
    .description(
      'Check the tools that tsk calls, and say how to install what is missing.\n' +
        'The exit code is 1 if a tool is missing without which nothing works.\n' +
        'With --device: report how the device is, for an issue; passwords and the like are masked.',
    )
    .summary('check the tools on this computer, or the device')
    .option('--device', 'report on the device of this instance')
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--json', 'print the checks as JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk doctor', 'see what is there and what is missing'],
        ['tsk doctor --device > report.txt', 'all that a device tells of how it is, to be sent to somebody'],
      ),
    )
    .action(action(runDoctor));
};

async function runDoctor(session: Session, options: DoctorOptions): Promise<void> {
  if (options.device === true || options.host !== undefined) {
    const { showReport } = await import('./show-report.ts');
    await showReport(session, options);
    return;
  }
  await showTools(session);
}

async function showTools({ output }: Session): Promise<void> {
  const { checkTools } = await import('../doctor/check-tools.ts');
  const { installCommand } = await import('../doctor/packages.ts');
  const { formatTable, paint } = await import('./output.ts');
  const checks = await checkTools('all');
  const lacking = checks.filter((check) => check.state !== 'ok');
  const command = (await installCommand(lacking.map((check) => check.packages)))?.argv ?? null;
  const marks = { ok: paint('green', '✓'), missing: paint('yellow', '-'), 'too-old': paint('yellow', '!') };
  const rows = checks.map((check) => [check.title, check.version ?? '', describe(check)]);
  const table = formatTable(rows).split('\n');
  const lines = checks.map((check, index) => {
    const mark = check.isRequired && check.state !== 'ok' ? paint('red', '✗') : marks[check.state];
    return `${mark} ${table[index]}`;
  });
  const advice = command === null ? [] : ['', `Install what is missing with: ${command.join(' ')}`];
  output.result({ checks, installCommand: command }, [...lines, ...advice].join('\n'));
  if (lacking.some((check) => check.isRequired)) process.exitCode = 1;
}

function describe(check: ToolCheck): string {
  if (check.state === 'ok') return check.path ?? '';
  const state = check.state === 'missing' ? 'missing' : 'too old';
  return `${state}: ${check.note} (for ${check.neededFor})`;
}
