import { fail } from '../core/index.ts';
import { openPytorch } from './pytorch.ts';
import { looksLikeSafetensors, openSafetensors } from './safetensors.ts';
import { type ByteSource, withFile } from './source.ts';
import type { Checkpoint } from './types.ts';
import { looksLikeZip } from './zip.ts';

/** Files that are often handed over by mistake: how they begin, what they are, what to do. */
const MISTAKES: readonly {
  readonly begins: readonly (number | string)[];
  readonly is: string;
  readonly fix: string;
}[] = [
  {
    begins: [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc],
    is: 'a PyTorch file of the format before torch 1.6, which has no index',
    fix: 'in Python: torch.save(torch.load(path, map_location="cpu", weights_only=True), "new.pt")',
  },
  {
    begins: [0x80],
    is: 'a bare Python pickle, which is not run here',
    fix: 'in Python, if you trust it: load it and write the tensors with torch.save or safetensors',
  },
  {
    begins: ['version https://git-lfs'],
    is: 'a Git LFS pointer, not the file itself',
    fix: 'run git lfs pull in its repository, or download the file itself',
  },
  { begins: ['<'], is: 'a web page', fix: 'download the file itself; a page came in its place' },
  { begins: ['{'], is: 'text in JSON', fix: 'name the weights file, not its description' },
  { begins: ['GGUF'], is: 'a GGUF file', fix: 'name a .pt, .pth or .safetensors file' },
  { begins: [0x89, 'HDF'], is: 'an HDF5 file', fix: 'name a .pt, .pth or .safetensors file' },
  { begins: [0x1f, 0x8b], is: 'compressed with gzip', fix: 'unpack it first' },
];

/**
 * Opens a checkpoint: a PyTorch zip (.pt, .pth) or a safetensors file, told apart by content, never by name. Only the
 * index is read; tensor data stays in the file.
 *
 * @param path file; symbolic links are resolved
 * @throws {DenseError} BAD_CHECKPOINT when missing, truncated, of another kind, compressed, or not safe to read
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  return withFile(path, openSource);
}

/** {@link openCheckpoint} over any source of bytes. */
export async function openSource(source: ByteSource): Promise<Checkpoint> {
  const head = await source.read(0, Math.min(64, source.size));
  if (looksLikeZip(head)) return openPytorch(source);
  if (looksLikeSafetensors(head)) return openSafetensors(source);
  const mistake = MISTAKES.find(({ begins }) => startsWith(head, begins));
  fail(
    'BAD_CHECKPOINT',
    `${source.path} is neither a PyTorch zip nor a safetensors file`,
    source.size === 0
      ? 'it is empty'
      : mistake
        ? `it is ${mistake.is}`
        : `it begins with bytes ${Buffer.from(head.subarray(0, 8)).toString('hex')}`,
    mistake?.fix ??
      'name a file written by torch.save (torch 1.6 or later) or by safetensors; fetch it again if it is one',
  );
}

function startsWith(head: Uint8Array, begins: readonly (number | string)[]): boolean {
  const bytes = Buffer.concat(begins.map(part => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))));
  return Buffer.from(head.subarray(0, bytes.length)).equals(bytes);
}
