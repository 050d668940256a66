/**
 * Compares what a document shows with what a command printed. `...` stands for anything within a line, a line that is only
 * `...` for any number of lines, and `<word>` for one word that differs from run to run, such as `<id>`.
 */

/** Undefined when it fits; else what does not. */
export function compareOutput(shown: string, printed: string): string | undefined {
  const pattern = new RegExp(`^${lines(shown).map(toPattern).join('')}$`);
  const text = lines(printed)
    .map((line) => `${line}\n`)
    .join('');
  return pattern.test(text) ? undefined : `the document shows\n\n${shown}\nbut the block above it prints\n\n${printed}`;
}

/** Without colours, trailing spaces and empty lines at the ends. */
function lines(text: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a colour begins.
  const plain = text.replace(/\u001b\[[\d;]*m/g, '');
  return plain
    .trim()
    .split('\n')
    .map((line) => line.trimEnd());
}

function toPattern(line: string): string {
  if (line.trim() === '...') return '(?:[^\\n]*\\n)*?';
  const parts = line.split(/(\.\.\.|<[a-z][a-z -]*>)/);
  return `${parts.map((part, i) => (i % 2 === 0 ? escapePattern(part) : wildcard(part))).join('')}\\n`;
}

function wildcard(part: string): string {
  return part === '...' ? '[^\\n]*' : '\\S+';
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
