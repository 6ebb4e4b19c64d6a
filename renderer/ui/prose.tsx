/** A sentence of the daemon or the core, in which commands stand between backticks, as they are to be typed. */
export function Prose({ text }: { text: string }) {
  return (
    <>
      {text.split('`').map((part, place) =>
        // Every second part stood between two backticks. A sentence does not change, so its parts keep their places.
        // biome-ignore lint/suspicious/noArrayIndexKey: as said above
        place % 2 === 1 ? <code key={place}>{part}</code> : part,
      )}
    </>
  );
}
