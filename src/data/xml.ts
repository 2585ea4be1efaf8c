import { fail } from '../core/index.ts';

/** An element: its children in order, and its own text with white space around it removed. */
export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
// what a document is made of, in the order it is tried: comment, CDATA, declaration or instruction, tag, text
const PIECE =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<(\/?)([^\s/>!?]+)((?:[^>"']|"[^"]*"|'[^']*')*?)(\/?)>|[^<]+/y;
const MAX_DEPTH = 64;

/**
 * Reads XML as annotation tools write it: elements and text; attributes, comments and instructions are passed over, the
 * five named entities and character references are undone. Document types (and with them entities of one's own) are
 * refused.
 *
 * @param source what errors call the file
 * @throws {DenseError} BAD_INPUT naming the line
 */
export function parseXml(text: string, source: string): XmlElement {
  type Open = { name: string; children: XmlElement[]; text: string };
  const stack: Open[] = [{ name: '', children: [], text: '' }];
  const wrong = (what: string, at: number): never =>
    fail(
      'BAD_INPUT',
      `${source}: line ${text.slice(0, at).split('\n').length} ${what}`,
      'it is not well-formed XML',
      'write the annotation again, or correct the line',
    );
  let at = text.startsWith('\ufeff') ? 1 : 0;
  while (at < text.length) {
    PIECE.lastIndex = at;
    const piece = PIECE.exec(text);
    if (!piece) return wrong(`holds ${JSON.stringify(text.slice(at, at + 20))}`, at);
    const [whole, cdata, closing, name, , alone] = piece;
    const top = stack.at(-1)!;
    if (cdata !== undefined) top.text += cdata;
    else if (name === undefined) {
      if (!whole.startsWith('<')) top.text += unescaped(whole);
    } else if (closing) {
      if (name !== top.name) wrong(`closes <${name}> where <${top.name}> is open`, at);
      stack.pop();
      stack.at(-1)!.children.push({ ...top, text: top.text.trim() });
    } else if (alone) top.children.push({ name, children: [], text: '' });
    else if (stack.push({ name, children: [], text: '' }) > MAX_DEPTH) wrong('is nested too deeply', at);
    at = PIECE.lastIndex;
  }
  const [root] = stack;
  if (stack.length > 1) wrong(`is the end, but <${stack.at(-1)!.name}> is open`, text.length);
  if (root!.children.length !== 1) wrong('is the end, but there is not exactly one element', text.length);
  return root!.children[0]!;
}

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    const code = decimal !== undefined ? Number(decimal) : hex !== undefined ? Number.parseInt(hex, 16) : undefined;
    if (code === undefined) return Object.hasOwn(ENTITIES, name as string) ? ENTITIES[name as string]! : whole;
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** Text as it stands inside an element. */
export function escapedXml(text: string): string {
  return text.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
}

/** The first child of a name. */
export function childOf(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find(child => child.name === name);
}

/** Text of the first child of a name. */
export function textOf(element: XmlElement | undefined, name: string): string | undefined {
  return childOf(element, name)?.text;
}
