/** Widths of a DPT head. */
export interface DptWidths {
  /** Channels of the backbone. */
  readonly width: number;
  readonly taps: readonly number[];
  /** Channels of all fused maps. */
  readonly features: number;
  /** Channels of each tap's own map. */
  readonly channels: readonly [number, number, number, number];
  readonly hidden: number;
  /** Levels whose units are depthwise-separable. */
  readonly separable: readonly number[];
  /** Channels of the output: 1, or the bins of metric depth. */
  readonly outputs: number;
}

/** Names and shapes of a DPT head's tensors, as tools/train/export.py writes them. */
export function dptTensors(widths: DptWidths): { name: string; shape: number[] }[] {
  const { width, taps, features: f, channels, hidden, separable, outputs } = widths;
  const tensors: { name: string; shape: number[] }[] = [];
  const both = (name: string, out: number, ...rest: number[]) => {
    tensors.push({ name: `depth.${name}.weight`, shape: [out, ...rest] });
    tensors.push({ name: `depth.${name}.bias`, shape: [out] });
  };
  const unit = (name: string, level: number) => {
    for (const conv of ['conv1', 'conv2'])
      if (separable.includes(level)) {
        both(`${name}.${conv}.dw`, f, 1, 3, 3);
        both(`${name}.${conv}.pw`, f, f, 1, 1);
      } else both(`${name}.${conv}`, f, f, 3, 3);
  };
  for (const tap of new Set(taps)) both(`norms.${tap}`, width);
  channels.forEach((c, level) => {
    both(`reassemble.${level}.project`, c, width, 1, 1);
    const side = [4, 2, 0, 3][level];
    if (side) both(`reassemble.${level}.resize`, c, c, side, side);
    both(`reassemble.${level}.layer`, f, c, 3, 3);
    if (level < 3) unit(`fusion.${level}.unit1`, level);
    unit(`fusion.${level}.unit2`, level);
    both(`fusion.${level}.project`, f, f, 1, 1);
  });
  both('out.conv1', f / 2, f, 3, 3);
  both('out.conv2', hidden, f / 2, 3, 3);
  both('out.conv3', outputs, hidden, 1, 1);
  return tensors;
}
