import { hostname } from 'node:os';
import sharp from 'sharp';

export const dynamic = 'force-dynamic';

export default async function Page() {
  const dot = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'teal' } })
    .png()
    .toBuffer();
  return (
    <main>
      <h1>{hostname()}</h1>
      <img alt="made on the device" src={`data:image/png;base64,${dot.toString('base64')}`} />
    </main>
  );
}
