import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Component } from '../components/component.ts';
import { UserError } from '../user-error.ts';
import { chooseModules } from './kernel-modules.ts';

const RELEASE = 'lib/modules/6.12';
const DEP = `k/brcmutil.ko:
k/brcmfmac.ko: k/brcmutil.ko
k/brcmfmac-wcc.ko: k/brcmfmac.ko k/brcmutil.ko
k/uvcvideo.ko: k/uvc.ko
k/uvc.ko:
k/mux.ko:
k/bt.ko:
k/hat.ko:
k/media/tuners/si2157.ko:
k/gntdev.ko:
k/pciback.ko:
`;
const ALIAS = `alias sdio:c*v02D0dA9A6* brcmfmac
alias usb:v*p*d*dc*dsc*dp*ic0Eisc01ip00in* uvcvideo
alias of:N*T*Camlogic,g12a-mdio-muxC* mux
alias of:N*T*Cbrcm,bcm43438-bt bt
alias spi:cxd2880 hat
alias usb:v1234p5678* si2157
alias xen-backend:pci pciback
`;

function kernel(t: TestContext, files: Record<string, string>): Component {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-kernel-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const all: Record<string, string> = {
    [`${RELEASE}/modules.dep`]: DEP,
    [`${RELEASE}/modules.alias`]: ALIAS,
    ...Object.fromEntries(
      DEP.split('\n').flatMap((line) => (line === '' ? [] : [[`${RELEASE}/${line.split(':')[0]}`, 'm']])),
    ),
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(join(directory, dirname(path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return {
    name: 'kernel',
    version: 'v1',
    directory,
    files: Object.entries(all).map(([path, text]) => ({
      path,
      kind: 'file',
      mode: 0o644,
      sizeBytes: text.length,
      sha256: '',
    })),
  };
}

function namesOf(component: Component): string[] {
  return [...chooseModules(component).paths].map((path) => path.slice(RELEASE.length + 3)).toSorted();
}

const wifi = ['brcmfmac-wcc.ko', 'brcmfmac.ko', 'brcmutil.ko'];
const camera = ['uvc.ko', 'uvcvideo.ko'];

test('chooseModules takes what devices ask for, what that needs, and what follows', (t) => {
  const component = kernel(t, {});
  assert.deepEqual(namesOf(component), [...wifi, 'bt.ko', 'hat.ko', 'mux.ko', ...camera].toSorted());
  assert.deepEqual(Object.keys(chooseModules(component).indexes), [
    '/lib/modules/6.12/modules.dep',
    '/lib/modules/6.12/modules.alias',
  ]);
});

test('chooseModules leaves out what no device tree of the kernel has', (t) => {
  const component = kernel(t, { 'pi.dtb': '\0brcm,bcm43438-bt\0', 'overlays/tv.dtbo': 'sony,cxd2880\0' });
  assert.deepEqual(namesOf(component), [...wifi, 'bt.ko', 'hat.ko', ...camera].toSorted());
  const { indexes } = chooseModules(component);
  assert.doesNotMatch(Object.values(indexes).join(''), /amlogic|mux|xen|si2157|gntdev/);
});

test('chooseModules writes no index where nothing is left', (t) => {
  const component = kernel(t, { [`${RELEASE}/modules.alias`]: 'alias xen-backend:pci pciback\n' });
  assert.deepEqual(chooseModules(component), { paths: new Set(), indexes: {} });
});

test('chooseModules refuses modules that lack one that they need', (t) => {
  const component = kernel(t, {});
  const without = { ...component, files: component.files.filter(({ path }) => !path.endsWith('/uvc.ko')) };
  assert.throws(
    () => chooseModules(without),
    (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(
        error.message,
        'Cannot use component "kernel" v1: its module "uvcvideo" needs "k/uvc.ko", which it does not have',
      );
      return true;
    },
  );
});

test('chooseModules refuses modules that depmod has not seen', (t) => {
  const component = kernel(t, {});
  const without = {
    ...component,
    files: component.files.filter(({ path }) => !path.endsWith('modules.dep')),
  };
  assert.throws(() => chooseModules(without), {
    message:
      'Cannot use component "kernel" v1: it has modules in "lib/modules/6.12", and no "modules.dep" there',
  });
});
