/** The entry of that very name; `constructor` is a valid name of an app, and every object inherits one. */
export function lookUp<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
