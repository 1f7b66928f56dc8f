// "waitFor" in tskrazy.json: the conditions, and the check that apps wait for apps that exist and not in a circle.

import * as v from 'valibot';
import { APP_NAME_PATTERN } from '../app-name.ts';
import { appOfCondition, DEVICE_CONDITIONS } from '../services/app-contract.ts';

const CONDITION = new RegExp(`^(?:${DEVICE_CONDITIONS.join('|')}|app:${APP_NAME_PATTERN})$`);

export const waitForSchema = v.pipe(
  v.array(
    v.pipe(
      v.string('must be a string'),
      v.regex(CONDITION, 'must be "clock", "network" or "app:NAME"'),
      v.description('"clock": set by time servers; "network": online; "app:NAME": that app runs'),
    ),
    'must be an array of conditions',
  ),
  v.description('What has to hold before the app is started'),
);

interface WaitingApp {
  waitFor?: string[];
}

/** Checks all apps together. */
export function checkWaitFor<T extends Record<string, WaitingApp>>(): v.RawCheckAction<T> {
  return v.rawCheck<T>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const apps = dataset.value;
    for (const [name, app] of Object.entries(apps)) {
      (app.waitFor ?? []).forEach((condition, index) => {
        const problem = problemOf(condition, name, apps);
        if (problem !== undefined) addIssue({ message: problem, path: pathTo(apps, name, app, index) });
      });
    }
  });
}

function problemOf(condition: string, name: string, apps: Record<string, WaitingApp>): string | undefined {
  const other = appOfCondition(condition);
  if (other === undefined) return undefined;
  if (!Object.hasOwn(apps, other)) return `waits for app "${other}", which is not there`;
  if (other === name) return 'waits for the app itself';
  return reaches(other, name, apps) ? `waits for app "${other}", which waits for this one` : undefined;
}

/** Whether `from` waits for `to`, maybe by way of others. */
function reaches(from: string, to: string, apps: Record<string, WaitingApp>): boolean {
  const seen = new Set<string>();
  const queue = [from];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (name === to) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    for (const condition of apps[name]?.waitFor ?? []) queue.push(appOfCondition(condition) ?? '');
  }
  return false;
}

function pathTo(
  apps: Record<string, WaitingApp>,
  name: string,
  app: WaitingApp,
  index: number,
): [v.IssuePathItem, ...v.IssuePathItem[]] {
  const waitFor = app.waitFor ?? [];
  const object = { type: 'object', origin: 'value' } as const;
  return [
    { ...object, input: apps, key: name, value: app },
    { ...object, input: { ...app }, key: 'waitFor', value: waitFor },
    { type: 'array', origin: 'value', input: waitFor, key: index, value: waitFor[index] },
  ];
}
