import { Button } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { Notice } from './notice.tsx';

interface ErrorBoundaryProps {
  /** A change of it (another view) clears the error. */
  place: string;
  children: ReactNode;
}

interface ErrorBoundaryState {
  error: Error | null;
  place: string;
}

/** A view that breaks takes neither the navigation nor the other views with it. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, ErrorBoundaryState> {
  override state: ErrorBoundaryState = { error: null, place: this.props.place };

  static getDerivedStateFromError(error: Error): Partial<ErrorBoundaryState> {
    return { error };
  }

  static getDerivedStateFromProps(props: ErrorBoundaryProps, state: ErrorBoundaryState): Partial<ErrorBoundaryState> | null {
    return props.place === state.place ? null : { error: null, place: props.place };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <div className="nd-page">
        <Notice tone="bad" title="This view has failed" text={`${error.message}. The servers are not affected.`}>
          <Button onClick={() => this.setState({ error: null })}>Show it again</Button>
          <Button onClick={() => window.location.reload()}>Reload the console</Button>
        </Notice>
      </div>
    );
  }
}
