// What examples/native-addons shows of itself on a device: its database counts the starts of its app.

import assert from 'node:assert/strict';
import { type Appliance, eventually } from './appliance.ts';

const APP = 'native-addons';

/** For the first time. */
export async function exampleRuns(appliance: Appliance): Promise<void> {
  const app = await eventually('the app to run', async () => {
    const service = await appliance.service(APP);
    return service.state === 'running' && service;
  });
  assert.equal(app.startCount, 1);
  await eventually('its first line', async () => /1 starts? recorded/.test(await appliance.log(APP)));
}
