// With real nodes and mounts, in a mount namespace whose /run is its own; what notices that a device came is played.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const MODULES = join(import.meta.dirname, '..', '..');

/** As root: what only root can do is what this is about. */
const PRELUDE = `
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
const { linuxSys } = await import(${JSON.stringify(join(MODULES, 'sys/linux.ts'))});
const { AppDevices } = await import(${JSON.stringify(join(MODULES, 'init/supervisor/app-devices.ts'))});
const base = mkdtempSync('/run/base-');
const dev = base + '/dev';
mkdirSync(dev);
const sys = { ...linuxSys(), path: (path) => (/^\\/(dev|sys)(\\/|$)/.test(path) ? base + path : path) };
const notes = [];
const devices = new AppDevices(sys);
const open = (name, uid, words) =>
  devices.open({ name, user: { name, uid }, sandbox: { devices: words, paths: {}, capabilities: [] } },
    (text) => notes.push(name + ': ' + text));
const makeNode = (name, minor) => sys.makeDeviceNode(dev + '/' + name, { kind: 'character', number: 256 + minor, group: 0, mode: 0o600 });
const tell = (value) => console.log(JSON.stringify(value));
/** As that user, who sees the directory as /dev. */
const as = (uid, directory, script) => {
  const shell = 'mount --rbind ' + directory + ' /dev && exec setpriv --reuid=' + uid + ' --regid=' + uid +
    ' --clear-groups --bounding-set=-all --inh-caps=-all sh -c "$0"';
  try {
    return execFileSync('unshare', ['--mount', 'sh', '-c', shell, script], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch (error) {
    return 'failed: ' + error.stderr.trim().split(': ').at(-1);
  }
};
`;

function run(program: string): unknown[] {
  const words = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', PRELUDE + program];
  const script = 'mount -t tmpfs none /run && exec "$0" "$@"';
  const { stdout, stderr, status } = spawnSync(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', script, process.execPath, ...words],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const isRoot = spawnSync('unshare', ['--mount', 'true']).status === 0 && process.getuid?.() === 0;
const skip = isRoot ? false : 'only root makes device nodes';

test(
  'an app opens its devices without being root, and another app’s it neither sees nor could open',
  { skip },
  () => {
    const [directory, seen, own, foreign, node, terminal] = run(`
    makeNode('ttyUSB0', 5);
    const shown = open('sensor', 300000001, ['/dev/ttyUSB*']);
    tell(shown.directory);
    tell(readdirSync(shown.directory).toSorted());
    tell(as(300000001, shown.directory, 'head -c 2 /dev/ttyUSB0 | od -An -tx1; echo x > /dev/null && echo written'));
    tell(as(300000002, shown.directory, 'cat /dev/ttyUSB0'));
    const { mode, uid, gid } = lstatSync(shown.directory + '/ttyUSB0');
    tell([(mode & 0o777).toString(8), uid, gid]);
    tell(as(300000001, shown.directory, 'test -c /dev/ptmx && ls /dev/pts'));
  `);
    assert.equal(directory, '/run/tsk/devices/shown/sensor');
    assert.deepEqual(
      seen,
      'core fd full null ptmx pts random shm stderr stdin stdout tty ttyUSB0 urandom zero'.split(' '),
    );
    assert.equal(own, '00 00\nwritten');
    assert.equal(foreign, 'failed: Permission denied');
    assert.deepEqual(node, ['660', 0, 300000001]);
    assert.equal(terminal, 'ptmx');
  },
);

test(
  'what is plugged in later is there, and what is pulled goes, also by a link and with its directory',
  { skip },
  () => {
    const [before, later, other, gone, notes] = run(`
    const list = () => readdirSync(shown.directory, { recursive: true }).filter((name) => /USB|serial/.test(name)).toSorted();
    const shown = open('zigbee', 300000001, ['/dev/serial/by-id/*']);
    tell(list());
    makeNode('ttyUSB0', 5);
    mkdirSync(dev + '/serial/by-id', { recursive: true });
    symlinkSync('../../ttyUSB0', dev + '/serial/by-id/stick');
    devices.lookSoon();
    devices.lookSoon();
    await nextTurn();
    tell(list());
    // Another device has the number now.
    rmSync(dev + '/ttyUSB0');
    makeNode('ttyUSB0', 3);
    devices.lookSoon();
    await nextTurn();
    tell(lstatSync(shown.directory + '/serial/by-id/stick').rdev);
    rmSync(dev + '/ttyUSB0');
    devices.lookSoon();
    await nextTurn();
    tell(list());
    tell(notes);
  `);
    assert.deepEqual(before, []);
    assert.deepEqual(later, ['serial', 'serial/by-id', 'serial/by-id/stick']);
    assert.equal(other, 259);
    assert.deepEqual(gone, []);
    assert.deepEqual(notes, [
      'zigbee: device "/dev/serial/by-id/*" is not there; it will be seen as soon as it is plugged in',
      'zigbee: device /dev/serial/by-id/stick is there',
      'zigbee: device /dev/serial/by-id/stick is gone',
      'zigbee: device /dev/serial/by-id/stick is there',
      'zigbee: device /dev/serial/by-id/stick is gone',
    ]);
  },
);

test(
  'not even root in a sandbox adds to its /dev or changes what is there; after its end nothing is shown',
  { skip },
  () => {
    const outcomes = run(`
    makeNode('ttyUSB0', 5);
    const shown = devices.open({ name: 'hub', sandbox: { devices: ['/dev/ttyUSB0'], paths: {}, capabilities: [] } }, () => {});
    for (const script of ['echo x > /dev/file', 'rm /dev/ttyUSB0', 'mknod /dev/sda b 8 0', 'chmod 666 /dev/ttyUSB0'])
      tell(as(0, shown.directory, script));
    tell(as(0, shown.directory, 'head -c 1 /dev/ttyUSB0 | od -An -tx1'));
    tell(as(0, shown.directory, 'ls /run/tsk/devices/own'));
    devices.close('hub');
    tell(existsSync(shown.directory + '/ttyUSB0'));
    tell(as(0, open('hub', 300000009, []).directory, 'cat /dev/ttyUSB0'));
  `);
    const readOnly = 'failed: Read-only file system';
    assert.deepEqual(outcomes, [
      readOnly,
      readOnly,
      readOnly,
      readOnly,
      '00',
      'failed: Permission denied',
      false,
      'failed: No such file or directory',
    ]);
  },
);

test(
  'a device that a name means and that is not there is told with what it needs, one by a path with when',
  { skip },
  () => {
    const [notes] = run(`
    open('sensor', 300000001, ['i2c-1', 'gpio', '1-wire', 'pwm', 'video', '/dev/ttyACM7']);
    tell(notes);
  `);
    assert.deepEqual(notes, [
      'sensor: device "i2c-1" is not there: nothing is at /dev/i2c-1; is "dtparam=i2c_arm=on" in config.txt, and does the model have it?',
      'sensor: device "gpio" is not there: nothing is at /dev/gpiochip*',
      'sensor: device "1-wire" is not there: nothing is in /sys/bus/w1/devices/w1_bus_master1; is "dtoverlay=w1-gpio" in config.txt, and does the model have it?',
      'sensor: device "pwm" is not there: nothing is in /sys/class/pwm; is "dtoverlay=pwm-2chan" in config.txt, and does the model have it?',
      'sensor: device "video" is not there: nothing is at /dev/video*, /dev/media*, /dev/v4l-subdev*',
      'sensor: device "/dev/ttyACM7" is not there; it will be seen as soon as it is plugged in',
    ]);
  },
);

test(
  'PWM: the header’s chip is shown, its channels can be set by a group, and nothing else of it',
  { skip },
  () => {
    const [shown, links, modes, notes] = run(`
    const tree = base + '/sys/firmware/devicetree/base';
    const chip = base + '/sys/devices/pwm@98000/pwm/pwmchip0';
    for (const path of [tree + '/rp1/pwm@98000', tree + '/__symbols__', chip, base + '/sys/class/pwm'])
      mkdirSync(path, { recursive: true });
    writeFileSync(tree + '/__symbols__/pwm', '/rp1/pwm@98000\\0');
    symlinkSync(tree + '/rp1/pwm@98000', base + '/sys/devices/pwm@98000/of_node');
    symlinkSync(chip, base + '/sys/class/pwm/pwmchip0');
    writeFileSync(chip + '/npwm', '2\\n');
    writeFileSync(chip + '/export', '');
    mkdirSync(chip + '/pwm0');
    for (const name of ['period', 'duty_cycle', 'polarity', 'enable', 'uevent'])
      writeFileSync(chip + '/pwm0/' + name, '', { mode: 0o644 });
    const opened = open('lamp', 300000001, ['pwm']);
    tell([opened.sysfs.map((path) => path.slice(base.length)), opened.groups]);
    tell(readlinkSync(opened.directory + '/pwm').slice(base.length));
    tell(['duty_cycle', 'uevent'].map((name) => {
      const { mode, gid } = lstatSync(chip + '/pwm0/' + name);
      return [(mode & 0o777).toString(8), gid];
    }));
    tell(notes);
  `);
    const chip = '/sys/devices/pwm@98000/pwm/pwmchip0';
    assert.deepEqual(shown, [[chip], [268435453]]);
    assert.equal(links, chip);
    assert.deepEqual(modes, [
      ['660', 268435453],
      ['644', 0],
    ]);
    // The kernel would have made the directory of the second channel.
    assert.match(String(notes), /^lamp: cannot have channel 1 of pwmchip0: .*ENOENT/);
  },
);
