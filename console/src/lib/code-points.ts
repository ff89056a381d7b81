/** The platform counts characters as Unicode code points (Python); JavaScript counts UTF-16 units. */

export type Split = { before: string; inside: string; after: string };

/** Cuts a text at two code-point offsets. Offsets beyond the end are held to it. */
export function splitAt(text: string, start: number, end: number): Split {
  const from = unitIndex(text, start);
  const to = unitIndex(text, Math.max(start, end));
  return { before: text.slice(0, from), inside: text.slice(from, to), after: text.slice(to) };
}

function unitIndex(text: string, codePoints: number): number {
  let index = 0;
  for (let seen = 0; seen < codePoints && index < text.length; seen += 1) {
    const unit = text.charCodeAt(index);
    const isPair = unit >= 0xd800 && unit <= 0xdbff && index + 1 < text.length;
    index += isPair ? 2 : 1;
  }
  return index;
}
