import type { Finding, FindingKind, PathSize } from '../../report.ts';
import { shortPath } from '../../short-path.ts';
import { formatBytes, formatCount } from './format.ts';

type Words = [one: string, many: string];

const WORDS: Record<Exclude<FindingKind, 'large'>, Words> = {
  'private-key': ['a private key', 'private keys'],
  credentials: ['credentials', 'files with credentials'],
  'env-file': ['an environment file', 'environment files'],
  out: ['the OUT of a receiver', 'OUTs of receivers'],
  'version-control': ['a repository', 'repositories'],
  dependencies: ['installed dependencies', 'directories of installed dependencies'],
};

/** Findings for which it matters how large they are. */
const SIZED = new Set<FindingKind>(['version-control', 'dependencies']);

/** The one line in which a transfer reports all findings. */
export function findingsLine(findings: readonly Finding[]): string {
  const large = findings.find(({ kind }) => kind === 'large');
  const held = findings.filter((finding) => finding !== large).map((each) => findingText(each, 1));
  const words = [
    ...(held.length === 0 ? [] : [`the context holds ${held.join(', ')}`]),
    ...(large === undefined ? [] : [`the context is large: ${findingText(large)}`]),
  ].join('; ');
  return `warning: ${words} ("ctxsync explain" tells more)`;
}

/**
 * `2 private keys (a.pem, b.pem)`, or of a large context its size and what is largest in it.
 * @param named the most paths to name
 */
export function findingText(finding: Finding, named = Infinity): string {
  const { kind, count, bytes, examples } = finding;
  if (kind === 'large') return `${formatBytes(bytes)} (${examples.map(sized).join(', ')})`;
  const [one, many] = WORDS[kind];
  const what = count === 1 ? one : `${formatCount(count)} ${many}`;
  const paths = examples.slice(0, named).map(({ path }) => shortPath(path === '' ? './' : path));
  const more = count - paths.length;
  const all = [
    paths.join(', ') + (more > 0 ? ` and ${formatCount(more)} more` : ''),
    ...(SIZED.has(kind) ? [formatBytes(bytes)] : []),
  ];
  return `${what} (${all.join(', ')})`;
}

function sized({ path, bytes }: PathSize): string {
  return `${shortPath(path)} ${formatBytes(bytes)}`;
}
