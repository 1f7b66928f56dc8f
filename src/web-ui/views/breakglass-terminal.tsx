// A root shell in the browser, while a break-glass session is open and this tab has its key.

import { useEffect, useRef, useState } from 'preact/hooks';

import { DeviceTerminal } from '../device/terminal.ts';
import type { ShownTerminal } from '../terminal/terminal.ts';

export function BreakglassTerminal({ sessionId, secret }: { sessionId: string; secret: string }) {
  const place = useRef<HTMLDivElement>(null);
  const [end, setEnd] = useState<string>();
  useEffect(() => {
    const work = new AbortController();
    const element = place.current;
    let shown: ShownTerminal | undefined;
    const run = async (): Promise<void> => {
      if (element === null) return;
      // An asset of its own: most visits do without.
      const { showTerminal } = await import('../terminal/terminal.ts');
      if (work.signal.aborted) return;
      // What is typed before the device has answered is for nobody.
      const at: { device?: DeviceTerminal } = {};
      shown = showTerminal(element, {
        onText: (text) => at.device?.type(text),
        onSize: (size) => at.device?.resize(size),
      });
      at.device = await DeviceTerminal.open(sessionId, secret, shown.size);
      shown.focus();
      for await (const bytes of at.device.output(work.signal)) shown.write(bytes);
    };
    const follow = async (): Promise<void> => {
      const text = await run().then(
        () => 'This terminal has ended.',
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      if (work.signal.aborted) return;
      shown?.freeze();
      setEnd(text);
    };
    void follow();
    return () => {
      work.abort();
      shown?.remove();
    };
  }, [sessionId, secret]);
  return (
    <section class="shell" aria-label="Terminal">
      <div class="shell-screen" ref={place} />
      {end !== undefined && (
        <p class="shell-end" role="status">
          {end}
        </p>
      )}
    </section>
  );
}
