/** Puts the operator where something has to be mended, in the dialog that is open. */
export function focusFirstError(): void {
  const field = document.querySelector<HTMLElement>('[role="dialog"] [aria-invalid="true"]');
  field?.focus({ preventScroll: true });
  field?.scrollIntoView({ block: 'center' }); // the dialog's foot covers what is merely at its edge
}
