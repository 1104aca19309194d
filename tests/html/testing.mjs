// What the tests of pages and exports are made of.

/// Milliseconds after which what does not happen is a failure: no busy machine takes that long for anything here.
export const patience = 600_000;

let passed = 0;
let failed = 0;

export async function test(name, body) {
  try {
    await body();
    passed++;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}: ${error.stack ?? error}`);
  }
}

export function expect(truth, what) {
  if (!truth) throw new Error(what);
}

export const equal = (actual, expected, what) => expect(actual === expected, `${what}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);

/// Ends the program: the last line is "N passed, N failed".
export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}
