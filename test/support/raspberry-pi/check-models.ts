// Every model on one disk: what each would start, or why it would not.

import type { ByteSource } from '../../../src/formats/byte-source.ts';
import { FirmwareStop } from './firmware-stop.ts';
import { unpackKernel } from './kernel-file.ts';
import { type PiStart, type PowerOn, startFrom } from './pi-firmware.ts';
import { PI_MODELS } from './pi-models.ts';

export interface ModelReport {
  /** Id of the model. */
  model: string;
  /** Undefined: it does not start. */
  start?: Pick<PiStart, 'osPrefix' | 'kernelPath' | 'deviceTreePath' | 'cmdline'> & {
    overlays: readonly string[];
  };
  /** Why not, or what the firmware would log. None: all is well. */
  problems: readonly string[];
}

/** Kernels are unpacked whole. */
export async function checkModels(disk: ByteSource, powerOn: PowerOn = {}): Promise<ModelReport[]> {
  const wholeKernels = new Set<string>();
  const reports: ModelReport[] = [];
  for (const model of PI_MODELS) {
    try {
      const start = await startFrom(disk, model, powerOn);
      const { files, osPrefix, kernelPath, deviceTreePath, cmdline, overlays } = start;
      if (!wholeKernels.has(kernelPath)) unpackKernel(kernelPath, (await files.readFile(kernelPath))!);
      wholeKernels.add(kernelPath);
      const names = overlays.applied.map(({ name }) => name);
      const started = { osPrefix, kernelPath, deviceTreePath, cmdline, overlays: names };
      reports.push({ model: model.id, start: started, problems: start.warnings });
    } catch (error) {
      if (!(error instanceof FirmwareStop)) throw error;
      reports.push({ model: model.id, problems: [error.message] });
    }
  }
  return reports;
}
