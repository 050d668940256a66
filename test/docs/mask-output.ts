/** What differs from run to run, as the placeholders of `compareOutput`: for the command that writes outputs into documents. */
const MASKS: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<id>'],
  // Runs, and instances of the SDK.
  [/\b0[0-9a-hjkmnp-tv-z]{25}\b/g, '<id>'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>'],
  // Shorter ones are settings, which do not differ.
  [/\b\d+\.\d{3,9}s\b/g, '<duration>'],
  [/\b127\.0\.0\.1:\d+\b/g, '127.0.0.1:<port>'],
  [/\bn-[0-9a-f]{4}\b/g, '<node>'],
  [/("port": )\d+/g, '$1<port>'],
  [/("(?:local|remote)FlowControlWindow": ")\d+/g, '$1<bytes>'],
];

export function maskOutput(printed: string): string {
  return MASKS.reduce((text, [pattern, placeholder]) => text.replace(pattern, placeholder), printed);
}
