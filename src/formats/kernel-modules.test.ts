import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AliasTable,
  busOf,
  formatModulesAlias,
  formatModulesDep,
  isPackedModule,
  moduleName,
  parseModulesAlias,
  parseModulesDep,
} from './kernel-modules.ts';

const DEP = `kernel/net/brcmutil.ko:
kernel/net/wcc/brcmfmac-wcc.ko.zst: kernel/net/brcmfmac.ko kernel/net/brcmutil.ko
`;
const ALIAS = `# Aliases extracted from modules themselves.
alias usb:v19ABp1000d012[0-6]dc*dsc*dp*ic0Eisc01ip00in* uvcvideo
alias usb:v*p*d*dc*dsc*dp*ic0Eisc01ip01in* uvcvideo
alias of:N*T*Cbrcm,bcm43438-btC* hci-uart
alias acpi*:BCM2E00:* hci_uart
alias crypto-cmac cmac
`;

test('parseModulesDep gives files by the names of the kernel, and formatModulesDep writes them again', () => {
  const files = parseModulesDep(DEP);
  assert.deepEqual(files, [
    { name: 'brcmutil', path: 'kernel/net/brcmutil.ko', needs: [] },
    {
      name: 'brcmfmac_wcc',
      path: 'kernel/net/wcc/brcmfmac-wcc.ko.zst',
      needs: ['kernel/net/brcmfmac.ko', 'kernel/net/brcmutil.ko'],
    },
  ]);
  assert.equal(formatModulesDep(files), DEP);
});

test('the name of a module has no dashes, that of its file has', () => {
  assert.equal(moduleName('a/brcmfmac-wcc.ko.xz'), 'brcmfmac_wcc');
  assert.equal(isPackedModule('a/brcmfmac-wcc.ko.xz'), true);
  assert.equal(isPackedModule('a/brcmfmac-wcc.ko'), false);
});

test('AliasTable matches as a shell does, within a bus', () => {
  const table = new AliasTable(parseModulesAlias(ALIAS));
  assert.deepEqual(table.modulesFor('usb:v046Dp0825d0012dcEFdsc02dp01ic0Eisc01ip01in00'), ['uvcvideo']);
  assert.deepEqual(table.modulesFor('usb:v19ABp1000d0126dc00dsc00dp00ic0Eisc01ip00in00'), ['uvcvideo']);
  assert.deepEqual(table.modulesFor('usb:v19ABp1000d0127dc00dsc00dp00ic0Eisc01ip00in00'), []);
  assert.deepEqual(table.modulesFor('of:NbluetoothT(null)Cbrcm,bcm43438-btCbrcm,other'), ['hci_uart']);
  assert.deepEqual(table.modulesFor('of:NbluetoothT(null)CbrcmXbcm43438-bt'), []);
  assert.deepEqual(table.modulesFor('crypto-cmac'), []);
  assert.deepEqual(table.modulesFor(''), []);
});

test('an alias of acpi, whose bus has a star, is found as well', () => {
  const table = new AliasTable(parseModulesAlias(ALIAS));
  assert.deepEqual(table.modulesFor('acpi:BCM2E00:'), ['hci_uart']);
});

test('an alias with many stars is decided in no time, whatever a device calls itself', () => {
  const pattern = 'input:b*v*p*e*-e*1,*k*1,*r*a*m*l*s*f*w*x';
  const table = new AliasTable([{ pattern, module: 'joydev' }]);
  const name = `input:b0003v0000p0000e0000-e0,1,${'k1,'.repeat(400)}ramlsfw`;
  assert.deepEqual(table.modulesFor(name), []);
  assert.deepEqual(table.modulesFor(`${name}x`), ['joydev']);
});

test('AliasTable is empty when nothing in it is of a bus', () => {
  assert.equal(new AliasTable(parseModulesAlias('alias crypto-cmac cmac\n')).isEmpty, true);
  assert.equal(busOf('crypto-cmac'), undefined);
});

test('formatModulesAlias writes what parseModulesAlias reads', () => {
  const aliases = parseModulesAlias(ALIAS);
  assert.deepEqual(parseModulesAlias(formatModulesAlias(aliases)), aliases);
});
