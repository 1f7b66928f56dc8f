import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type BootFault, BootJudge, type BootSigns } from './boot-judge.ts';

const PANIC = '[    2.1] Kernel panic - not syncing: Fatal exception in interrupt\r\n';

/** Looks once a second; `live` says what has changed since. */
class Watched {
  readonly judge = new BootJudge({ idleMs: 60_000, spinMs: 150_000, totalMs: 600_000 });
  readonly signs: BootSigns = { atMs: 5000, console: '', runState: 'running', usedMs: 0, waitedMs: 0 };

  /** Seconds until a fault. */
  until(limitSec: number, live: (signs: BootSigns, second: number) => void): [number, BootFault | null] {
    for (let second = 1; second <= limitSec; second++) {
      this.signs.atMs += 1000;
      live(this.signs, second);
      const fault = this.judge.look({ ...this.signs });
      if (fault) return [second, fault];
    }
    return [limitSec, null];
  }
}

function starve(signs: BootSigns): void {
  signs.usedMs += 50;
  signs.waitedMs += 950;
}

suite('BootJudge', () => {
  test('a panic is one as soon as it has been printed whole, or no more of it comes', () => {
    const cut = new Watched().until(10, (signs, second) => {
      if (second === 3) signs.console += PANIC;
    });
    assert.deepEqual(cut, [
      4,
      { kind: 'panic', what: 'its kernel panicked ("Fatal exception in interrupt")' },
    ]);
    const whole = new Watched().until(10, (signs, second) => {
      if (second === 3) signs.console += `${PANIC}[    2.2] ---[ end Kernel panic - not syncing ]---\r\n`;
    });
    assert.deepEqual([whole[0], whole[1]?.kind], [3, 'panic']);
  });

  test('one that stands still hangs, however little it uses', () => {
    const [second, fault] = new Watched().until(600, (signs) => (signs.usedMs += 20));
    assert.deepEqual([second, fault?.kind], [61, 'hang']);
    assert.match(fault?.what ?? '', /for 60 s it printed nothing, answered nothing and did nothing/);
  });

  test('one that spins without a line hangs, by the processor time that it used', () => {
    const watched = new Watched();
    assert.equal(
      watched.until(100, (signs) => {
        signs.console += '.';
        signs.usedMs += 1900;
      })[1],
      null,
    );
    const [second, fault] = watched.until(600, (signs) => (signs.usedMs += 1900));
    assert.deepEqual([second, fault?.kind], [79, 'hang']);
    assert.match(fault?.what ?? '', /has used 150 s of processor time since its last line/);
  });

  test('a starved one is slow, and not given up while it wants to work', () => {
    const watched = new Watched();
    assert.deepEqual(watched.until(2400, starve), [2400, null]);
    assert.match(watched.judge.slowness() ?? '', /busy, the machine got 120 s of processor time in 2399 s/);
  });

  test('one that works and prints is given up in the end', () => {
    const [second, fault] = new Watched().until(2000, (signs) => {
      signs.console += 'x';
      signs.usedMs += 100;
    });
    assert.deepEqual([second, fault?.kind], [601, 'late']);
  });

  test('a computer that slept has not seen it hang', () => {
    const watched = new Watched();
    assert.equal(watched.until(50, () => {})[1], null);
    watched.signs.atMs += 8 * 3600_000;
    assert.equal(watched.until(50, () => {})[1], null);
    assert.equal(watched.until(60, () => {})[1]?.kind, 'hang');
  });

  test('one that QEMU has stopped is said to be', () => {
    const [second, fault] = new Watched().until(10, (signs, at) => {
      if (at === 2) signs.runState = 'internal-error';
    });
    assert.deepEqual([second, fault?.kind], [2, 'stopped']);
  });
});
