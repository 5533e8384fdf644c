import { base256, evilHeader, evilMember } from './evil-tar.ts';

/** A sparse file as an archive describes it, right or wrong. */
export interface SparseFile {
  path?: string;
  realSize: number | string;
  /** Offset and length of each region. */
  regions: readonly (readonly [offset: number | string, length: number | string])[];
  /** The content of the regions, one after another. */
  data: string;
}

/** Each format that tars use, by name. */
export const SPARSE_FORMS: Record<string, (file: SparseFile) => Buffer> = {
  'old GNU': oldGnu,
  'pax 0.0': pax00,
  'pax 0.1': pax01,
  'pax 1.0': pax10,
};

/** Type S: four regions in the header, 21 in each block after it. */
export function oldGnu({ path = 'a', realSize, regions, data }: SparseFile): Buffer {
  const block = evilHeader({ path, type: 'S', content: data });
  block.write('ustar  \0', 257, 'latin1');
  putRegions(block, 386, regions.slice(0, 4));
  const rest = regions.slice(4);
  block[482] = rest.length > 0 ? 1 : 0;
  block.write(number12(realSize), 483, 'latin1');
  const blocks = [resummed(block)];
  for (let at = 0; at < rest.length; at += 21) {
    const extension = Buffer.alloc(512);
    putRegions(extension, 0, rest.slice(at, at + 21));
    extension[504] = at + 21 < rest.length ? 1 : 0;
    blocks.push(extension);
  }
  return Buffer.concat([...blocks, padded(data)]);
}

export function pax00({ path = 'a', realSize, regions, data }: SparseFile): Buffer {
  const pairs = regions.flatMap(([offset, length]): [string, string][] => [
    ['GNU.sparse.offset', `${offset}`],
    ['GNU.sparse.numbytes', `${length}`],
  ]);
  const size: [string, string] = ['GNU.sparse.size', `${realSize}`];
  const count: [string, string] = ['GNU.sparse.numblocks', `${regions.length}`];
  const major: [string, string] = ['GNU.sparse.major', '0'];
  const minor: [string, string] = ['GNU.sparse.minor', '0'];
  return evilMember({ path, content: data, pax: [size, count, major, minor, ...pairs] });
}

function pax01({ path = 'a', realSize, regions, data }: SparseFile): Buffer {
  const pax: [string, string][] = [
    ['GNU.sparse.name', path],
    ['GNU.sparse.size', `${realSize}`],
    ['GNU.sparse.numblocks', `${regions.length}`],
    ['GNU.sparse.map', regions.flat().join(',')],
  ];
  return evilMember({ path: 'GNUSparseFile.0/a', content: data, pax });
}

export function pax10({ path = 'a', realSize, regions, data }: SparseFile): Buffer {
  const map = [regions.length, ...regions.flat()].map((number) => `${number}\n`).join('');
  const pax: [string, string][] = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.name', path],
    ['GNU.sparse.realsize', `${realSize}`],
  ];
  const content = padded(map).toString('latin1') + data;
  return evilMember({ path: 'GNUSparseFile.0/a', content, pax });
}

function putRegions(block: Buffer, at: number, regions: SparseFile['regions']): void {
  for (const [i, [offset, length]] of regions.entries()) {
    block.write(number12(offset) + number12(length), at + i * 24, 'latin1');
  }
}

function number12(value: number | string): string {
  if (typeof value === 'string') return value.padEnd(12, '\0').slice(0, 12);
  if (value > 0o77777777777) return base256(BigInt(value));
  return `${value.toString(8).padStart(11, '0')}\0`;
}

function padded(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

function resummed(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((a, b) => a + b, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
