'use strict';

// Loads the native part: the one that was built here, or that of the platform's package.

/** @returns {string} the name of the package that has the native part for this platform */
function platformPackage() {
  const { platform, arch } = process;
  if (platform !== 'linux') return `@udpair/${platform}-${arch}`;
  // The report names the version of glibc; with musl it has none.
  const report = /** @type {any} */ (process.report?.getReport());
  const libc = report?.header?.glibcVersionRuntime ? 'gnu' : 'musl';
  return `@udpair/linux-${arch}-${libc}`;
}

/** @returns {any} */
function load() {
  try {
    // @ts-ignore: it has no types, and is not always there
    return require('../udpair.node');
  } catch (error) {
    if (/** @type {any} */ (error).code !== 'MODULE_NOT_FOUND') throw error;
  }
  const name = platformPackage();
  try {
    return require(name);
  } catch (error) {
    if (/** @type {any} */ (error).code !== 'MODULE_NOT_FOUND') throw error;
    throw new Error(
      `udpair has no native part: neither ${name} is installed, nor was it built here (npm run build)`,
      { cause: error },
    );
  }
}

module.exports = load();
