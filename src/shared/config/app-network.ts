// "ports" and "network" of apps in tskrazy.json: their schemas, and the check of what only all apps together show.

import * as v from 'valibot';
import { ANY_PORT, overlaps, ownPorts, parsePortRule, type PortRange } from '../network/ports.ts';
import { APP_NETWORKS, type AppNetwork } from '../services/services.ts';
import { pageSockets } from '../services/listen.ts';
import { listWords } from './parts.ts';

const portRule = v.pipe(
  v.string('must be a string'),
  v.rawCheck<string>(({ dataset, addIssue }) => {
    if (!dataset.typed || dataset.value === ANY_PORT) return;
    const rule = parsePortRule(dataset.value);
    if (typeof rule === 'string') addIssue({ message: rule });
  }),
);

export const appNetworkEntries = {
  ports: v.exactOptional(
    v.pipe(
      v.array(portRule, 'must be an array such as ["tcp/8080"]'),
      v.description(
        'What the app listens on: "tcp/8080", "udp/5353", "tcp/8000-8010"; "any": ports from 1024 on that nobody else has (default: ["any"])',
      ),
    ),
  ),
  network: v.exactOptional(
    v.pipe(
      v.picklist(APP_NETWORKS, `must be ${listWords(APP_NETWORKS)}`),
      v.description(
        '"lan": only the networks of the device; "outbound": others, but nobody reaches the app; "none" (default: "full")',
      ),
    ),
  ),
};

interface NetworkedApp {
  ports?: string[];
  network?: AppNetwork;
  health?: string;
}

interface WholeFile {
  apps?: Record<string, NetworkedApp>;
  web?: { port?: number };
}

/** Checks all apps together, and against the page. */
export function checkAppNetworks<T extends WholeFile>(): v.RawCheckAction<T> {
  return v.rawCheck<T>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const file = dataset.value;
    for (const [name, app] of Object.entries(file.apps ?? {})) {
      for (const { key, index, message } of problemsOf(name, app, file)) {
        addIssue({ message, path: pathTo(file, name, key, index) });
      }
    }
  });
}

interface Problem {
  key: 'ports' | 'health';
  index?: number;
  message: string;
}

function problemsOf(name: string, app: NetworkedApp, file: WholeFile): Problem[] {
  const { network = 'full', ports = [], health } = app;
  const isUnreachable = network === 'none' || network === 'outbound';
  if (isUnreachable) {
    const why = `"network": "${network}" lets nobody reach the app`;
    const without = (key: Problem['key']): Problem => ({ key, message: `cannot be had here: ${why}` });
    return [
      ...(app.ports === undefined ? [] : [without('ports')]),
      ...(health === undefined ? [] : [without('health')]),
    ];
  }
  return ports.flatMap((text, index): Problem[] => {
    const range = parsePortRule(text);
    const taken = typeof range === 'string' ? undefined : takenBy(range, name, file);
    return taken === undefined ? [] : [{ key: 'ports', index, message: `is taken by ${taken}` }];
  });
}

/** Who else has a port of the range: the device, or an app. What several may share is nobody's. */
function takenBy(range: PortRange, name: string, { apps = {}, web }: WholeFile): string | undefined {
  const own = ownPorts([{ listen: pageSockets(web) }]).filter((port) => overlaps(port, range));
  const owner = own.find(({ isShared }) => isShared !== true)?.owner;
  if (owner !== undefined || own.length > 0) return owner;
  const other = Object.entries(apps).find(
    ([otherName, { ports = [] }]) =>
      otherName !== name &&
      ports.map(parsePortRule).some((rule) => typeof rule !== 'string' && overlaps(rule, range)),
  );
  return other && `app "${other[0]}"`;
}

function pathTo(
  file: WholeFile,
  name: string,
  key: Problem['key'],
  index: number | undefined,
): [v.IssuePathItem, ...v.IssuePathItem[]] {
  const apps = file.apps ?? {};
  const app = apps[name] ?? {};
  const object = { type: 'object', origin: 'value' } as const;
  const ports = app.ports ?? [];
  return [
    { ...object, input: { ...file }, key: 'apps', value: apps },
    { ...object, input: apps, key: name, value: app },
    { ...object, input: { ...app }, key, value: app[key] },
    ...(index === undefined
      ? []
      : [{ type: 'array', origin: 'value', input: ports, key: index, value: ports[index] } as const]),
  ];
}
