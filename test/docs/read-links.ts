/** The links of a Markdown text that lead to files of the repository, and the headings that they may name. */
export interface Link {
  readonly line: number;
  /** Relative to the document; empty: the document itself. */
  readonly path: string;
  /** Empty: none. */
  readonly heading: string;
}

export function findLinks(markdown: string): readonly Link[] {
  return withoutBlocks(markdown).flatMap((text, i) =>
    [...text.matchAll(/(?:\]\(|(?:src|srcset|href)=")([^)"\s]+)[)"]/g)].flatMap(([, target = '']) => {
      if (/^[a-z]+:/.test(target)) return [];
      const [path = '', heading = ''] = target.split('#');
      return [{ line: i + 1, path, heading }];
    }),
  );
}

/** As the usual renderers make them: lower case, no punctuation, hyphens for spaces. */
export function headingIds(markdown: string): ReadonlySet<string> {
  const headings = withoutBlocks(markdown).flatMap((line) => /^#+ +(.+)$/.exec(line)?.[1] ?? []);
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function withoutBlocks(markdown: string): readonly string[] {
  let isInside = false;
  return markdown.split('\n').map((line) => {
    const isFence = /^ *```/.test(line);
    if (isFence) isInside = !isInside;
    return isFence || isInside ? '' : line;
  });
}
