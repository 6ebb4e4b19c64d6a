/** Takes values that are nobody's to read out of texts that others wrote. Pure. */

/** Values shorter than this are no secrets, and their letters are in every text. */
const SECRET_CHARACTERS_MIN = 6;

/** Also as JSON has them, and each line of those with several, since logs come line by line. */
export function redact(text: string, values: readonly string[], charactersMin = SECRET_CHARACTERS_MIN): string {
  const secrets = values.flatMap((value) => [value, ...value.split(/\r?\n/)]).filter((part) => part.length >= charactersMin);
  const forms = secrets.flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]);
  const longestFirst = forms.toSorted((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, form) => rest.replaceAll(form, '[value]'), text);
}
