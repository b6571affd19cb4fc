// Reads a gate's answer to a message, as far as it can be understood.
//
// The gate may be of an older or a newer version. It says itself what it takes; a question that is not understood is
// left out.

import type { QuestionSubject, SourceQuestion } from '../../dependency/describe/describe.ts';
import { isRecord, isTexts } from '../../options/kit.ts';
import type { SourceMessage, SourceReply } from '../contract.ts';

export interface GateReply extends SourceReply {
  readonly token: string;
  /** Members of a message that it knows besides those that every gate knows. */
  readonly takes: readonly string[];
}

const MAX_QUESTIONS = 16;
const MAX_TAGS = 1_000;
const MAX_KEY_PARTS = 32;

/** Returns undefined when it is no answer of a gate. */
export function gateReplyOf(text: string): GateReply | undefined {
  try {
    const { gap, token, takes, questions, rival } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof gap !== 'boolean' || typeof token !== 'string') return undefined;
    const asked = Array.isArray(questions) ? questions.slice(0, MAX_QUESTIONS).flatMap(questionOf) : [];
    const more = { ...(asked.length > 0 && { questions: asked }), ...(rival === true && { rival }) };
    return { gap, token, takes: isTexts(takes) ? takes : [], ...more };
  } catch {
    return undefined;
  }
}

/** The message as the gate understands it. */
export function understood(message: SourceMessage, takes: readonly string[]): SourceMessage {
  const { position, lagMs, answers, ...rest } = message;
  return {
    ...rest,
    ...(position !== undefined && takes.includes('position') && { position }),
    ...(lagMs !== undefined && takes.includes('lagMs') && { lagMs }),
    ...(answers !== undefined && takes.includes('answers') && { answers }),
  };
}

function questionOf(value: unknown): SourceQuestion[] {
  if (!isRecord(value) || typeof value.id !== 'string' || !isRecord(value.about)) return [];
  const about = subjectOf(value.about);
  return about === undefined ? [] : [{ id: value.id, about }];
}

function subjectOf({ kind, tags, table, key }: Readonly<Record<string, unknown>>): QuestionSubject | undefined {
  if (kind === 'tags') return isTexts(tags) && tags.length <= MAX_TAGS ? { kind, tags } : undefined;
  if (typeof table !== 'string') return undefined;
  if (kind === 'table') return { kind, table };
  return kind === 'record' && isTexts(key) && key.length <= MAX_KEY_PARTS ? { kind, table, key } : undefined;
}
