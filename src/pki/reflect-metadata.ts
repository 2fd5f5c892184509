// @peculiar/x509's dependency container (tsyringe) refuses to load without three functions of the Reflect metadata
// proposal, and asks them only about constructors without parameters. Functions that someone else has put there stay.

interface MetadataReflect {
  getMetadata?(key: unknown, target: object): unknown;
  getOwnMetadata?(key: unknown, target: object): unknown;
  defineMetadata?(key: unknown, value: unknown, target: object): void;
}

const reflect = Reflect as MetadataReflect;
if (!reflect.getMetadata) provideMetadata(reflect);

function provideMetadata(target: MetadataReflect): void {
  const all = new WeakMap<object, Map<unknown, unknown>>();
  target.getOwnMetadata = (key, object) => all.get(object)?.get(key);
  target.getMetadata = (key, object) => {
    for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at)) {
      if (all.get(at)?.has(key)) return all.get(at)?.get(key);
    }
    return undefined;
  };
  target.defineMetadata = (key, value, object) => {
    all.set(object, (all.get(object) ?? new Map<unknown, unknown>()).set(key, value));
  };
}
