const LAZY =
  /^(\s*)(?:const|let) (\w+) = (require\("node:(?:child_process|crypto|fs\/promises|readline|zlib)"\));$/gm;

/**
 * Loads what is slow to load of Node's own when it is first used: node:crypto and node:child_process take
 * 4 ms of CPU each, in each thread, and most runs do without one of them.
 *
 * @type {import('rolldown').Plugin}
 */
export const lazyBuiltins = {
  name: 'lazy-builtins',
  renderChunk(code) {
    const names = [...code.matchAll(LAZY)].map(([, , name]) => name);
    if (names.length === 0) return code;
    const uses = new RegExp(`\\b(${names.join('|')})\\.`, 'g');
    return code.replace(LAZY, '$1const $2 = () => $3;').replace(uses, '$1().');
  },
};
