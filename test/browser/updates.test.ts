// The view of updates in Chromium: what the slots hold, a trial that is confirmed or ended, the history, the way back.

import assert from 'node:assert/strict';
import { after, before, suite, test, type TestContext } from 'node:test';

import type { UpdateState } from '../../src/shared/update/update-state.ts';
import { exampleHistory, exampleTrial } from '../support/web/fake-device.ts';
import {
  logIn,
  overflowOf,
  PageVisitor,
  skipWithoutChromium,
  type Visit,
} from '../support/web/page-visitor.ts';
import { KEY, MIB, newImage, OLD } from '../support/updates/update-device.ts';
import { UpdateTarget } from '../support/updates/update-target.ts';

suite('updates on the status page', { skip: skipWithoutChromium }, () => {
  let visitor: PageVisitor;
  before(async () => {
    visitor = await PageVisitor.launch();
  });
  after(() => visitor.close());

  async function visit(t: TestContext, update: Partial<UpdateState> = {}): Promise<Visit> {
    const target = await UpdateTarget.create(OLD, 4 * MIB, { other: newImage() });
    const visited = await visitor.visit(t, {
      config: { buildId: OLD.manifest.buildId, update: { trustedKeys: [KEY.trusted] } },
      updates: { openDisk: (use) => target.openDisk(use) },
      update,
    });
    t.after(() => target.remove());
    await logIn(visited);
    return visited;
  }

  test('shows slots and history, and rolls back after a question', async (t) => {
    const { page, device, complaints } = await visit(t, { history: exampleHistory() });
    await page.getByText(/was rolled back on .*app sensor exited with code 1/).waitFor();
    await page.getByRole('link', { name: 'Updates', exact: true }).click();
    await page.getByRole('heading', { name: 'Slot a runs, starts next time' }).waitFor();
    const buildOf = (slot: string) =>
      page
        .getByRole('region', { name: `Slot ${slot}` })
        .locator('dd')
        .first();
    assert.equal(await buildOf('a').textContent(), OLD.manifest.buildId.slice(0, 12));
    assert.notEqual(await buildOf('b').textContent(), OLD.manifest.buildId.slice(0, 12));
    const history = page.getByRole('region', { name: 'History' });
    assert.equal(await history.getByRole('listitem').count(), 2);
    await history.getByText('Last lines of sensor').click();
    await history.getByText('Cannot find module').waitFor();

    await page.getByRole('button', { name: 'Roll back' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
    await page.getByRole('heading', { name: /^Trial of build/ }).waitFor();
    const [[name, request] = []] = device.init.updateRequests;
    assert.equal(name, 'trial');
    assert.deepEqual(
      { slot: 'b', confirmBy: 'device', mode: 'reboot', who: 'the page' },
      (({ slot, confirmBy, mode, who }) => ({ slot, confirmBy, mode, who }))(
        request as Record<string, unknown>,
      ),
    );
    assert.deepEqual(complaints, []);
  });

  test('says by which way it tries a build, and on both views why it cannot', async (t) => {
    const usual = await visit(t, { trialStart: 'tryboot' });
    await usual.page.goto(`${usual.device.url}/#/updates`);
    await usual.page.getByText('Starts slot a; trials by tryboot.').waitFor();
    const trialProblem = 'The EEPROM of this Raspberry Pi is of 2020-09-03. Update it, then update again';
    const { page, device, complaints } = await visit(t, { trialStart: null, trialProblem });
    await page.getByText(`${trialProblem}.`).waitFor();
    await page.goto(`${device.url}/#/updates`);
    await page.getByText('Starts slot a; no way to try another build.').waitFor();
    await page.getByText(`${trialProblem}.`).waitFor();
    assert.equal(await overflowOf(page), 0);
    assert.deepEqual([...complaints, ...usual.complaints], []);
  });

  test('confirms a trial as soon as all is well', async (t) => {
    const { page, device, complaints } = await visit(t, {
      running: 'b',
      trial: { ...exampleTrial(), waitsFor: ['app irrigation has run for 12 s of 30'] },
    });
    await page.getByText(/is on trial: confirmed within/).waitFor();
    await page.getByRole('link', { name: 'Updates', exact: true }).click();
    await page.getByText('app irrigation has run for 12 s of 30').waitFor();
    const confirm = page.getByRole('button', { name: 'Confirm' });
    assert.equal(await confirm.isDisabled(), true);
    Object.assign(device.init.update.trial ?? {}, { waitsFor: [] });
    await page.getByText('All is well').waitFor();
    await confirm.click();
    await page.getByRole('heading', { name: /^Trial of build/ }).waitFor({ state: 'detached' });
    assert.deepEqual(
      device.init.updateRequests.map(([name]) => name),
      ['confirm'],
    );
    assert.deepEqual(complaints, []);
  });

  test('ends a trial by hand, and fits a phone', async (t) => {
    const { page, device, complaints } = await visit(t, { trial: exampleTrial(), history: exampleHistory() });
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(`${device.url}/#/updates`);
    await page.getByRole('region', { name: 'History' }).waitFor();
    assert.equal(await overflowOf(page), 0);
    await page.getByRole('button', { name: 'Roll back' }).click();
    await page.getByRole('dialog').getByText('The device goes back to build').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
    await page.getByRole('heading', { name: /^Trial of build/ }).waitFor({ state: 'detached' });
    assert.deepEqual(
      device.init.updateRequests.map(([name]) => name),
      ['rollback'],
    );
    assert.deepEqual(complaints, []);
  });
});
