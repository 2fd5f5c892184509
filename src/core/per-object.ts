/**
 * A function that computes its value once for each object and keeps it as long as that object lives. For what is asked once a machine
 * and is the same for all of them: else the work grows with the square of their number. The objects must not change.
 */
export function perObject<K extends object, V>(compute: (key: K) => V): (key: K) => V {
  const values = new WeakMap<K, { readonly value: V }>();
  return (key) => {
    const known = values.get(key) ?? { value: compute(key) };
    values.set(key, known);
    return known.value;
  };
}

const indexByName = perObject((items: readonly { readonly name: string }[]) => {
  // From the back, so that the first of two equal names wins, as with find().
  return new Map([...items].reverse().map((item) => [item.name, item]));
});

/** The first item of that name. The list must not change afterwards. */
export function findByName<T extends { readonly name: string }>(items: readonly T[] = [], name: string): T | undefined {
  return indexByName(items).get(name) as T | undefined;
}
