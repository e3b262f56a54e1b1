/**
 * Text of the manual as a man(7) source: Markdown's `code`, links and emphasis become fonts, and lines stay below 80 bytes.
 */

const WIDTH = 78;

/** What roff would read as a command or an escape; a hyphen that is typed must stay one. */
function escaped(text: string, typed: boolean): string {
  const safe = text.replaceAll('\\', '\\e');
  return typed ? safe.replaceAll('-', '\\-') : safe;
}

/** Markdown on one line as roff, not filled. */
export function lines(markdown: string): string {
  const plain = markdown
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('**', '')
    .replaceAll('\\|', '|');
  return plain
    .split('`')
    .map((part, i) =>
      i % 2 === 1 ? bold(part) : escaped(part, part.startsWith('-') || part.startsWith('/')),
    )
    .join('');
}

export function bold(text: string): string {
  return `\\fB${escaped(text, true)}\\fP`;
}

/** As it would be typed, within a line. */
export const code = bold;

/** Markdown as lines of roff; one that would begin with a control character is protected. */
export function fill(markdown: string): string {
  const out: string[] = [];
  let line = '';
  for (const word of lines(markdown).split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      out.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  out.push(line);
  return out.map((one) => one.replace(/^(?=[.'])/, '\\&')).join('\n');
}

export function paragraph(markdown: string): string {
  return `.PP\n${fill(markdown)}\n`;
}

/** A tag, as roff, and what stands beside it, as roff. */
export function item(tag: string, body: string): string {
  return `.TP\n${tag.replace(/^(?=[.'])/, '\\&')}\n${body}\n`;
}

/** Lines that stay as they are. */
export function literal(text: string): string {
  const kept = text.split('\n').map((line) => escaped(line, true).replace(/^(?=[.'])/, '\\&'));
  return `.RS 4\n.nf\n${kept.join('\n')}\n.fi\n.RE\n`;
}

export function section(name: string, body = ''): string {
  return `.SH ${name}\n${body}`;
}

export function subsection(name: string): string {
  return `.SS ${escaped(name, true)}\n`;
}

export function title(name: string, volume: number, day: string, source: string, summary: string): string {
  const heading = `.TH ${name.toUpperCase().replaceAll('-', '\\-')} ${volume} ${day} "${source}"`;
  const made = '.\\" made by test/manPages.ts from the tables of the program: do not edit\n';
  return `${made}${heading}\n.SH NAME\n${escaped(name, true)} \\- ${summary}\n`;
}
