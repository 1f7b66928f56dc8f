// What tsk logs --reports does: the crashes of an app, as Node.js wrote them down, with the places of the user's files.

import { objectOf, textOf } from '../debug/loose-values.ts';
import { listCrashReports, readCrashReport } from '../devices/crash-reports.ts';
import { parseDeviceJson } from '../devices/device-json.ts';
import { SourcePlaces } from '../devices/source-places.ts';
import type { WebStatus } from '../../shared/api/web-api.ts';
import { runsOnNode } from '../../shared/services/crash-reports.ts';
import type { CrashReport } from '../../shared/debug/debug-api.ts';
import { connect, requireName, serviceNames } from './device-session.ts';
import type { LogsOptions } from './log-printer.ts';
import { paint } from './output.ts';
import type { Session } from './session.ts';
import { formatBytes } from './sizes.ts';
import { formatTime } from './times.ts';

const MAX_FRAMES = 100;

export async function printReports(session: Session, app: string, options: LogsOptions): Promise<void> {
  const { output } = session;
  const { client, status, instance } = await connect(session, options);
  requireName('read the reports', app, serviceNames(status));
  const places = new SourcePlaces(instance.stateDirectory, status.system.buildId);
  const reports = await listCrashReports(client, app);
  if (reports.length === 0 && !output.json)
    output.notice(`${app} has left no report: ${whyNone(status, app)}.`);
  for (const report of reports) {
    const text = await readCrashReport(client, app, report.name);
    const content = parse(text);
    if (output.json) process.stdout.write(`${JSON.stringify({ ...report, report: content ?? null })}\n`);
    else {
      const described = describe(report, content);
      output.result(undefined, options.raw === true ? described : places.map(described));
    }
  }
}

/** Signals by which the kernel ends what has done something that it cannot go on from. */
const FAULTS = new Set(['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGSYS', 'SIGTRAP']);

function whyNone({ services }: WebStatus, app: string): string {
  const service = services.find(({ name }) => name === app);
  if (service !== undefined && !runsOnNode(service.kind)) return 'only programs for Node.js do';
  const { signal = null } = service?.lastExit ?? {};
  if (signal !== null && FAULTS.has(signal))
    return (
      `${signal} has ended it in native code, which leaves none. ` +
      'While a session is open ("tsk ssh --open 1h --with gdb") it would leave a core dump'
    );
  if (signal !== null) return `${signal} has ended it, which leaves none`;
  return 'it has not crashed since its reports are kept';
}

/** undefined: it is no report. */
function parse(text: string): Record<string, unknown> | undefined {
  try {
    return objectOf(parseDeviceJson(text));
  } catch {
    // Half of one, after a power cut, or whatever else the app has put there.
    return undefined;
  }
}

function describe(
  { name, atMs, sizeBytes }: CrashReport,
  report: Record<string, unknown> | undefined,
): string {
  const time = paint('dim', formatTime(atMs));
  if (report === undefined) return `${time}  ${name} (${formatBytes(sizeBytes)}): it cannot be read\n`;
  const header = objectOf(report['header']);
  const { message, stack } = objectOf(report['javascriptStack']);
  const { event, nodejsVersion } = header;
  // Without a stack it is what Node.js calls the event: "Allocation failed - JavaScript heap out of memory".
  const hasMessage = typeof message === 'string' && message !== '' && !/^No stack\.?$/i.test(message);
  const what = hasMessage ? message : textOf(event);
  const frames = Array.isArray(stack)
    ? stack.slice(0, MAX_FRAMES).map((frame) => `    ${textOf(frame)}`)
    : [];
  const details = [`Node.js ${textOf(nodejsVersion)}`, ...memoryOf(report), name].join(', ');
  return [`${time}  ${paint('red', what || 'unknown')}`, ...frames, `  ${paint('dim', details)}`, ''].join(
    '\n',
  );
}

function memoryOf(report: Record<string, unknown>): string[] {
  const { usedMemory, memoryLimit } = objectOf(report['javascriptHeap']);
  if (typeof usedMemory !== 'number' || typeof memoryLimit !== 'number') return [];
  return [`heap ${formatBytes(usedMemory)} of ${formatBytes(memoryLimit)}`];
}
