// What tsk inspect does.

import { devToolsUrl, openLocalEndpoint } from '../debug/local-endpoint.ts';
import { ScriptSourceMaps } from '../debug/script-source-maps.ts';
import { SourcePlaces } from '../devices/source-places.ts';
import { UserError } from '../user-error.ts';
import { withInspector } from './debug-session.ts';
import type { DeviceOptions } from './device-session.ts';
import { paint } from './output.ts';
import type { Session } from './session.ts';

export interface InspectOptions extends DeviceOptions {
  port?: number;
}

export async function inspectApp(session: Session, app: string, options: InspectOptions): Promise<void> {
  await withInspector(session, app, options, async (inspector, { hostname, buildId, instance }) => {
    const { output } = session;
    const endpoint = await openLocalEndpoint(inspector, {
      port: options.port,
      maps: new ScriptSourceMaps(new SourcePlaces(instance.stateDirectory, buildId), instance.directory),
      onProblem: (error) => output.warn(error instanceof Error ? error.message : String(error)),
    });
    try {
      const { port, webSocketUrl } = endpoint;
      const url = devToolsUrl(webSocketUrl.replace('ws://', ''));
      const attach = JSON.stringify({
        type: 'node',
        request: 'attach',
        name: `${app} on ${hostname}`,
        port,
        // It believes source maps of the folder alone otherwise, and the bundle is in none.
        resolveSourceMapLocations: null,
      });
      output.result(
        { app, port, webSocketUrl, devtoolsFrontendUrl: url },
        [
          `The inspector of ${paint('bold', app)} is open at 127.0.0.1:${port}, until Ctrl-C.`,
          `  Chrome   chrome://inspect${port === 9229 ? '' : ` (Configure: localhost:${port})`}, or ${url}`,
          `  VS Code  in .vscode/launch.json: ${attach}`,
          `  Node.js  node inspect 127.0.0.1:${port}`,
        ].join('\n'),
      );
      const reason = await inspector.ended;
      // Ctrl-C is how one leaves.
      if (session.signal.aborted) return;
      throw new UserError(`The inspector of "${app}" is closed: ${reason}`);
    } finally {
      endpoint.close();
    }
  });
}
