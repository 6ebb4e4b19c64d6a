/** Takes values that are nobody's to read out of texts that others wrote. Pure. */

/** Values shorter than this are no secrets, and their letters are in every text. */
const SECRET_CHARACTERS_MIN = 6;

/** Also as JSON has them, and each line of those with several, since logs come line by line; and of one that the text was cut in, what is left. */
export function redact(text: string, values: readonly string[], charactersMin = SECRET_CHARACTERS_MIN): string {
  const secrets = values.flatMap((value) => [value, ...value.split(/\r?\n/)]).filter((part) => part.length >= charactersMin);
  const forms = secrets.flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]);
  const longestFirst = forms.toSorted((a, b) => b.length - a.length);
  const rest = longestFirst.reduce((before, form) => before.replaceAll(form, '[value]'), text);
  const cut = forms.reduce((first, form) => Math.min(first, beginningAtEnd(rest, form)), rest.length);
  return cut === rest.length ? rest : `${rest.slice(0, cut)}[value]`;
}

/** Where at the end of the text the form begins without coming to its own end; the text's length: nowhere. */
function beginningAtEnd(text: string, form: string): number {
  const beginning = form.slice(0, SECRET_CHARACTERS_MIN);
  const from = Math.max(0, text.length - form.length + 1);
  for (let at = text.indexOf(beginning, from); at >= 0; at = text.indexOf(beginning, at + 1)) {
    if (form.startsWith(text.slice(at))) return at;
  }
  return text.length;
}
