// Where tsk's own files are: in a checkout the sources, in the published package what
// scripts/build-package.ts made of them. The one place that knows both.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface PackageRoot {
  /** The directory with our package.json. */
  directory: string;
  isCheckout: boolean;
  version: string;
  homepage?: string;
}

interface PackageJson {
  name: string;
  version: string;
  homepage: string;
}

let cached: PackageRoot | undefined;

export function packageRoot(): PackageRoot {
  cached ??= findPackageRoot(import.meta.dirname);
  return cached;
}

function findPackageRoot(start: string): PackageRoot {
  for (let directory = start; directory !== dirname(directory); directory = dirname(directory)) {
    const path = join(directory, 'package.json');
    if (!existsSync(path)) continue;
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Partial<PackageJson>;
    if (manifest.name !== 'tskrazy') continue;
    // The bundle of the package lies in dist/; everything that runs from src/ is a checkout.
    const isCheckout = start === join(directory, 'src', 'host');
    const { version = '0.0.0', homepage } = manifest;
    return { directory, isCheckout, version, ...(homepage === undefined ? {} : { homepage }) };
  }
  throw new Error(`Cannot find the package "tskrazy" above "${start}"`);
}

/** The file that is tsk when Node.js runs it. */
export function commandPath(): string {
  const { directory, isCheckout } = packageRoot();
  return join(directory, isCheckout ? 'bin/tsk.ts' : 'dist/tsk.js');
}

/** What `tsk new` can make an instance from. */
export const TEMPLATES = ['ts', 'js', 'go', 'homebridge', 'node-red', 'zigbee2mqtt'] as const;
export type Template = (typeof TEMPLATES)[number];

/** The directory with one directory for each template. */
export function templateDirectory(): string {
  const { directory, isCheckout } = packageRoot();
  return join(directory, isCheckout ? 'src/host/templates' : 'dist/templates');
}
