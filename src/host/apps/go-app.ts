import type { AppConfig } from './app-config.ts';
import type { AppContext, AppProgram } from './build-app.ts';
export async function buildGoApp(app: AppConfig & { go: string }, _context: AppContext): Promise<AppProgram> {
  throw new Error(app.name);
}
