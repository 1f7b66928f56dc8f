// Two packages with native add-ons at work: better-sqlite3 writes to the app's data directory on /perm, and
// @serialport/bindings-cpp looks at the serial ports. The page on port 8081 shows both.

import { createServer } from 'node:http';
import { join } from 'node:path';
import { listSerialPorts } from './serial-ports.ts';
import { StartLog } from './start-log.ts';

const dataDirectory = process.env.TSK_DATA_DIR ?? process.cwd();
const port = Number(process.env.PORT ?? 8081);

const starts = new StartLog(join(dataDirectory, 'starts.sqlite'));
starts.add(new Date());
console.log(`native-addons: ${starts.count()} starts recorded`);

const serialPorts = await listSerialPorts();
for (const { path, state } of serialPorts) console.log(`native-addons: ${path}: ${state}`);
console.log(`native-addons: ${serialPorts.length} serial ports`);

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(
    JSON.stringify({ starts: starts.count(), latest: starts.latest(10), serialPorts }, null, 2) + '\n',
  );
});

server.listen(port, () => console.log(`native-addons: listening on port ${port}`));
