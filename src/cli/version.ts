import manifest from '../../package.json' with { type: 'json' };

/** quorate's own version, without a v. */
export const VERSION: string = manifest.version;
