import type { AppConfig } from './app-config.ts';
import type { AppContext, AppProgram } from './build-app.ts';
export async function buildBinaryApp(
  app: AppConfig & { binary: string },
  _context: AppContext,
): Promise<AppProgram> {
  throw new Error(app.name);
}
