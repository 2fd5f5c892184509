import { processIo } from './io.ts';
import { run } from './run.ts';

const exitCode = await run(process.argv.slice(2), processIo());
// Connections that are kept alive would hold the process open; the empty write comes back when all output has left.
process.stdout.write('', () => process.exit(exitCode));
