import { Button, FileButton, Textarea } from '@mantine/core';
import { FileUp } from 'lucide-react';
import { useState } from 'react';
import { formatBytes } from '../../format.ts';
import { MaskedArea } from '../secrets/masked-area.tsx';

interface PemFieldProps {
  label: string;
  placeholder: string;
  description: string;
  value: string;
  error: string | undefined;
  /** Characters; a larger file is not even read. */
  size_max: number;
  isSecret?: boolean;
  onChange(value: string): void;
}

/** A text in PEM: pasted, or taken from a file of this machine. */
export function PemField({ size_max, isSecret = false, error, onChange, ...area }: PemFieldProps) {
  const [refused, setRefused] = useState<string | null>(null);
  const take = async (file: File | null) => {
    if (file === null) return;
    if (file.size > size_max) return setRefused(`${file.name} is too large (${formatBytes(file.size)}); choose a file in PEM`);
    setRefused(null);
    onChange(await file.text());
  };
  const change = (value: string) => {
    setRefused(null);
    onChange(value);
  };
  const shown = refused ?? error;
  return (
    <div className="nd-pem">
      <FileButton onChange={(file) => void take(file)}>
        {(props) => (
          <Button {...props} className="nd-pem-choose" size="compact-xs" variant="subtle" leftSection={<FileUp size={12} />}>
            Choose file…
          </Button>
        )}
      </FileButton>
      {isSecret ? (
        <MaskedArea {...area} minRows={3} maxRows={8} error={shown} onChange={change} />
      ) : (
        <Textarea
          {...area}
          classNames={{ input: 'nd-mono' }}
          autosize
          minRows={4}
          maxRows={8}
          autoComplete="off"
          spellCheck={false}
          error={shown}
          onChange={(event) => change(event.currentTarget.value)}
        />
      )}
    </div>
  );
}
