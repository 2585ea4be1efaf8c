import { listSupportedBackends } from 'onnxruntime-node';
import { fail } from '../core/index.ts';

/** Where a network can run; which of them this build of onnxruntime knows depends on the platform. */
export const DEVICES = ['cpu', 'webgpu', 'cuda', 'coreml', 'dml'] as const;
export type Device = (typeof DEVICES)[number];

/** Devices whose code is part of this platform's onnxruntime. Having the hardware is another matter. */
export function availableDevices(): Device[] {
  const bundled = listSupportedBackends().filter(b => b.bundled);
  return DEVICES.filter(d => bundled.some(b => b.name === d));
}

/**
 * Checks that `device` can be tried here.
 * @throws {DenseError} UNAVAILABLE, naming those that can
 */
export function checkDevice(device: string): Device {
  const known = listSupportedBackends().map(b => b.name);
  if (!known.includes(device) || !(DEVICES as readonly string[]).includes(device))
    fail(
      'UNAVAILABLE',
      `--device ${device}`,
      `onnxruntime on ${process.platform} ${process.arch} does not have it`,
      `use one of: ${availableDevices().join(', ')}`,
    );
  return device as Device;
}

/** What to do where a device that onnxruntime knows could not start: its files may be missing, or its hardware. */
export function deviceFix(device: Device): string {
  if (device === 'cuda')
    return "an NVIDIA GPU with driver, CUDA and cuDNN, and onnxruntime's CUDA files are needed (docs/devices.md); else use --device cpu";
  if (device === 'webgpu') return 'a GPU with a Vulkan, Metal or Direct3D 12 driver is needed; else use --device cpu';
  return 'check the driver of the device; else use --device cpu';
}
