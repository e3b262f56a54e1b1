/**
 * The text format of Prometheus, version 0.0.4: families of samples, each with its help and its type. Pure.
 * Source: prometheus.io/docs/instrumenting/exposition_formats.
 */

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric with its samples. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  /** One sentence. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

export function gauge(name: string, help: string, value: number | readonly Sample[]): Family {
  return { name, type: 'gauge', help, samples: samplesOf(value) };
}

export function counter(name: string, help: string, value: number | readonly Sample[]): Family {
  return { name, type: 'counter', help, samples: samplesOf(value) };
}

function samplesOf(value: number | readonly Sample[]): readonly Sample[] {
  return typeof value === 'number' ? [{ value }] : value;
}

/** `notFound` is `not_found`, and `TLSv1.3` stays. */
export function snake(name: string): string {
  return name.replace(/[a-z][A-Z]/g, ([low = '', high = '']) => `${low}_${high.toLowerCase()}`);
}

/** Samples of records within records; a label for each depth. */
export function nested(
  values: object,
  labels: readonly string[],
  above: Readonly<Record<string, string>> = {},
): Sample[] {
  const [label = '', ...rest] = labels;
  return Object.entries(values).flatMap(([name, value]: [string, number | object]) => {
    const here = { ...above, [label]: snake(name) };
    return typeof value === 'number' ? [{ labels: here, value }] : nested(value, rest, here);
  });
}

/** Ends with a line feed; families without a sample are left out. */
export function expositionText(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(
        ({ labels = {}, value }) => `${name}${labelText(labels)} ${valueText(value)}`,
      );
      return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`;
    })
    .join('');
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

function valueText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return Number.isNaN(value) ? 'NaN' : String(value);
}
