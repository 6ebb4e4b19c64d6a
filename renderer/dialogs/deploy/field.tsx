import { NumberInput, TagsInput, TextInput } from '@mantine/core';
import type { FormErrors } from '../../state/deploy-fields.ts';
import type { DeployForm } from '../../state/deploy-form.ts';

/** What every part of the deploy dialog gets. */
export interface DeployPartProps {
  form: DeployForm;
  errors: FormErrors;
  /** `field` is the one whose complaint is settled by the change. */
  onChange(change: Partial<DeployForm>, field: string): void;
}

/** Names of those entries of the form that hold a `T` and nothing else. */
type Holding<T> = { [Name in keyof DeployForm]: DeployForm[Name] extends T ? Name : never }[keyof DeployForm];

interface FieldProps<T> extends DeployPartProps {
  name: Holding<T>;
  /** As errors name it. */
  field: string;
  label: string;
  placeholder?: string;
  description?: string;
}

export function TextField(
  props: FieldProps<string> & { isMono?: boolean; required?: boolean; readOnly?: boolean; isFirst?: boolean },
) {
  const { form, errors, onChange, name, field, isMono = false, isFirst = false, ...input } = props;
  return (
    <TextInput
      {...input}
      {...(isMono ? { classNames: { input: 'nd-mono' } } : {})}
      data-autofocus={isFirst}
      autoComplete="off"
      spellCheck={false}
      value={form[name]}
      error={errors[field]}
      onChange={(event) => onChange({ [name]: event.currentTarget.value }, field)}
    />
  );
}

export function NumberField(props: FieldProps<number | string> & { min: number; max: number }) {
  const { form, errors, onChange, name, field, ...input } = props;
  return (
    <NumberInput
      {...input}
      clampBehavior="none"
      allowDecimal={false}
      hideControls
      autoComplete="off"
      value={form[name]}
      error={errors[field]}
      onChange={(value) => onChange({ [name]: value }, field)}
    />
  );
}

/** Words, each of them a tag: a blank, a comma or Enter ends one, and a list can be pasted. */
export function WordsField(props: FieldProps<string[]>) {
  const { form, errors, onChange, name, field, placeholder, ...input } = props;
  return (
    <TagsInput
      {...input}
      {...(form[name].length > 0 || placeholder === undefined ? {} : { placeholder })}
      size="xs"
      splitChars={[',', ' ']}
      clearable={false}
      value={form[name]}
      error={errors[field]}
      onChange={(words) => onChange({ [name]: words }, field)}
    />
  );
}

/** A complaint about a whole list, below it. */
export function FieldError({ message }: { message: string | undefined }) {
  return message === undefined ? null : <p className="nd-field-error">{message}</p>;
}
