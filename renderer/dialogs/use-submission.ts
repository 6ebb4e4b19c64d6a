import { type FormEvent, useState } from 'react';
import type { FieldError } from '../../daemon/contract/errors.ts';
import { fieldErrorsOf, messageOf } from '../bridge/bridge-error.ts';
import { focusFirstError } from './focus-first-error.ts';

type Errors<Field extends string> = Partial<Record<Field, string>>;

interface Submission<Field extends string, Body> {
  /** By the contract, before anything is sent. */
  read(): { body: Body } | { errors: Errors<Field> };
  /** Resolves when it went through, having closed the dialog; rejects with what the daemon says. */
  send(body: Body): Promise<void>;
  /** By the form's fields; what concerns none of them is left out. */
  errorsOf(complaints: readonly FieldError[]): Errors<Field>;
}

/** A form that is judged twice, here and by the daemon: each complaint at its field, and in one sentence what concerns none. */
export function useSubmission<Field extends string, Body>({ read, send, errorsOf }: Submission<Field, Body>) {
  const [errors, setErrors] = useState<Errors<Field>>({});
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const show = (found: Errors<Field>) => {
    setErrors(found);
    requestAnimationFrame(focusFirstError);
  };
  const submit = async () => {
    if (isBusy) return;
    const asked = read();
    if ('errors' in asked) return show(asked.errors);
    setBusy(true);
    setProblem(null);
    try {
      await send(asked.body);
    } catch (error) {
      const found = errorsOf(fieldErrorsOf(error));
      show(found);
      setProblem(Object.keys(found).length > 0 ? null : messageOf(error));
      setBusy(false);
    }
  };
  return {
    errors,
    problem,
    isBusy,
    /** What was complained of is being mended. */
    settle: (fields: readonly string[]) => {
      setErrors((held) => Object.fromEntries(Object.entries(held).filter(([field]) => !fields.includes(field))) as Errors<Field>);
      setProblem(null);
    },
    onSubmit: (event: FormEvent) => {
      event.preventDefault();
      void submit();
    },
  };
}
