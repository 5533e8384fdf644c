import { nameStart, splitPath, type BytePath } from '../disk/byte-path.ts';
import type { EntryKind } from '../entry/entry.ts';
import type { FindingKind } from '../report.ts';

/** A name that is rarely meant to be sent. */
export interface Risk {
  kind: Exclude<FindingKind, 'large' | 'out'>;
  /** Such a file counts only if it begins with something like this. */
  content?: RegExp;
}

interface RiskyFile extends Risk {
  /** Only in a directory of this name. */
  parent?: string;
}

const PRIVATE_KEY: Risk = { kind: 'private-key', content: /-----BEGIN [A-Z ]*PRIVATE KEY-----/ };
const KEY_STORE: Risk = { kind: 'private-key' };
const CREDENTIALS: Risk = { kind: 'credentials' };

const DIRECTORIES: ReadonlyMap<string, Risk> = new Map(
  Object.entries({
    '.git': { kind: 'version-control' },
    '.hg': { kind: 'version-control' },
    '.svn': { kind: 'version-control' },
    node_modules: { kind: 'dependencies' },
    bower_components: { kind: 'dependencies' },
    '.venv': { kind: 'dependencies' },
  } satisfies Record<string, Risk>),
);

const FILES: ReadonlyMap<string, RiskyFile> = new Map(
  Object.entries({
    // The default names of ssh-keygen(1).
    id_rsa: PRIVATE_KEY,
    id_dsa: PRIVATE_KEY,
    id_ecdsa: PRIVATE_KEY,
    id_ecdsa_sk: PRIVATE_KEY,
    id_ed25519: PRIVATE_KEY,
    id_ed25519_sk: PRIVATE_KEY,
    '.env': { kind: 'env-file' },
    '.netrc': CREDENTIALS,
    _netrc: CREDENTIALS,
    '.git-credentials': CREDENTIALS,
    '.pgpass': CREDENTIALS,
    '.pypirc': CREDENTIALS,
    '.vault-token': CREDENTIALS,
    '.dockercfg': CREDENTIALS,
    '.npmrc': { kind: 'credentials', content: /_(?:auth|authToken|password)\s*=/ },
    'config.json': { kind: 'credentials', parent: '.docker', content: /"auth"/ },
    credentials: { kind: 'credentials', parent: '.aws' },
    config: { kind: 'credentials', parent: '.kube' },
    'application_default_credentials.json': CREDENTIALS,
    'credentials.db': { kind: 'credentials', parent: 'gcloud' },
    'accessTokens.json': { kind: 'credentials', parent: '.azure' },
    'msal_token_cache.json': { kind: 'credentials', parent: '.azure' },
    'credentials.tfrc.json': CREDENTIALS,
  } satisfies Record<string, RiskyFile>),
);

const EXTENSIONS: ReadonlyMap<string, Risk> = new Map(
  Object.entries({
    pem: PRIVATE_KEY,
    key: PRIVATE_KEY,
    ppk: { kind: 'private-key', content: /PuTTY-User-Key-File/ },
    p12: KEY_STORE,
    pfx: KEY_STORE,
    jks: KEY_STORE,
    keystore: KEY_STORE,
    tfstate: CREDENTIALS,
  } satisfies Record<string, Risk>),
);

/** Files such as `.env.production`, but not those that show others what to write. */
const ENV_OF_STAGE = /^\.env\.(?!(?:example|sample|template|dist|defaults?|schema)$)/;
const SERVICE_ACCOUNT: Risk = { kind: 'credentials', content: /"private_key"/ };
const SERVICE_ACCOUNT_NAME = /(?:service[-_]?account|credentials?)[^.]*\.json$/i;

const DOT = 0x2e;

/** Length and first letter of a word, as one number. */
function shapeOf(text: string, from: number): number {
  return (text.length - from) * 0x100 + text.charCodeAt(from);
}

const EXTENSION_SHAPES = new Set(
  [...EXTENSIONS.keys(), 'json'].map((extension) => shapeOf(extension, 0)),
);
/** How the names of FILES begin. */
const FIRST_LETTERS = new Set(Array.from(FILES.keys(), (name) => name.charCodeAt(0)));

/**
 * By its name alone: it is called for every entry that is sent, so most are told apart by their first letter
 * and their extension, without a text for their name.
 */
export function riskOf(path: BytePath, kind: EntryKind): Risk | undefined {
  if (kind === 'symlink') return undefined;
  const start = nameStart(path);
  if (kind === 'directory') return DIRECTORIES.get(path.slice(start));
  if (FIRST_LETTERS.has(path.charCodeAt(start))) {
    const known = FILES.get(path.slice(start));
    if (known !== undefined) return isIn(path, known.parent) ? known : undefined;
  }
  const dot = lastDot(path, start);
  if (dot < start || !looksRisky(path, start, dot)) return undefined;
  return riskByExtension(path, start, path.slice(dot + 1));
}

function lastDot(path: BytePath, start: number): number {
  let dot = path.length - 1;
  while (dot >= start && path.charCodeAt(dot) !== DOT) dot--;
  return dot;
}

function looksRisky(path: BytePath, start: number, dot: number): boolean {
  return path.charCodeAt(start) === DOT || EXTENSION_SHAPES.has(shapeOf(path, dot + 1));
}

function riskByExtension(path: BytePath, start: number, extension: string): Risk | undefined {
  if (extension === 'json') {
    return SERVICE_ACCOUNT_NAME.test(path.slice(start)) ? SERVICE_ACCOUNT : undefined;
  }
  if (path.startsWith('.env.', start)) {
    return ENV_OF_STAGE.test(path.slice(start)) ? { kind: 'env-file' } : undefined;
  }
  return EXTENSIONS.get(extension);
}

/** Whether a directory is one that nobody edits, such as `.git`: it is sent or ignored as a whole. */
export function isWhole(directory: BytePath): boolean {
  return DIRECTORIES.has(splitPath(directory)[1]);
}

/** Whether a path lies in such a directory. */
export function isBeneathWhole(path: BytePath): boolean {
  const above = path.split('/').slice(0, -1);
  return above.some((name) => DIRECTORIES.has(name));
}

function isIn(path: BytePath, parent: string | undefined): boolean {
  return parent === undefined || splitPath(splitPath(path)[0])[1] === parent;
}
