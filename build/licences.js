import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The directory of a package: up to the last `node_modules/name` or `node_modules/@scope/name`. */
const PACKAGE = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;

/**
 * The licences of all packages that modules come from, as a comment: they ask to travel with every copy.
 *
 * @param {string[]} moduleIds
 */
export function licencesOf(moduleIds) {
  const directories = new Set(moduleIds.flatMap((id) => PACKAGE.exec(id) ?? []));
  const texts = [...directories].toSorted().map(licenceOf);
  return `/*\nThis file contains the following packages.\n\n${texts.join('\n')}*/\n`;
}

/** @param {string} directory */
function licenceOf(directory) {
  const { name, version, license } = JSON.parse(
    readFileSync(join(directory, 'package.json'), 'utf8'),
  );
  const file = readdirSync(directory).find((each) => /^licen[cs]e(\.md|\.txt)?$/i.test(each));
  if (file === undefined) throw new Error(`${name} has no licence file`);
  const text = readFileSync(join(directory, file), 'utf8').trim().replaceAll('*/', '* /');
  return `${name} ${version} (${license})\n\n${text}\n`;
}
