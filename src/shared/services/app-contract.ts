// What init and an app say to each other, whatever language the app is written in; docs/app-sdk.md explains it
// to its readers. No I/O. src/app repeats it, because it imports nothing.
//
// Each app has a Unix stream socket of its own, whose path is in TSK_SOCKET. One question a connection: one line of
// ASCII, answered by one line, after which init closes.
//
//   ready                     -> ok          The app does what it is there for.
//   wait CONDITION...         -> ok          As soon as all of them hold, which may take for ever.
//   installed COUNT NAME@VERSION...  -> ok   Packages that its program has installed by itself (device-packages.ts).
//   anything else             -> error TEXT

import { APP_NAME_PATTERN } from '../app-name.ts';

/** Where services look for programs. */
export const SERVICE_PATH = '/user:/tsk:/bin';

export const APP_SOCKET_VARIABLE = 'TSK_SOCKET';

/** The directory is the app's alone: a sandbox that hides /run shows it this one. */
export const appRunDirectory = (name: string) => `/run/tsk/app/${name}`;
export const appSocketPath = (name: string) => `${appRunDirectory(name)}/app.sock`;

export const MAX_APP_REQUEST_BYTES = 1024;

/** `network`: `online` of NET_STATUS_PATH. `clock`: `synchronised` of TIME_STATUS_PATH. */
export const DEVICE_CONDITIONS = ['clock', 'network'] as const;
export type DeviceCondition = (typeof DEVICE_CONDITIONS)[number];

/** `app:NAME` holds while that app runs; with `ready` in its configuration, once it has said so. */
export const APP_CONDITION = new RegExp(`^app:(${APP_NAME_PATTERN})$`);

export function isDeviceCondition(text: string): text is DeviceCondition {
  return (DEVICE_CONDITIONS as readonly string[]).includes(text);
}

/** Name of the app that a condition is about; undefined for one about the device. */
export function appOfCondition(condition: string): string | undefined {
  return APP_CONDITION.exec(condition)?.[1];
}
