/** Reads the imports of source files with the parser that builds them, and finds what {@link PARTS} forbids. Pure. */
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { parseSync } from 'vite';
import { BROWSER_PARTS, FILE_LINES_MAX, PACKAGE_RULES, PARTS, type Part, UNSHIPPED_PARTS } from './rules.ts';

interface Import {
  /** Null: computed at run time. */
  specifier: string | null;
  isType: boolean;
}

interface Findings {
  imports: Import[];
  hasAny: boolean;
  suppressions: string[];
}

/** What is wrong with a file, one sentence each with the reason; `path` is relative to the repository, with slashes. */
export function checkFile(path: string, source: string): string[] {
  const part = partOf(path);
  if (part === undefined) return [`${path} belongs to no part of DESIGN §2; put it where it belongs, or add its part.`];
  const { imports, hasAny, suppressions } = readSource(path, source);
  const complaints = imports.flatMap((one) => checkImport(path, part, one));
  if (hasAny) complaints.push(`${path} says "any"; parse at the boundary and use "unknown" before it.`);
  for (const text of suppressions) complaints.push(`${path} silences the compiler (${text}) without saying why.`);
  const lines = source.split('\n').length - 1;
  if (lines > FILE_LINES_MAX) complaints.push(`${path} has ${lines} lines; above ${FILE_LINES_MAX} a file is several.`);
  return complaints;
}

export function partOf(path: string): Part | undefined {
  return PARTS.find((part) => part.files.test(path));
}

function checkImport(path: string, part: Part, { specifier, isType }: Import): string[] {
  if (UNSHIPPED_PARTS.includes(part.name)) return [];
  if (specifier === null) return [`${path} computes an import at run time, which no one can check: ${part.reason}.`];
  if (!specifier.startsWith('.')) return checkPackage(path, part, specifier);

  const target = posix.normalize(posix.join(posix.dirname(path), specifier.replace(/\?.*$/, '')));
  const targetPart = partOf(target);
  if (target.startsWith('..') || targetPart === undefined)
    return [`${path} imports ${specifier}, which is no part of the project.`];
  if (UNSHIPPED_PARTS.includes(targetPart.name)) {
    return [`${path} imports ${target}: what is shipped must not depend on what is not.`];
  }
  const isAllowed =
    targetPart === part ||
    part.imports === null ||
    part.imports.includes(targetPart.name) ||
    (isType && part.types?.includes(targetPart.name) === true);
  return isAllowed ? [] : [`${path} imports ${target}, but ${part.name} may not import ${targetPart.name}: ${part.reason}.`];
}

function checkPackage(path: string, part: Part, specifier: string): string[] {
  if (BROWSER_PARTS.includes(part.name) && isBuiltin(specifier)) {
    return [`${path} imports ${specifier}: ${part.name} runs where there is no Node.`];
  }
  if (part.packages !== undefined && !part.packages.includes(specifier)) {
    return [`${path} imports ${specifier}: ${part.reason}.`];
  }
  return PACKAGE_RULES.filter((rule) => rule.packages.test(specifier) && !rule.allowed.includes(part.name)).map(
    (rule) => `${path} imports ${specifier}: ${rule.reason}.`,
  );
}

function readSource(path: string, source: string): Findings {
  const { program, comments, errors } = parseSync(path, source);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`);
  const findings: Findings = { imports: [], hasAny: false, suppressions: [] };
  visit(program, findings);
  for (const { value } of comments) {
    const text = value.trim();
    if (/^@ts-(ignore|nocheck)\b/.test(text) || /^@ts-expect-error\W*$/.test(text)) findings.suppressions.push(text);
  }
  return findings;
}

type SyntaxNode = Record<string, unknown>;

/** Walks the whole tree, whatever its node types: an import can stand inside a type or a function. */
function visit(value: unknown, findings: Findings): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, findings);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const node = value as SyntaxNode; // any object of the tree; each field is looked at before it is used
  const found = importOf(node);
  if (found !== null) findings.imports.push(found);
  if (node.type === 'TSAnyKeyword') findings.hasAny = true;
  for (const child of Object.values(node)) visit(child, findings);
}

function importOf(node: SyntaxNode): Import | null {
  switch (node.type) {
    case 'ImportDeclaration':
      return { specifier: literal(node.source), isType: node.importKind === 'type' || areTypes(node.specifiers, 'importKind') };
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      if (node.source === null) return null;
      return { specifier: literal(node.source), isType: node.exportKind === 'type' || areTypes(node.specifiers, 'exportKind') };
    case 'ImportExpression':
      return { specifier: literal(node.source), isType: false };
    case 'TSImportType':
      return { specifier: literal(node.source), isType: true };
    case 'TSExternalModuleReference':
      return { specifier: literal(node.expression), isType: false };
    case 'CallExpression':
      return isRequire(node.callee) ? { specifier: literal((node.arguments as unknown[])[0]), isType: false } : null;
    default:
      return null;
  }
}

/** `require('x')`, also as `createRequire(…)('x')` and `module.require('x')`; `require.resolve` loads nothing. */
function isRequire(callee: unknown): boolean {
  const { type, name, property, callee: inner } = callee as SyntaxNode;
  if (type === 'Identifier') return name === 'require';
  if (type === 'MemberExpression') return (property as SyntaxNode).name === 'require';
  return type === 'CallExpression' && (inner as SyntaxNode).name === 'createRequire';
}

function areTypes(specifiers: unknown, kind: 'importKind' | 'exportKind'): boolean {
  if (!Array.isArray(specifiers) || specifiers.length === 0) return false;
  return specifiers.every((specifier: SyntaxNode) => specifier[kind] === 'type');
}

function literal(node: unknown): string | null {
  const value = (node as SyntaxNode | undefined)?.value;
  return typeof value === 'string' ? value : null;
}
