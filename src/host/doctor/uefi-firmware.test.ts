import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { BOARDS } from '../../shared/board/boards.ts';
import { lookForFirmware } from './uefi-firmware.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsk-firmware-'));
after(() => rmSync(directory, { recursive: true }));

/** A distribution's tree with these files below it. */
function makeRoot(files: Record<string, string>): string {
  const root = mkdtempSync(join(directory, 'root-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

function descriptor(name: string, features: string[]): string {
  return JSON.stringify({
    'interface-types': ['uefi'],
    mapping: {
      device: 'flash',
      executable: { filename: `/opt/${name}-code.fd`, format: 'raw' },
      'nvram-template': { filename: `/opt/${name}-vars.fd`, format: 'raw' },
    },
    targets: [{ architecture: 'x86_64', machines: ['pc-q35-*'] }],
    features,
  });
}

const amd64 = BOARDS['pc-amd64'];
const arm64 = BOARDS['pc-arm64'];

test('lookForFirmware: each distribution by its place', async () => {
  const places = [
    [amd64, '/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'],
    [amd64, '/usr/share/edk2/ovmf/OVMF_CODE.fd', '/usr/share/edk2/ovmf/OVMF_VARS.fd'],
    [amd64, '/usr/share/edk2/x64/OVMF_CODE.4m.fd', '/usr/share/edk2/x64/OVMF_VARS.4m.fd'],
    [amd64, '/opt/homebrew/share/qemu/edk2-x86_64-code.fd', '/opt/homebrew/share/qemu/edk2-i386-vars.fd'],
    [arm64, '/usr/share/AAVMF/AAVMF_CODE.fd', '/usr/share/AAVMF/AAVMF_VARS.fd'],
    [
      arm64,
      '/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw',
      '/usr/share/edk2/aarch64/vars-template-pflash.raw',
    ],
    [arm64, '/usr/share/edk2/aarch64/QEMU_CODE.fd', '/usr/share/edk2/aarch64/QEMU_VARS.fd'],
    [arm64, '/usr/local/share/qemu/edk2-aarch64-code.fd', '/usr/local/share/qemu/edk2-arm-vars.fd'],
  ] as const;
  for (const [board, code, vars] of places) {
    const root = makeRoot({ [code]: '', [vars]: '' });
    assert.deepEqual(await lookForFirmware(board, root), {
      codePath: join(root, code),
      varsPath: join(root, vars),
    });
  }
});

test('lookForFirmware: code without its variables is not firmware', async () => {
  assert.equal(await lookForFirmware(amd64, makeRoot({ '/usr/share/OVMF/OVMF_CODE_4M.fd': '' })), undefined);
  assert.equal(await lookForFirmware(arm64, makeRoot({})), undefined);
});

test("lookForFirmware: QEMU's descriptors lead to places that are not listed; Secure Boot ones are passed over", async () => {
  const root = makeRoot({
    '/usr/share/qemu/firmware/40-secure.json': descriptor('secure', ['secure-boot', 'requires-smm']),
    '/usr/share/qemu/firmware/50-plain.json': descriptor('plain', []),
    '/opt/secure-code.fd': '',
    '/opt/secure-vars.fd': '',
    '/opt/plain-code.fd': '',
    '/opt/plain-vars.fd': '',
  });
  assert.equal((await lookForFirmware(amd64, root))?.codePath, join(root, '/opt/plain-code.fd'));
  assert.equal(await lookForFirmware(arm64, root), undefined);
});
