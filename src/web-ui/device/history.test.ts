import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import type { WebStatus } from '../../shared/api/web-api.ts';
import { HISTORY_SEC, History } from './history.ts';

function status(uptimeSec: number, receivedBytes: number, bootId = 'one'): WebStatus {
  return {
    bootId,
    system: { uptimeSec },
    services: [{ name: 'app', usage: { cpuCores: 0.5, memoryBytes: 10, processes: 1 } }],
    usage: {
      cpu: { cores: 1, busyFraction: 0.1 },
      memory: { totalBytes: 100, availableBytes: 60 },
      traffic: [{ interfaceName: 'eth0', receivedBytes, sentBytes: 0 }],
    },
  } as unknown as WebStatus;
}

suite('History', () => {
  test('takes rates over the device’s own time', () => {
    const history = new History();
    history.add(status(10, 1000));
    assert.equal(history.last('received'), undefined);
    history.add(status(12, 5000));
    assert.equal(history.last('received'), 2000);
    assert.equal(history.last('memory'), 40);
    assert.equal(history.last('cpu:app'), 0.5);
    // A counter that starts again is no negative rate.
    history.add(status(14, 0));
    assert.equal(history.last('received'), 0);
  });

  test('keeps the last minutes only', () => {
    const history = new History();
    for (let second = 0; second < 2000; second += 2) history.add(status(second, 0));
    const points = history.series('cpu');
    assert.ok(points.length <= HISTORY_SEC / 2 + 6);
    assert.equal(history.spanSec, HISTORY_SEC);
  });

  test('starts again with another boot', () => {
    const history = new History();
    history.add(status(500, 0));
    history.add(status(502, 0));
    history.add(status(9, 100, 'two'));
    assert.equal(history.series('cpu').length, 1);
    assert.equal(history.last('received'), undefined);
    assert.equal(history.spanSec, 60);
  });
});
