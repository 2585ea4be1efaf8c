import type { OnnxInspection } from '../pipelines/index.ts';
import { formatTable } from './output.ts';

/** An ONNX file and its proposal, for people. */
export function formatOnnx({ proposal, problem, ...file }: OnnxInspection): string {
  const operators = Object.entries(file.operators);
  const shown = operators.slice(0, 8).map(([type, count]) => `${count} ${type}`);
  const lines = [
    formatTable([
      ['file', file.path],
      ['format', `ONNX, ${file.bytes.toLocaleString('en-US')} bytes, ${opsetText(file.opsets)}`],
      ['producer', file.producer || 'not said'],
      [
        'operators',
        shown.join(', ') + (operators.length > shown.length ? `, ${operators.length - shown.length} other kinds` : ''),
      ],
      [
        'weights',
        `${file.weights.tensors} tensors, ${file.weights.elements.toLocaleString('en-US')} numbers` +
          (file.weights.outside.length > 0 ? `, outside in ${file.weights.outside.join(', ')}` : ''),
      ],
    ]),
    '',
    formatTable([
      ['', 'name', 'type', 'shape'],
      ...file.inputs.map(v => ['input', v.name, v.dtype, `[${v.shape.join(', ')}]`]),
      ...file.outputs.map(v => ['output', v.name, v.dtype, `[${v.shape.join(', ')}]`]),
    ]),
    '',
  ];
  if (!proposal) return [...lines, `no model.json can be proposed: ${problem}`].join('\n');
  return [
    ...lines,
    'proposed model.json (--write DIR makes a model directory of it):',
    JSON.stringify(proposal.json, null, 2),
    '',
    'to be checked:',
    ...proposal.notes.map(note => `  ${note}`),
  ].join('\n');
}

function opsetText(opsets: Readonly<Record<string, number>>): string {
  return Object.entries(opsets)
    .map(([domain, version]) => `opset ${version}${domain === '' ? '' : ` of ${domain}`}`)
    .join(', ');
}
