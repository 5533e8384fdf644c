/** Where a rule comes from, for people: a file of the context by its path in it. */
export function shortSource(source: string, directory: string): string {
  const root = directory.endsWith('/') ? directory : `${directory}/`;
  return source.startsWith(root) ? source.slice(root.length) : source;
}
