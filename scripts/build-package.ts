// npm run build: what the published package contains. Under node_modules Node.js strips no types, so the
// CLI is bundled (its dependencies stay outside and are installed by npm), and the device programs are
// bundled as they are for an image.

import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { DEVICE_PROGRAMS } from '../src/shared/services/device-programs.ts';
import { replaceFile } from '../src/device/replace-file.ts';
import { bundleDeviceProgram } from '../src/host/build/device-programs.ts';
import { bundleTsk } from './bundle-tsk.ts';

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist/device', { recursive: true });

for (const { path, text } of await bundleTsk({ outdir: 'dist' })) replaceFile(path, text);
chmodSync('dist/tsk.js', 0o755);

for (const program of DEVICE_PROGRAMS) {
  const { name } = program;
  const { code, sourceMap } = await bundleDeviceProgram(program);
  writeFileSync(`dist/device/${name}.cjs`, code);
  writeFileSync(`dist/device/${name}.cjs.map`, sourceMap);
}

// The SDK is a library: its types and its comments are for the editors of those who import it.
execFileSync('node_modules/.bin/tsc', ['--project', 'src/app'], { stdio: 'inherit' });

cpSync('src/host/templates', 'dist/templates', { recursive: true });
