// What looking and an apply with nothing to do cost as machines grow: node scripts/run-ts.mjs scripts/bench-growth.ts [--help].
// It starts itself again for every measurement (`--perform`), and loads for that no more than quorate itself would.
import { performanceOf, USAGE } from '../bench/growth/options.ts';

const args = process.argv.slice(2);
const performance = performanceOf(args);
try {
  if (args.includes('--help')) {
    console.log(USAGE);
  } else if (performance !== undefined) {
    const { play } = await import('../bench/growth/player.ts');
    console.log(JSON.stringify(await play(performance.verb, performance.directory)));
  } else {
    const { main } = await import('../bench/growth/main.ts');
    process.exitCode = await main(args);
  }
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
